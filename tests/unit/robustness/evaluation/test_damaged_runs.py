"""Robustness runs whose folder was damaged, or that cannot be: one line each, nothing half-done."""

import importlib
import json
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from isoloss import IsolossError
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.results.tables import read_table
from isoloss.robustness.evaluation.combination_on_block import attack_seed
from isoloss.robustness.evaluation.journal import Journal, Outcome, is_of
from isoloss.robustness.evaluation.plan import MAIN, STUDY, Combination, Plan
from isoloss.robustness.evaluation.results import Results
from isoloss.robustness.evaluation.setup import digest_of_denoiser
from isoloss.robustness.evaluation.summary import under_all
from isoloss.robustness.smoothing.denoiser import build_scheduler
from isoloss.robustness.smoothing.votes import ESTIMATION, SELECTION, VOTING
from isoloss.run import Run
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings
from isoloss.settings.attack_kinds import CLEAN, attack_names
from isoloss.work import prepare, resume


@pytest.fixture
def asked(in_folder_of_users_module):
    """What a small attack is asked for."""
    importlib.invalidate_caches()
    module = importlib.import_module("tinyuser")
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        save_tensors(in_folder_of_users_module / "net.pt.safetensors",
                     module.network(3).state_dict())  # fmt: skip
    return {
        "source": in_folder_of_users_module / "net.pt.safetensors", "model": "tinyuser:network",
        "data": "tinyuser:data", "device": "cpu", "precision": "fp32", "keep": 2, "steps": 2,
        "eps": (0.1, 0.5), "queries": 4,
    }  # fmt: skip


def timeless(run):
    return [repr(replace(row, seconds=0.0)) for row in read_table(run.table_path)]


def done(folder, asked):
    run = Run.create(folder, AttackSettings(**asked))
    list(resume(run))
    assert run.is_done
    return run


def damaged(line):
    """Each way in which a line of the journal can lie."""
    record = json.loads(line)
    n = len(record["images"])

    def but(**changes):
        return json.dumps(record | changes).encode()

    yield from (b"", b"null", b"[]", b"7", b'"x"', line[:-20], line[20:], b"\xff\xfe" + line,
                b"[" * 100_000)  # fmt: skip
    yield from (but(unit=unit) for unit in (
        [], [0], [0, 0], [0, 99, 0], [0, 0, 99], [0, -1, 0], [2, 0, 0], [1, 99, 0], [1, 0, 9],
        ["x", 0, 0], None, [0, 0, 0, 0], {"a": 1},
    ))  # fmt: skip
    yield json.dumps(record).replace('"unit": [0', '"unit": [1e999').encode()
    yield from (but(right=texts) for texts in (
        [], ["1" * n], ["1" * (n - 1)] * 3, ["2" * n] * 3, [1, 2, 3], "111", None,
    ))  # fmt: skip
    yield from (but(eps=eps) for eps in ([], [0.0, 0.1], [0.0, 0.1, 0.6], ["a", "b", "c"], 3))
    yield from (but(images=images) for images in ([], [0] * (n + 1), ["a"] * n, None))
    yield from (but(labels=labels) for labels in ([], [None] * n))
    yield from (but(seconds=seconds) for seconds in ([], [float("nan")] * 3, ["1"] * 3))
    yield but(single=["1" * n] * 3)
    yield but(radius=[1.0] * n)
    yield json.dumps({k: v for k, v in record.items() if k != "votes"}).encode()


def test_lines_that_lie_are_done_again(asked, tmp_path):
    run = done(tmp_path / "run", asked)
    expected = timeless(run)
    plan = Plan.of(run.settings, 15)
    lines = run.outcomes_path.read_bytes().splitlines()
    whole = Journal(run.outcomes_path, plan).outcomes
    assert len(whole) == len(lines)
    (place,) = (k for k, line in enumerate(lines) if json.loads(line)["unit"] == [0, 0, 1])
    for wrong in damaged(lines[place]):
        content = b"\n".join([wrong, *lines[:place], *lines[place + 1 :], b""])
        run.outcomes_path.write_bytes(content)
        known = Journal(run.outcomes_path, plan).outcomes
        assert known == {unit: o for unit, o in whole.items() if unit != (0, 0, 1)}, wrong[:200]
    # Resumed from there, the run ends where it would have.
    run.outcomes_path.write_bytes(b"\n".join([*damaged(lines[place]), *lines[:place]]))
    run.report_path.unlink()
    list(resume(run))
    assert timeless(run) == expected
    assert Journal(run.outcomes_path, plan).outcomes.keys() == whole.keys()


