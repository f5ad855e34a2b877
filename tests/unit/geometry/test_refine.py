"""Refining: polynomials come out exactly, holes stay where they are."""

import numpy as np
import pytest

from isoloss.geometry.refine import fill_uncomputed, refine, refine_axis, refine_linear, refinement

UNEVEN = np.array([-1.0, -0.7, -0.1, 0.0, 0.4, 1.1, 1.3])
EVEN = np.linspace(-1, 1, 9)


def quadratic(x, y):
    return 1 + 2 * x - y + 0.5 * x**2 - 3 * x * y + y**2 + 0.7 * x**2 * y**2


@pytest.mark.parametrize("axes", [(UNEVEN, EVEN), (EVEN, UNEVEN), (UNEVEN[:3], EVEN[:4])])
def test_quadratics_are_reproduced(axes):
    steps = (4, 3)
    fine = [refine_axis(a, k) for a, k in zip(axes, steps, strict=True)]
    refined = refine(*axes, quadratic(axes[0][:, None], axes[1][None]), steps)
    np.testing.assert_allclose(refined, quadratic(fine[0][:, None], fine[1][None]), atol=1e-12)


def test_it_passes_through_the_samples():
    values = np.random.default_rng(0).normal(size=(7, 9))
    for interpolate in (refine, refine_linear):
        refined = interpolate(UNEVEN, EVEN, values, (5, 2))
        np.testing.assert_allclose(refined[::5, ::2], values, atol=1e-14)


def test_it_is_as_accurate_as_catmull_rom_promises():
    """The error of a smooth function falls at least with the third power of the spacing."""
    errors = []
    for n in (21, 41, 81):
        axis = np.linspace(0, 3, n)
        fine = refine_axis(axis, 4)
        values = np.sin(axis)[:, None] * np.cos(axis)[None]
        exact = np.sin(fine)[:, None] * np.cos(fine)[None]
        errors.append(np.abs(refine(axis, axis, values, (4, 4)) - exact).max())
    assert errors[1] < errors[0] / 7
    assert errors[2] < errors[1] / 7


def test_a_spike_makes_no_minimum_beside_it():
    values = np.ones((9, 9))
    values[4, 4] = 100.0
    refined = refine(EVEN, EVEN, values, (8, 8))
    assert refined.min() > 1 - 1e-9
    assert refined.max() == 100.0


def test_a_plateau_at_the_top_makes_no_trench_before_it():
    values = np.zeros((12, 12))
    values[6:] = 1.0
    axis = np.linspace(0, 1, 12)
    refined = refine(axis, axis, values, (8, 8))
    assert refined.min() > -1e-9
    assert refined.max() < 1 + 1e-9


def test_holes_are_the_cells_that_touch_nan_and_no_more():
    values = quadratic(EVEN[:, None], EVEN[None])
    values[4, 5] = np.nan
    refined = refine(EVEN, EVEN, values, (4, 4))
    hole = np.zeros(refined.shape, bool)
    hole[4 * 3 + 1 : 4 * 5, 4 * 4 + 1 : 4 * 6] = True
    assert (np.isnan(refined) == hole).all()
    fine = refine_axis(EVEN, 4)
    exact = quadratic(fine[:, None], fine[None])
    assert np.abs(refined - exact)[~hole].max() < 0.05


def test_steps_of_one_and_axes_of_two_points():
    values = np.array([[1.0, 2.0], [3.0, 5.0]])
    axis = np.array([0.0, 1.0])
    assert (refine(axis, axis, values, (1, 1)) == values).all()
    bilinear = refine(axis, axis, values, (2, 2))
    np.testing.assert_allclose(bilinear, [[1, 1.5, 2], [2, 2.75, 3.5], [3, 4, 5]])


def test_only_small_grids_are_refined():
    assert refinement(25) > 1
    assert refinement(2) > 50
    assert refinement(1000) == refinement(200) == 1


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_a_coarse_lattice_is_filled_bilinearly(stride):
    x, y = np.meshgrid(np.arange(17.0), np.arange(17.0), indexing="ij")
    values = 2 * x - 3 * y + 0.25 * x * y
    computed = np.zeros(values.shape, bool)
    computed[::stride, ::stride] = True
    filled = fill_uncomputed(np.where(computed, values, -1e9), computed)
    np.testing.assert_allclose(filled, values, atol=1e-9)


def test_a_lattice_half_refined_is_filled_from_the_nearest():
    x, y = np.meshgrid(np.arange(17.0), np.arange(17.0), indexing="ij")
    computed = np.zeros(x.shape, bool)
    computed[::8, ::8] = True
    computed[:6, ::2] = True
    filled = fill_uncomputed(np.where(computed, x + y, 0.0), computed)
    np.testing.assert_allclose(filled, x + y, atol=1e-9)


def test_beyond_the_computed_the_nearest_value_goes_on():
    values = np.zeros((4, 5))
    values[1, 1:3] = [2.0, 4.0]
    computed = values > 0
    filled = fill_uncomputed(values, computed)
    assert np.isfinite(filled).all()
    assert filled.min() == 2.0
    assert filled.max() == 4.0
    assert filled[1].tolist() == [2, 2, 4, 4, 4]


def test_computed_nan_stays_and_fills_nothing():
    values = np.array([[1.0, np.nan, 3.0], [0, 0, 0]])
    computed = np.array([[True, True, True], [False] * 3])
    filled = fill_uncomputed(values, computed)
    assert np.isnan(filled[0, 1])
    assert np.isfinite(np.delete(filled.ravel(), 1)).all()
    nothing = fill_uncomputed(values, np.zeros((2, 3), bool))
    assert np.isnan(nothing).all()


def test_plateaus_between_steps_stay_plateaus():
    stairs = np.floor(4 * (EVEN[:, None] ** 2 + 1.5 * EVEN[None, :] ** 2))
    fine = refine(EVEN, EVEN, stairs, (6, 6))
    flat = (stairs[1:, 1:] == stairs[:-1, :-1]) & (stairs[1:, :-1] == stairs[:-1, 1:])
    flat &= stairs[1:, 1:] == stairs[1:, :-1]
    inner = np.zeros_like(flat)
    inner[1:-1, 1:-1] = True
    assert (flat & inner).sum() >= 4
    for i, j in zip(*np.nonzero(flat & inner), strict=True):
        cell = fine[6 * i : 6 * i + 7, 6 * j : 6 * j + 7]
        assert np.ptp(cell) < 0.15, "no swing that a contour would ring"
    rising = np.array([0.0, 1, 1, 2, 2, 3])
    along = refine(np.arange(6.0), np.zeros(1), rising[:, None], (8, 1))[:, 0]
    assert (np.diff(along[8:-8]) >= -1e-12).all()
    assert np.ptp(along[8:17]) < 1e-12
