"""Robustness runs in the window: what the panels show of their files, however those look."""

from __future__ import annotations

import itertools
import json
import math
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from isoloss.app.state.config import Preferences
from isoloss.app.state.opening.opener import open_path, show_again
from isoloss.app.state.runs.accuracy_curves import (
    CLOSEST,
    axis_of,
    curves_of,
    has_draws,
    radius_text,
    stretched,
)
from isoloss.app.state.runs.evaluations import PERIOD, OpenEvaluation
from isoloss.app.state.workspace import Workspace
from isoloss.errors import IsolossError
from isoloss.events import Done, Failed, Started
from isoloss.figures.robustness.run_results import read_run_results
from isoloss.jobs.follow import FollowedRun
from isoloss.results.certificates import CertificateRow, write_certificates
from isoloss.results.tables import (
    EvaluationWarning,
    Report,
    Row,
    read_table,
    write_report,
    write_table,
)
from isoloss.run import Run
from isoloss.run_folder import CERTIFICATES
from isoloss.settings import CertifySettings, DefendSettings

NETWORK = Path("digits-classifier")
ASKED = DefendSettings(
    source=NETWORK, denoiser="digits-denoiser", sigma=(0.25, 0.5), eps=(0.005, 0.01, 0.5)
)


class StandIn:
    """A job that does nothing, and whose end the test decides."""

    def __init__(self, folders):
        self.folders, self.exit_code, self.pid = folders, None, 0

    def cancel(self):
        pass


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    return Workspace(tmp_path, Preferences(), StandIn)


def row(attack="eot", sigma=0.25, eps=0.0, correct=9, samples=10, **others) -> Row:
    """A row with the exact interval that SciPy gives."""
    exact = stats.binomtest(correct, samples).proportion_ci(0.95, method="exact")
    known = {
        "network": "net",
        "defense": "none" if sigma is None else "denoised",
        "sigma": math.nan if sigma is None else sigma,
        "norm": "linf",
        "seed": 0,
        "accuracy": correct / samples,
        "low": exact.low,
        "high": exact.high,
    }
    return Row(attack=attack, eps=eps, correct=correct, samples=samples, **(known | others))


LATER = itertools.count(1e9, 100)


def look(at: OpenEvaluation | Workspace) -> bool:
    """Let it look, however short ago it last did."""
    return at.update(next(LATER))


# -- curves ----------------------------------------------------------------------------------


def test_rows_become_one_curve_for_each_combination():
    rows = [
        row("pgd", None, 0.01, correct=2),
        row("pgd", None, 0.0, correct=10),
        row("transfer", 0.25, 0.0),
        row("eot", 0.25, 0.0),
        row("eot", 0.5, 0.0),
        row("square", 0.5, 0.0, defense="noise"),
    ]
    curves = curves_of(rows, [])
    assert [c.name for c in curves] == [
        "PGD, undefended",
        "Transfer, σ = 0.25",
        "EOT, σ = 0.25",
        "EOT, σ = 0.5",
        "Square, noise alone, σ = 0.5",
    ]
    assert [r.eps for r in curves[0].rows] == [0.0, 0.01]
    accuracy, low, high = curves[0].values("majority")
    assert accuracy.tolist() == [100.0, 20.0]
    exact = stats.binomtest(2, 10).proportion_ci(0.95, method="exact")
    assert low[1] == pytest.approx(100 * exact.low, abs=1e-9)
    assert high[1] == pytest.approx(100 * exact.high, abs=1e-9)


def test_the_worst_cases_come_first():
    defenses = None, 0.25
    rows = [row(a, s) for s in defenses for a in ("pgd", "worst", "noise")]
    assert [c.name for c in curves_of(rows, [])] == [
        "Worst of all attacks, undefended", "Worst of all attacks, σ = 0.25",
        "PGD, undefended", "Random noise, undefended", "PGD, σ = 0.25", "Random noise, σ = 0.25",
    ]  # fmt: skip


def test_networks_and_seeds_are_named_where_there_are_several():
    rows = [
        row("pgd", None, network=name, seed=seed) for name in ("vgg", "resnet") for seed in (3, 4)
    ]
    names = [c.name for c in curves_of(rows, [])]
    assert names == ["vgg: PGD, seed 3", "vgg: PGD, seed 4", "resnet: PGD, seed 3",
                     "resnet: PGD, seed 4"]  # fmt: skip
    assert [c.name for c in curves_of([row("pgd", None)], [])] == ["PGD"]
    certified = [row("certificate", sigma, norm="l2") for sigma in (0.25, 0.5)]
    assert [c.name for c in curves_of(certified, [])] == ["σ = 0.25", "σ = 0.5"]


