"""Certifications from the first vote to the radii."""

import json

import numpy as np
import torch
from safetensors.torch import load_file
from scipy import stats
from tests.runs.robustness.lab import certify, done

from isoloss.cli.main import main
from isoloss.results.certificates import read_certificates
from isoloss.results.tables import read_report, read_table
from isoloss.robustness.evaluation.journal import Journal
from isoloss.robustness.evaluation.plan import Plan
from isoloss.robustness.smoothing.statistics import certified_radius
from isoloss.robustness.smoothing.votes import ESTIMATION, count_votes
from isoloss.work import prepare


def test_a_certification_of_a_purification_is_refused_with_its_reason(capsys):
    assert main(["certify", "digits-classifier", "--purify", "0.1"]) != 0
    assert "not of the many of a purification" in capsys.readouterr().err


def test_certified_accuracies_are_cohens(lab, tmp_path):
    run = done(tmp_path / "run", certify(lab, sigma=(0.2, 0.5), samples=20))
    outcomes = Journal(run.outcomes_path).outcomes
    rows = [r for r in read_table(run.table_path) if r.sigma == 0.5]
    found = [o for unit, o in outcomes.items() if unit[1] == 1]
    labels, predicted, radii, successes = (
        np.concatenate([getattr(o, name) for o in found])
        for name in ("labels", "predicted", "radius", "successes")
    )
    assert len(labels) == 20
    for k, radius, answer in zip(successes, radii, predicted, strict=True):
        expected = certified_radius(int(k), 200, 0.5)
        assert (radius, answer < 0) == (expected or 0.0, expected is None)
    for row in rows:
        assert row.norm == "l2"
        assert row.correct == ((predicted == labels) & (radii >= row.eps)).sum()
        assert row.abstained == (predicted < 0).sum()
    report = read_report(run.report_path)
    assert {d.sigma for d in report.warnings if d.id == "radius-out-of-reach"} == {0.2, 0.5}
    assert "In L∞" in report.summary


def test_without_a_denoiser_the_network_sees_the_noise(lab, tmp_path):
    run = done(tmp_path / "run", certify(lab, denoiser=None, samples=6, draws=50))
    assert {r.defense for r in read_table(run.table_path)} == {"noise"}
    entry = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))["files"][0]
    kept = load_file(run.examples / entry["file"])
    assert torch.equal(kept["noisy"], kept["denoised"])


def test_certificates_are_kept_image_by_image_whatever_is_kept_of_examples(lab, tmp_path):
    settings = certify(lab, samples=5, keep=3, draws=1000)
    assert Plan.of(settings, 5).blocks == tuple((k, k + 1) for k in range(5))
    run = done(tmp_path / "run", settings)
    index = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))
    order = [
        outcome.images[0] for _, outcome in sorted(Journal(run.outcomes_path).outcomes.items())
    ]
    assert index["images"] == order[:3]
    kept = load_file(run.examples / index["files"][0]["file"])
    assert kept["images"].shape == (1, 3, 3, 8, 8)


def test_a_certification_says_what_predict_would(lab, tmp_path):
    run = done(tmp_path / "run", certify(lab, draws=40, sigma=(2.0,)))
    found = read_certificates(run.certificates_path)
    (combination,) = Plan.of(run.settings, 40).combinations
    evaluation = prepare(run.settings)
    defense = evaluation.setup.defense(combination.network, 2.0)
    counts = count_votes(
        defense, evaluation.setup.images[:], evaluation.setup.indices, 0, 40, purpose=ESTIMATION
    )
    for one, votes in zip(found, counts, strict=True):
        first, second = votes.sort(descending=True).values[:2].tolist()
        sure = stats.binomtest(first, first + second, 0.5).pvalue <= 0.001
        assert one.answer == (int(votes.argmax()) if sure else -1)
    right, abstains = (
        sum(k) for k in zip(*((c.answer == c.label, c.answer < 0) for c in found), strict=True)
    )
    assert 0 < abstains < 40
    assert (run.folder / "report.md").read_text(encoding="utf-8").count(
        f"| net, σ = 2 | {100 * right / 40:.1f} ("
    ) == 1