@pytest.mark.parametrize("kind", ["attack", "defend", "certify"])
def test_what_the_plan_expects_is_what_units_find(kind):
    settings = {
        "attack": AttackSettings(source="/net", eps=(0.1, 0.5)),
        "defend": DefendSettings(source="/net", denoiser="x/y", eps=(0.1, 0.5)),
        "certify": CertifySettings(source="/net"),
    }[kind]
    plan = Plan.of(settings, 60)
    studies = [(STUDY, k, e) for k in range(len(plan.studies)) for e in range(2)]
    for unit in [*plan.units, *studies]:
        assert plan.knows(unit)
        n, e, combination = plan.images(unit), len(plan.radii(unit)), plan.combination(unit)
        right = ["1" * n] * e
        defended = combination.sigma is not None and kind == "defend"
        certified = [1] * n if kind == "certify" else []
        outcome = Outcome(
            images=[*range(n)], labels=[0] * n, eps=[*plan.radii(unit)], right=right,
            right_in_8_bits=right, without_gradient=right, single=right * defended,
            worst=right * defended, votes=[[1] * n] * e * defended,
            seconds=[1.0] * (e or 1), predicted=certified, radius=certified,
            successes=certified, answers=certified,
        )  # fmt: skip
        assert is_of(plan, unit, outcome)
        assert not is_of(plan, unit, replace(outcome, labels=[0] * (n + 1)))
    if kind == "defend":
        assert {plan.radii(u) for u in plan.units} == {(0.0,), (0.1, 0.5), (0.0, 0.1, 0.5)}


def test_a_kept_example_that_is_damaged_is_made_again(asked, tmp_path):
    run = done(tmp_path / "run", asked)
    kept = run.examples / "0000.safetensors"
    content = kept.read_bytes()
    for wrong in (content[:-4], b"", b"\xff" * 100):
        kept.write_bytes(wrong)
        run.report_path.unlink()
        list(resume(run))
        assert kept.read_bytes() == content


def test_a_network_without_gradients_is_refused_before_anything_is_written(
    asked, in_folder_of_users_module
):
    class Hard(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner((x > 0.5).float())

    module = sys.modules["tinyuser"]
    module.hard = lambda num_classes: Hard(module.network(num_classes))
    file = save_tensors(in_folder_of_users_module / "hard.safetensors",
                        module.hard(3).state_dict())  # fmt: skip
    asked |= {"source": file, "model": "tinyuser:hard"}
    with pytest.raises(IsolossError, match="no gradient reaches the images") as caught:
        prepare(AttackSettings(**asked))
    assert "\n" not in str(caught.value)
    assert prepare(AttackSettings(**asked, attacks="square")) is not None


def test_labels_between_two_classes_are_refused(asked):
    module = sys.modules["tinyuser"]
    train, (x, y) = module.data()
    module.between = lambda: (train, (x, y.float() + 0.5))
    module.floats = lambda: (train, (x, y.float()))
    with pytest.raises(IsolossError, match="with one class index ≥ 0 for each"):
        load_dataset("tinyuser:between")
    assert load_dataset("tinyuser:floats").test.targets.dtype == torch.int64


def test_another_noise_schedule_is_another_denoiser():
    unet = nn.Linear(2, 2)
    assert digest_of_denoiser(unet, build_scheduler()) == digest_of_denoiser(
        unet, build_scheduler()
    )
    assert digest_of_denoiser(unet, build_scheduler()) != digest_of_denoiser(
        unet, build_scheduler(1.0)
    )


def test_no_attack_shares_its_randomness_with_the_draws_that_judge_it():
    def seed_of(words):
        return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))

    # As `votes` has it: seed, image, purpose, block of draws.
    purposes = (SELECTION, ESTIMATION, VOTING)
    judging = {seed_of(w) for w in product(range(2), range(40), purposes, range(3))}
    attacks = [
        attack_seed(Combination(0, 0.25, name, seed), first)
        for name, seed, first in product(attack_names(), range(2), range(40))
    ]
    assert len(set(attacks)) == len(attacks)
    assert not judging & set(attacks)


def test_clean_accuracy_is_no_minimum_over_seeds(tmp_path):
    settings = DefendSettings(
        source="/net", denoiser="x/y", eps=(0.1,), attacks="eot", seeds=2, keep=0, samples=4
    )
    plan = Plan.of(settings, 4)
    journal = Journal(tmp_path / "units.jsonl", plan)
    right = {CLEAN: ("1110", "1011"), "eot": ("1100", "1001")}
    for unit in plan.units:
        c = plan.combination(unit)
        texts = [right[c.attack][c.seed]] if c.sigma else ["1111", "0000"]
        e = len(texts)
        given = Outcome(
            images=[0, 1, 2, 3], labels=[0] * 4, eps=[*plan.radii(unit)], right=texts,
            right_in_8_bits=texts, without_gradient=texts, seconds=[0.0] * e,
            single=texts if c.sigma else [], worst=texts if c.sigma else [],
            votes=[[1] * 4] * e if c.sigma else [], predicted=[], radius=[],
            successes=[], answers=[],
        )  # fmt: skip
        journal.append(unit, given.to_bytes())
    results = Results(settings, plan, ("net",), 3, journal)
    assert under_all(results, 0, 0.25, 0.0).tolist() == [True, True, True, False]
    assert under_all(results, 0, 0.25, 0.1).tolist() == [True, False, False, False]
    assert MAIN == 0
