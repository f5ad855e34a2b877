"""Certified accuracy is the share of images at every radius, on an axis of its own."""

from __future__ import annotations

import numpy as np
import pytest
from tests.figures.robustness.made_runs import (
    LIGHT,
    PLAIN,
    SHEET,
    certification,
    lines,
    made,
    plots,
    whiskers,
)

from isoloss.errors import IsolossError
from isoloss.figures.robustness.certified import certified_figure, certified_fractions
from isoloss.figures.robustness.choice import Choice
from isoloss.figures.robustness.drawing import draw_robustness
from isoloss.figures.robustness.run_results import read_run_results
from isoloss.figures.robustness.series import series_of
from isoloss.results.certificates import read_certificates
from isoloss.run_folder import CERTIFICATES
from isoloss.settings import AttackSettings


def test_certified_accuracy_is_the_share_at_every_radius(tmp_path):
    folder, certificates, rows = certification(tmp_path / "run")
    assert read_certificates(folder / CERTIFICATES) == certificates
    findings = [read_run_results(folder)]
    ((radii, fractions),) = certified_fractions(series_of(findings)[0], findings)
    for radius in (0.0, 0.1, 0.3, *(c.radius for c in certificates[:9])):
        right = sum(c.is_right and c.radius >= radius for c in certificates) / 40
        # Left-continuous: at a radius its own image still counts.
        assert fractions[np.searchsorted(radii[1:], radius, "left")] == pytest.approx(right)
    figure = certified_figure(findings, SHEET, LIGHT, "")
    (plot,) = plots(figure)
    (limit,) = lines(plot, "limit")
    # 1,000 draws at σ = .25 and α = .001 (SCIENCE: .616).
    assert limit.get_xdata()[0] == pytest.approx(0.616, abs=5e-4)
    (marks,) = lines(plot, "curve")
    seen = [r for r in rows if r.eps <= plot.get_xlim()[1]]
    np.testing.assert_array_equal(marks.get_xydata(), [(r.eps, r.accuracy) for r in seen])
    assert whiskers(plot) == {(r.eps, round(r.low, 9), round(r.high, 9)) for r in seen}
    (step,) = lines(plot, "steps")
    assert step.get_drawstyle() == "steps-post"
    np.testing.assert_allclose(step.get_ydata()[:-1], fractions)
    assert plot.get_xlabel() == "radius in L2"


def test_a_certification_has_an_axis_of_its_own(tmp_path):
    folder, _, _ = certification(tmp_path / "cert")
    attacked = made(tmp_path / "attack", AttackSettings, PLAIN)
    with pytest.raises(IsolossError, match="cert is a certification"):
        draw_robustness([folder], None, Choice("accuracy"), LIGHT)
    with pytest.raises(IsolossError, match="attack certifies nothing"):
        draw_robustness([attacked], None, Choice("certified"), LIGHT)