def test_certificates_have_an_axis_of_their_own():
    assert axis_of(row("eot")) == "linf"
    assert axis_of(row("eot", norm="l2")) == "l2"
    assert axis_of(row("certificate", norm="l2")) == "radius"
    both = curves_of([row("certificate", norm="l2"), row("pgd", norm="l2")], [])
    assert len({c.axis for c in both}) == 2


def test_what_cannot_be_drawn_is_left_out():
    rows = [
        row(eps=math.nan), row(eps=-1.0), row(eps=math.inf), row(accuracy=math.nan),
        row(low=-3.0), row(high=7.0), row(eps=0.1),
    ]  # fmt: skip
    (curve,) = curves_of(rows, [])
    assert [r.eps for r in curve.rows] == [0.1]
    assert curves_of(rows[:-1], []) == []


def test_only_what_names_a_curve_is_said_of_it():
    rows = [row("eot", 0.25), row("square", 0.25), row("eot", 0.5)]
    masked = EvaluationWarning("masked", "gradients are masked", "net", 0.25, "eot")
    few = EvaluationWarning("few-samples", "take more")
    assert [c.warnings for c in curves_of(rows, [few, masked])] == [(masked,), (), ()]


def test_a_draw_may_be_judged_instead_of_the_majority():
    asked = row(votes=20, correct=9, single_correct=8, single_accuracy=0.8, single_low=0.4,
                single_high=0.95, worst_correct=1, worst_accuracy=0.1, worst_low=0.0,
                worst_high=0.4)  # fmt: skip
    assert [asked.accuracy_by(by).correct for by in ("majority", "single", "worst")] == [9, 8, 1]
    plain = row("pgd", None)
    assert {plain.accuracy_by(by) for by in ("majority", "single", "worst")} == {
        plain.accuracy_by("majority")
    }
    assert has_draws(curves_of([plain, asked], []))
    assert not has_draws(curves_of([plain], []))


def test_every_radius_has_its_place_on_a_stretched_axis():
    radii = [0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.5]
    places = stretched(radii)
    assert list(places) == radii
    ends = list(places.values())
    gaps = [b - a for a, b in pairwise(ends)]
    assert (ends[0], ends[-1]) == (0.0, pytest.approx(1.0))
    # what is hard to tell apart on a line of 400 pixels is 13 pixels apart or less
    assert min(gaps) * 400 > 20
    assert places[0.5] - places[0.1] > places[0.1] - places[0.05]
    even = list(stretched([0.01, 0.1, 1.0]).values())
    assert even == pytest.approx([0, 0.5, 1])
    assert stretched([0.0]) == {0.0: 0.0}
    assert list(stretched([0.0, 0.3])) == [0.0, 0.3]
    assert stretched([]) == {}
    assert CLOSEST < 1


def test_radii_are_written_as_they_were_meant():
    assert radius_text(0.005) == "0.005"
    assert radius_text(8 / 255) == "8/255"
    assert radius_text(0.2) == "0.2"  # 51/255, but nobody means that
    assert radius_text(0) == "0"


# -- files -----------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path) -> Run:
    return Run.create(tmp_path / "runs" / "d", ASKED)


