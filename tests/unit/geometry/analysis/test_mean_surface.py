"""Surfaces of several networks as one, and the cells at which two sets of them differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import isoloss
from isoloss import mean_surface, surface_difference
from isoloss.errors import IsolossError
from isoloss.geometry.analysis.beyond_chance import differs_in_words
from isoloss.geometry.analysis.difference import difference
from isoloss.geometry.analysis.quantities import of_quantity, quantities_of
from isoloss.geometry.surface import Surface

AXIS = np.linspace(-1, 1, 9)
RNG = np.random.default_rng(1)


def surface(rise=0.0, error=0.1, **meta):
    shape = (9, 9)
    loss = 2 + RNG.normal(rise, 1, shape)
    errors, count = np.full(shape, error), np.full(shape, 50)
    return Surface(AXIS, AXIS, loss, RNG.uniform(0, 1, shape), errors, count, meta)


def losses(surfaces):
    return np.stack([s.loss for s in surfaces])


def test_a_mean_cell_by_cell():
    several = [surface(data="digits", model="cnn", seed=k) for k in range(4)]
    made = mean_surface(several)
    np.testing.assert_allclose(made.loss, losses(several).mean(0))
    np.testing.assert_allclose(made.spread, losses(several).std(0, ddof=1))
    np.testing.assert_allclose(made.loss_stderr, 0.1 / 2)
    ends = stats.t.interval(0.95, 3, losses(several).mean(0), stats.sem(losses(several)))
    np.testing.assert_allclose((made.columns["low"], made.columns["high"]), ends)
    between = np.sqrt(np.maximum(losses(several).var(0, ddof=1) - 0.01, 0))
    np.testing.assert_allclose(made.columns["between"], between)
    assert (made.count == 200).all()
    assert made.meta["data"] == "digits"
    assert "seed" not in made.meta
    assert made.meta["mean_of"] == 4


def test_cells_that_some_have_not():
    a, b, c = (surface() for _ in range(3))
    a.count[0, 0] = a.count[1, 1] = b.count[1, 1] = 0
    c.loss[2, 2] = np.inf
    made = mean_surface([a, b, c])
    assert made.loss[0, 0] == pytest.approx((b.loss[0, 0] + c.loss[0, 0]) / 2)
    assert made.columns["surfaces"][:2, :2].tolist() == [[2, 3], [3, 1]]
    assert np.isnan(made.columns["low"][1, 1])
    assert made.loss[2, 2] == np.inf
    assert np.isfinite(made.columns["low"]).sum() == 81 - 2


def test_quantities_are_layers_of_the_mean_too(tmp_path):
    def with_quantity(k):
        found = surface(quantities={"worse": "adversarial"} if k < 3 else {})
        return replace(found, columns={"worse": found.loss + k, "worse_stderr": found.loss * 0 + 1})

    several = [with_quantity(k) for k in range(3)]
    mean_surface(several).save(tmp_path / "mean.ply")
    read = isoloss.load(tmp_path / "mean.ply")
    assert [*quantities_of(read)] == ["low", "high", "worse", "worse_low", "worse_high"]
    worse = of_quantity(read, "worse")
    np.testing.assert_allclose(worse.loss, losses(several).mean(0) + 1)
    np.testing.assert_allclose(worse.loss_stderr, 1 / np.sqrt(3))
    again = mean_surface([read, read])
    assert [*quantities_of(again)] == ["low", "high", "worse", "worse_low", "worse_high"]
    assert [*quantities_of(mean_surface([*several, with_quantity(3)]))] == ["low", "high"]


@pytest.mark.parametrize("paired", [False, True])
def test_cells_are_marked_as_scipy_would(paired):
    step = np.where(np.arange(9)[:, None] < 4, 5.0, 0.0)
    a, b = [surface(step) for _ in range(4)], [surface() for _ in range(4)]
    made = surface_difference(a, b, paired=paired)
    if paired:
        expected = stats.ttest_rel(losses(a), losses(b))
    else:
        expected = stats.ttest_ind(losses(a), losses(b), equal_var=False)
    ends = expected.confidence_interval()
    np.testing.assert_allclose(made.columns["low"], ends.low)
    np.testing.assert_allclose(made.columns["high"], ends.high)
    adjusted = stats.false_discovery_control(expected.pvalue.ravel(), method="bh").reshape(9, 9)
    marks = np.where(adjusted <= 0.05, np.sign(made.loss), 0)
    np.testing.assert_array_equal(made.columns["differs"], marks)
    assert marks[:4].sum() > 10
    assert made.meta["differs"]["share"] == np.count_nonzero(marks) / 81
    assert "of 81 cells differ beyond chance" in differs_in_words(made)
    turned = surface_difference(b, a, paired=paired)
    np.testing.assert_array_equal(turned.columns["differs"], -marks)


def test_a_difference_of_means_is_one_of_their_networks():
    a, b = [surface(3) for _ in range(3)], [surface() for _ in range(5)]
    of_means, whole = difference(mean_surface(a), mean_surface(b)), surface_difference(a, b)
    np.testing.assert_array_equal(of_means.columns["differs"], whole.columns["differs"])
    np.testing.assert_array_equal(of_means.loss_stderr, whole.loss_stderr)
    assert "Welch" in of_means.meta["differs"]["how"]


def test_of_two_networks_alone_samples_decide():
    a, b = surface(error=0.3), surface(error=0.4)
    made = surface_difference([a], [b])
    p = 2 * stats.norm.sf(np.abs(a.loss - b.loss) / 0.5)
    marks = stats.false_discovery_control(p.ravel()).reshape(9, 9) <= 0.05
    np.testing.assert_array_equal(made.columns["differs"] != 0, marks)
    np.testing.assert_allclose(made.columns["high"] - made.loss, 1.959963984540054 * 0.5)
    exact = difference(replace(a, loss_stderr=a.loss * 0), replace(b, loss_stderr=b.loss * 0))
    assert exact.columns == {}, "without errors there is no chance to speak of"


def test_few_of_the_cells_marked_are_false():
    """Of 70 × 70 cells half differ: at most 5 % of the marked ones may be of the other half."""
    axis = np.linspace(-1, 1, 70)
    apart = np.where(np.arange(70)[:, None] < 35, 8.0, 0.0)

    def drawn(rise):
        return Surface.from_loss(axis, axis, RNG.normal(rise, 1, (70, 70)))

    made = surface_difference([drawn(apart) for _ in range(4)], [drawn(0.0) for _ in range(4)])
    marks = made.columns["differs"] != 0
    assert marks[:35].mean() > 0.95
    assert 0 < marks[35:].sum() / marks.sum() < 0.05


def test_cells_without_numbers_have_no_mark():
    a, b = [surface() for _ in range(2)], [surface() for _ in range(2)]
    a[0].count[0, 0] = 0
    a[0].loss[1, 1] = np.nan
    b[1].loss[2, 2] = np.inf
    marks = surface_difference(a, b).columns["differs"]
    assert np.isnan([marks[0, 0], marks[1, 1], marks[2, 2]]).all()
    assert np.isnan(marks).sum() == 3
    for each in (*a, *b):
        each.loss[3] = 1.0
    assert (surface_difference(a, b).columns["differs"][3] == 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: mean_surface([a]), "needs two surfaces"),
        (lambda a: mean_surface([a, replace(a, beta=a.beta * 2)]), "β runs from -1 to 1 and from"),
        (
            lambda a: mean_surface(
                [a, Surface.from_loss(np.arange(3.0), np.arange(3.0), np.ones((3, 3)))]
            ),
            "9 × 9 and 3 × 3",
        ),
        (lambda a: mean_surface([a, surface(data="mnist")]), "digits, mnist"),
        (lambda a: surface_difference([a, a], [surface(data="mnist")] * 2), "digits, mnist"),
        (lambda a: mean_surface([a, replace(a, meta={"difference": True})]), "some are not"),
        (lambda a: surface_difference([a], []), "either side"),
        (lambda a: surface_difference([a], [a, a]), "no spread of its own"),
        (lambda a: surface_difference([a, a], [a, a, a], paired=True), "2 and 3"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_line(call, message):
    with pytest.raises(IsolossError, match=message) as caught:
        call(surface(data="digits"))
    assert "\n" not in str(caught.value)


def test_other_planes_are_said():
    several = [surface(plane="random", cosine=0.1 * k) for k in range(3)]
    (finding,) = mean_surface(several).meta["findings"]
    assert "different planes" in finding["message"]
    assert "findings" not in mean_surface([several[0], several[0]]).meta
