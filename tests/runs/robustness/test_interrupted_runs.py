"""Runs that were stopped, or lost some of what they had: they end as they would have."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tests.runs.robustness.lab import attack, certify, defend, done, timeless

from isoloss.events import Progress
from isoloss.results.tables import read_table
from isoloss.robustness.evaluation import combination_on_block
from isoloss.robustness.evaluation.journal import Journal
from isoloss.robustness.evaluation.unit_work import UnitWork
from isoloss.run import Run
from isoloss.work import prepare, resume


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (attack, {"samples": 36}),
        (defend, {"samples": 12, "attacks": "transfer,eot", "steps": 1, "draws": 1}),
        (certify, {"samples": 36}),
    ],
)
def test_a_run_stopped_in_every_unit_ends_with_the_same_table(
    lab, tmp_path, monkeypatch, kind, given
):
    settings = kind(lab, **given)
    whole = done(tmp_path / "whole", settings)
    run = Run.create(tmp_path / "stopped", settings)
    do = UnitWork.result
    left = 0

    def impatient(self, unit):
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return do(self, unit)

    monkeypatch.setattr(UnitWork, "result", impatient)
    prepared, stops = prepare(settings), 0
    while not run.is_done:
        left = 1
        try:
            list(resume(run, prepared))
        except KeyboardInterrupt:
            stops += 1
    units = Journal(whole.outcomes_path).outcomes
    assert stops >= len(units) - 1
    assert len(run.outcomes_path.read_text(encoding="utf-8").splitlines()) == len(units)
    assert timeless(run) == timeless(whole)
    assert (run.folder / "report.md").exists()
    mine, theirs = (json.loads(r.report_path.read_text(encoding="utf-8")) for r in (run, whole))
    assert mine == theirs


def test_a_line_that_a_kill_cut_short_is_done_again(lab, tmp_path):
    settings = attack(lab, attacks="pgd", samples=36)
    run = done(tmp_path / "run", settings)
    table, content = timeless(run), run.outcomes_path.read_bytes()
    for length in (0, 1, content.index(b"\n") - 1, content.index(b"\n"), len(content) - 7):
        run.report_path.unlink()
        run.outcomes_path.write_bytes(content[:length])
        list(resume(run))
        assert run.is_done
        assert timeless(run) == table


def test_lines_about_images_that_are_not_the_unit_s_are_done_again(lab, tmp_path):
    run = done(tmp_path / "run", certify(lab, samples=4, keep=0, draws=1000))
    before = timeless(run)
    lines = run.outcomes_path.read_text(encoding="utf-8").splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    records[0]["images"] = records[3]["images"]  # as of a version with other blocks
    content = "".join(json.dumps(record) + "\n" for record in records)
    run.outcomes_path.write_text(content, encoding="utf-8")
    run.report_path.unlink()
    list(resume(run))
    assert timeless(run) == before
    assert len(run.outcomes_path.read_text(encoding="utf-8").splitlines()) == 5


def test_few_votes_do_not_choose_which_images_are_attacked_no_more(lab, tmp_path, monkeypatch):
    carried = []
    sweep_as_it_is = combination_on_block.randomized_sweep

    def spy(*args, carry):
        carried.append(carry)
        return sweep_as_it_is(*args, carry=carry)

    monkeypatch.setattr(combination_on_block, "randomized_sweep", spy)
    for votes in (1, 10):
        settings = defend(lab, votes=votes, attacks="transfer", samples=4, keep=0)
        done(tmp_path / str(votes), settings)
    assert carried == [False] * 2 + [True] * 2


def test_a_kept_example_that_is_lost_is_made_again(lab, tmp_path):
    run = done(tmp_path / "run", attack(lab, attacks="pgd"))
    kept = load_file(run.examples / "0000.safetensors")
    (run.examples / "0000.safetensors").unlink()
    run.report_path.unlink()
    list(resume(run))
    again = load_file(run.examples / "0000.safetensors")
    assert all(torch.equal(kept[name], again[name]) for name in kept)


def test_first_rows_come_early_with_wide_intervals(lab, tmp_path):
    run = Run.create(tmp_path / "run", attack(lab))
    seen = []
    for event in resume(run, replace(prepare(run.settings), table_every=0.0)):
        if isinstance(event, Progress) and run.table_path.exists():
            seen.append(read_table(run.table_path))
    assert min(r.samples for r in seen[0]) == 3
    assert {r.samples for r in seen[-1]} == {40}
    first, last = (rows[-1].high - rows[-1].low for rows in (seen[0], seen[-1]))
    assert first > 2 * last