def test_intervals_tighten_as_the_table_grows(run):
    evaluation = OpenEvaluation(FollowedRun(run))
    assert not look(evaluation)
    assert evaluation.radii == (0.0, 0.005, 0.01, 0.5)
    assert evaluation.curves == []
    widths = []
    for samples in (4, 40, 400):
        write_table(run.table_path, [row(eps=0.01, correct=samples // 2, samples=samples)])
        assert look(evaluation)
        (curve,) = evaluation.curves
        _, low, high = curve.values("majority")
        widths.append(float(high[0] - low[0]))
        assert curve.rows[0].samples == samples
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 5
    version = evaluation.version
    assert not look(evaluation)
    assert evaluation.version == version


def test_looks_are_not_taken_too_often(run):
    evaluation = OpenEvaluation(FollowedRun(run))
    evaluation.update(0.0)
    write_table(run.table_path, [row()])
    assert not evaluation.update(0.9 * PERIOD)
    assert evaluation.update(1.1 * PERIOD)


def test_the_report_brings_summary_warnings_and_chance(run):
    evaluation = OpenEvaluation(FollowedRun(run))
    write_table(run.table_path, [row("eot", 0.25), row("eot", 0.5)])
    look(evaluation)
    assert evaluation.chance is None
    warning = EvaluationWarning("masked", "gradients are masked", "net", 0.5, "eot")
    write_report(run.report_path, Report("All is well.", (warning,), (), {"chance": 0.25}))
    assert look(evaluation)
    assert evaluation.chance == 0.25
    assert [len(c.warnings) for c in evaluation.curves] == [0, 1]


HOSTILE_TABLES = [
    b"",
    b"\x00\xff\xfe",
    b"network,defense\nnet,none\n",
    b'network,"' + b"x" * 200_000,
    b"{}",
]


@pytest.mark.parametrize("content", HOSTILE_TABLES, ids=range(len(HOSTILE_TABLES)))
def test_a_table_that_is_none_leaves_the_last_rows(run, content):
    evaluation = OpenEvaluation(FollowedRun(run))
    write_table(run.table_path, [row()])
    look(evaluation)
    run.table_path.write_bytes(content)
    assert look(evaluation)
    assert "robustness.csv" in evaluation.problem
    assert "\n" not in evaluation.problem
    assert len(evaluation.curves) == 1
    write_table(run.table_path, [row(), row("bpda")])
    assert look(evaluation)
    assert evaluation.problem == ""
    assert len(evaluation.curves) == 2


def test_a_half_written_table_is_told_once(workspace, run):
    write_table(run.table_path, [row(), row("bpda")])
    whole = run.table_path.read_bytes()
    run.table_path.write_bytes(whole[: len(whole) - 90])
    assert open_path(workspace, run.folder)
    said = [m for m in workspace.messages.lines if "robustness.csv" in m.text]
    assert [m.level for m in said] == ["error"]
    look(workspace)
    assert len([m for m in workspace.messages.lines if "robustness.csv" in m.text]) == 1


HOSTILE_INDICES = [
    "{",
    "[]",
    '{"schema": "x"}',
    '{"schema": 99}',
    json.dumps({"schema": 1, "data": "d", "classes": [], "images": [1], "labels": [], "files": []}),
    '{"schema": 1, "data": "d", "classes": [], "images": [1e999], "labels": [1], "files": []}',
]


@pytest.mark.parametrize("content", HOSTILE_INDICES)
def test_an_index_of_examples_that_is_none_is_told(run, content):
    evaluation = OpenEvaluation(FollowedRun(run))
    run.examples.mkdir()
    (run.examples / "examples.json").write_text(content)
    assert look(evaluation)
    assert evaluation.index is None
    assert "examples.json" in evaluation.problem


# -- in the window ---------------------------------------------------------------------------


def test_a_run_is_opened_by_its_folder_or_its_table(workspace, run):
    write_table(run.table_path, [row()])
    run.emit(Done(1.0))
    assert open_path(workspace, run.folder)
    shown = workspace.evaluations.shown
    assert shown is not None
    assert shown.name == "d"
    assert len(shown.curves) == 1
    workspace.evaluations.close(shown)
    assert workspace.evaluations.shown is None
    assert open_path(workspace, run.table_path)
    assert workspace.evaluations.shown is not None
    assert open_path(workspace, run.folder)
    assert len(workspace.evaluations.open) == 1


def test_a_run_that_is_started_is_shown_and_its_failure_told(workspace, tmp_path):
    assert workspace.start(tmp_path / "runs" / "new", ASKED)
    shown = workspace.evaluations.shown
    assert shown is not None
    shown.followed.run.emit(Started(1, "cpu"))
    shown.followed.run.emit(Failed("the images do not fit"))
    look(workspace)
    assert shown.followed.failure == "the images do not fit"
    assert workspace.messages.lines[-1].level == "error"


def test_the_newest_of_several_is_shown_and_closing_all_closes_them(workspace, tmp_path):
    for name in ("a", "b"):
        run = Run.create(tmp_path / "runs" / name, ASKED)
        write_table(run.table_path, [row()])
        open_path(workspace, run.folder)
    assert workspace.evaluations.shown.name == "b"
    workspace.evaluations.close(workspace.evaluations.shown)
    assert workspace.evaluations.shown.name == "a"
    show_again(workspace, workspace.runs.of(tmp_path / "runs" / "b"))
    assert workspace.evaluations.shown.name == "b"
    workspace.close_all()
    assert workspace.evaluations.open == []
    assert not workspace.session.has_content


def test_a_session_keeps_which_runs_are_open(workspace, run, tmp_path):
    write_table(run.table_path, [row()])
    open_path(workspace, run.folder)
    assert workspace.session.save(tmp_path / "s.isoloss")
    said = json.loads((tmp_path / "s.isoloss").read_text())
    assert said["evaluations"][0]["source"] == "runs/d"
    workspace.close_all()
    assert open_path(workspace, tmp_path / "s.isoloss")
    assert [e.name for e in workspace.evaluations.open] == ["d"]
    assert not workspace.session.has_changed
    run.folder.rename(tmp_path / "elsewhere")
    workspace.close_all()
    assert not open_path(workspace, tmp_path / "s.isoloss")
    assert "run" in workspace.messages.lines[-1].text


def test_a_certification_asks_for_radii(tmp_path):
    asked = CertifySettings(source=NETWORK)
    evaluation = OpenEvaluation(FollowedRun(Run.create(tmp_path / "c", asked)))
    assert evaluation.radii[0] == 0
    assert 0.5 in evaluation.radii


def test_a_large_table_is_refused(run, monkeypatch):
    monkeypatch.setattr("isoloss.app.state.runs.evaluations.MOST_BYTES", 100)
    write_table(run.table_path, [row(), replace(row(), attack="bpda")])
    evaluation = OpenEvaluation(FollowedRun(run))
    look(evaluation)
    assert "too large" in evaluation.problem


# -- certificates ----------------------------------------------------------------------------


def test_a_certified_curve_is_exact_at_every_radius_once_all_images_are_known(tmp_path):
    asked = CertifySettings(source=NETWORK, sigma=(0.25, 0.5), draws=1000, alpha=0.001)
    run = Run.create(tmp_path / "c", asked)
    right = {0.1: True, 0.6: True, 0.3: False, 0.0: False, 0.45: True}
    certificates = [
        CertificateRow("net", 0.25, 0, image, 7, 7 if is_right else 2, radius, 7)
        for image, (radius, is_right) in enumerate(right.items())
    ]
    table = [row("certificate", 0.25, eps, 3, 5, norm="l2") for eps in (0.0, 0.25)]
    write_table(run.table_path, table)
    write_certificates(run.certificates_path, certificates)
    evaluation = OpenEvaluation(FollowedRun(run))
    look(evaluation)
    (curve,) = evaluation.curves
    radii, shares = curve.steps
    for radius in (0.0, 0.05, 0.2, 0.5, 0.59, 0.7):
        at = shares[np.searchsorted(radii, radius, side="right") - 1]
        assert at == pytest.approx(sum(k and r > radius for r, k in right.items()) / 5)
        assert curve.certified_within(radius) == at
    assert evaluation.reach == pytest.approx(0.5 * stats.norm.ppf(0.001 ** (1 / 1000)))

    write_certificates(run.certificates_path, certificates[:-1])
    look(evaluation)
    assert evaluation.curves[0].steps is None, "an image is missing"
    assert evaluation.curves[0].certified_within(0.1) is None
    (run.certificates_path).write_text("network,sigma\nnet,0.25\n")
    look(evaluation)
    assert CERTIFICATES in evaluation.problem


def test_what_is_shown_is_written_down_whole(run, tmp_path):
    evaluation = OpenEvaluation(FollowedRun(run))
    rows = [row(eps=0.0), row(eps=0.01, correct=3)]
    write_table(run.table_path, rows)
    (run.folder / "examples").mkdir()
    (run.folder / "examples" / "examples.json").write_text("[")
    assert look(evaluation)
    write_table(run.table_path, rows[:1])  # what has come since is not shown yet
    copy = evaluation.write_down(tmp_path / "passing", with_images=True)
    assert (copy.name, read_table(copy / "robustness.csv")) == (run.name, rows)
    assert Run.open(copy).settings == run.settings
    assert (copy / "examples" / "examples.json").read_text() == "["
    shutil.rmtree(run.folder)
    again = evaluation.write_down(tmp_path / "again", with_images=False)
    assert len(read_run_results(again).rows) == 2
    with pytest.raises(IsolossError, match="examples of d cannot be read any more"):
        evaluation.write_down(tmp_path / "once more", with_images=True)
