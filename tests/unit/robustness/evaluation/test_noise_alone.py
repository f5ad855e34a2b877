"""Smoothing without a denoiser, of a linear network whose radii are known: margin / norm."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from isoloss import IsolossError
from isoloss.app.state.forms.field_specs import fields_of
from isoloss.app.state.forms.known_names import Here
from isoloss.app.state.forms.offers import offers_for
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.forms.subject import Subject as FormSubject
from isoloss.compute.data.dataset import Split
from isoloss.results.certificates import average_radius, read_certificates
from isoloss.results.tables import average_radius_in_words, read_report, read_table
from isoloss.robustness import GaussianSmoothing, certify, evaluate
from isoloss.robustness.evaluation.evaluation import Evaluation
from isoloss.robustness.evaluation.setup import Subject
from isoloss.run import Run
from isoloss.settings import (
    CertifySettings,
    DefendSettings,
    InputProbeSettings,
    ProbeSettings,
    parse_settings,
)
from isoloss.settings.text import command_line

SIGMA, DRAWS, ALPHA = 0.25, 1000, 0.001
SIDE = 4
MARGINS = (-0.4, -0.05, 0.002, 0.1, 0.2, 0.3, 0.45, 0.6)
"""Signed distances to the border between the classes, in L2; the first two are misclassified."""


class Linear(nn.Module):
    """Class 1 is right of a plane through grey, whose normal is one long."""

    def __init__(self):
        super().__init__()
        normal = torch.ones(SIDE**2) / SIDE
        self.register_buffer("normal", normal)

    def forward(self, images):
        distance = (images.flatten(1) - 0.5) @ self.normal
        return torch.stack([-distance, distance], 1)


def images():
    """(8, 1, 4, 4) of class 1, so far from the border."""
    return torch.stack([torch.full((1, SIDE, SIDE), 0.5 + m / SIDE) for m in MARGINS])


def subject(**others):
    known = {"noise": {"net": SIGMA}, **others}
    labels = torch.ones(len(MARGINS), dtype=torch.long)
    return Subject(
        {"net": Linear()}, Split(images(), labels), tuple(range(len(MARGINS))), ("0", "1"),
        "lines", "lines", "0", None, {}, **known,
    )  # fmt: skip


def certified(folder, about=None, **others):
    settings = CertifySettings(
        source="python:net", sigma=(SIGMA,), draws=DRAWS, alpha=ALPHA, device="cpu", keep=0,
        samples=len(MARGINS), precision="fp32", **others,
    )  # fmt: skip
    run = Run.create(folder, settings)
    list(Evaluation.prepare(settings, about or subject()).resume(run))
    return run


def test_the_average_radius_is_that_of_the_closed_form(tmp_path):
    run = certified(tmp_path / "run", radii=(0.05, 0.25, 0.5))
    rows = read_table(run.table_path)
    assert [row.eps for row in rows] == [0.0, 0.05, 0.25, 0.5]
    one = {c.image: c for c in read_certificates(run.certificates_path)}
    # The class's probability under noise is Φ(margin / σ); CERTIFY bounds it from n draws.
    expected = []
    for k, margin in enumerate(MARGINS):
        p = stats.norm.cdf(margin / SIGMA)
        count = stats.binom.ppf([0.0005, 0.9995], DRAWS, p)
        low, high = SIGMA * stats.norm.ppf(stats.beta.ppf(ALPHA, count, DRAWS - count + 1))
        radius = one[k].radius if one[k].predicted == 1 else 0.0
        assert max(low, 0) - 1e-9 <= radius <= max(high, 0) + 1e-9
        expected.append(radius)
    assert one[0].predicted == 0  # certainly wrong, which counts as no radius
    assert one[0].radius > 0
    assert rows[0].average_radius == pytest.approx(np.mean(expected))
    error = np.std(expected, ddof=1) / math.sqrt(len(expected))
    assert rows[0].average_radius_error == pytest.approx(error)
    assert [row.correct for row in rows[1:]] == [sum(r >= at for r in expected)
                                                 for at in (0.05, 0.25, 0.5)]  # fmt: skip
    assert all(math.isnan(row.average_radius) for row in rows[1:])
    said = average_radius_in_words(rows)
    assert said == f"{np.mean(expected):.4g} ± {error:.2g}"
    text = run.report_text_path.read_text("utf-8")
    assert f"| average radius | {said} |" in text
    assert f"Its average certified radius is {said}." in text
    assert "All of it is computed in fp32." in text
    # A probability of almost 1, at infinitely many draws: the radius is the distance itself.
    assert all(r <= max(m, 0) + 0.06 for r, m in zip(expected, MARGINS, strict=True))


@pytest.mark.parametrize(
    ("given", "mean", "error"),
    [
        ([0.0, 0.0, 0.0], 0.0, 0.0),
        ([0.5], 0.5, math.nan),
        ([0.0, 1.0, 0.5, 0.5], 0.5, math.sqrt(0.5 / 3 / 4)),
    ],
)
def test_average_radii_by_hand(given, mean, error):
    assert average_radius(given) == pytest.approx((mean, error), nan_ok=True)


@pytest.mark.parametrize("radius", [0.1, 0.30834])
def test_images_that_are_all_alike_have_no_error_however_their_mean_is_rounded(radius):
    assert max(np.std([radius] * n, ddof=1) for n in (3, 7, 12)) > 0, "NumPy's is of rounding"
    assert [average_radius([radius] * n)[1] for n in (3, 7, 12)] == [0.0] * 3


def test_radii_are_sorted_once_each_with_the_images_themselves_among_them():
    asked = CertifySettings(source="/net", radii="1 0.5, 1/4 0.5")
    assert asked.radii == (0.0, 0.25, 0.5, 1.0)
    assert CertifySettings(source="/net", radii=asked.radii).radii == asked.radii
    assert "--radii 0 0.25 0.5 1 " in command_line(asked, asked.source)
    usual = CertifySettings(source="/net")
    assert "radii" not in usual.model_dump(exclude_defaults=True)
    assert 0.5 in usual.radii
    for wrong in ("-0.5", "nan", "far", ""):
        with pytest.raises(ValueError, match="radii"):
            CertifySettings(source="/net", radii=wrong)


def test_radii_that_draws_do_not_reach_are_said_and_others_are_summed_up(tmp_path):
    far = read_report(certified(tmp_path / "far", radii=(0.55, 0.9)).report_path)
    assert "within 0.55 in L2" in far.summary  # the smallest that is beyond the usual 0.5
    assert "radius-out-of-reach" in {w.id for w in far.warnings}
    none = read_report(certified(tmp_path / "none", radii=(0.9,)).report_path)
    assert "So few draws certify no radius beyond 0.62" in none.summary
    alone = read_report(certified(tmp_path / "alone", radii=(0.0,)).report_path)
    assert "So few" not in alone.summary
    assert "average certified radius" in alone.summary


def test_tables_of_earlier_versions_have_no_average(tmp_path):
    table = certified(tmp_path / "run").table_path
    with table.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    kept = [c for c in lines[0] if not c.startswith("average_radius")]
    assert len(kept) == len(lines[0]) - 2
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)
    rows = read_table(table)
    assert len(rows) == len(lines)
    assert math.isnan(rows[0].average_radius)
    assert average_radius_in_words(rows) == ""


@pytest.mark.parametrize(
    ("trained", "words", "warned"),
    [
        (SIGMA, "net (trained with σ = 0.25) is certified", False),
        (0.2, "net (trained with σ = 0.2) is certified", False),
        (0.12, "net (trained with σ = 0.12) is certified", True),
        (0.5, "net (trained with σ = 0.5) is certified", True),
        (0.0, "net (trained without noise) is certified", True),
        (None, "net is certified", False),
    ],
)
def test_what_the_network_was_trained_with_is_said(tmp_path, trained, words, warned):
    about = subject(noise={} if trained is None else {"net": trained})
    report = read_report(certified(tmp_path / "run", about).report_path)
    assert f"At σ = 0.25 without a denoiser, {words}" in report.summary
    assert ("not-trained-with-this-noise" in {w.id for w in report.warnings}) == warned
    assert report.facts["defense"].startswith("smoothing without a denoiser")


def test_noise_alone_is_attacked_through():
    x, y = images(), torch.ones(len(MARGINS), dtype=torch.long)
    with pytest.raises(IsolossError, match="or denoiser='none' for the noise alone"):
        evaluate(Linear(), x, y, sigma=SIGMA)
    table = evaluate(
        Linear(), x, y, denoiser="none", sigma=SIGMA, norm="l2", eps=[0.15], steps=20, votes=400,
        draws=4, queries=20, keep=0, progress=False, device="cpu",
    )  # fmt: skip
    behind = [row for row in table if not math.isnan(row.sigma)]
    assert {row.defense for row in behind} == {"noise"}
    assert "bpda" not in {row.attack for row in behind}
    # The best adversary goes straight to the border: right are those that are further away.
    sure = [m for m in MARGINS if abs(m - 0.15) > 0.04]
    (worst,) = [r for r in behind if r.attack == "eot" and r.eps > 0]
    low, high = (sum(m > 0.15 + shift for m in MARGINS) for shift in (0.04, -0.06))
    assert len(sure) >= 6
    assert low <= worst.correct <= high
    assert "Behind noise of σ = 0.25 without a denoiser" in table.summary


def test_what_goes_around_a_denoiser_needs_one():
    alone = DefendSettings(source="/net", denoiser="none")
    assert "bpda" not in alone.attack_names
    assert "eot" in alone.attack_names
    assert parse_settings(alone.model_dump(mode="json")) == alone
    assert "--denoiser none" in command_line(alone, alone.source)
    with pytest.raises(ValueError, match="there is no denoiser for bpda to attack"):
        DefendSettings(source="/net", denoiser="none", attacks="bpda,eot")
    denoised = DefendSettings(source="/net", denoiser="x/y", attacks="bpda,eot")
    assert denoised.attack_names == ("bpda", "eot")


@pytest.mark.parametrize("kind", [CertifySettings, InputProbeSettings, ProbeSettings])
def test_elsewhere_none_is_as_if_nothing_were_said(kind):
    assert kind(source="/net", denoiser="none") == kind(source="/net")


def test_the_form_offers_the_noise_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    form = Form(DefendSettings)
    form.set("source", "digits-classifier")
    assert form.missing
    form.set("denoiser", "none")
    assert form.error == ""
    assert form.settings is not None
    assert "--denoiser none" in form.command(tmp_path)
    (row,) = [row for row in fields_of(DefendSettings) if row.name == "denoiser"]
    offered = {o.value: o.about for o in offers_for(row, Here(), FormSubject())}
    assert offered["none"] == "the noise alone"


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_networks_of_half_precision_are_certified_in_single_precision(kind):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).to(kind)
    x = torch.rand(3, 1, 4, 4)
    with pytest.warns(UserWarning, match="judged in single precision"):
        found = list(certify(GaussianSmoothing(network, 0.5), x, range(3), n=200))
    exact = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    exact.load_state_dict(network.state_dict())
    assert found == list(certify(GaussianSmoothing(exact, 0.5), x, range(3), n=200))
    assert network[1].weight.dtype == kind
