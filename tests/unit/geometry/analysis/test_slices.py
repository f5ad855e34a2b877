"""Slices: what is displayed along a line, its errors, and where the grid is."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from isoloss.geometry.analysis.slices import along, slice_field, slice_of, slices_csv
from isoloss.geometry.height import HeightScale
from isoloss.geometry.mesh import display_mesh
from isoloss.geometry.surface import Surface

ALPHA, BETA = np.linspace(-1, 1, 21), np.linspace(-2, 2, 17)
A, B = np.meshgrid(ALPHA, BETA, indexing="ij")


def surface_of(loss: np.ndarray, **changes: object) -> Surface:
    return replace(Surface.from_loss(ALPHA, BETA, loss), **changes)


def test_a_parabola_is_followed_exactly_at_the_refined_points() -> None:
    # Catmull-Rom reproduces second degree; between refined points (bilinear) it is h²/8·f″ off.
    field = slice_field(surface_of(2 * A**2 + A * B + 0.5 * B**2), log=False)
    found = slice_of(field, (-0.9, -1.7), (0.8, 1.9))
    exact = 2 * found.alpha**2 + found.alpha * found.beta + 0.5 * found.beta**2
    h = np.diff(field.alpha)[0], np.diff(field.beta)[0]
    bound = (4 * h[0] ** 2 + 1 * h[1] ** 2) / 8
    assert np.abs(found.loss - exact).max() <= bound * 1.01
    np.testing.assert_allclose(np.hypot(found.alpha + 0.9, found.beta + 1.7), found.at, atol=1e-12)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("smooth", [False, True])
def test_it_is_what_the_mesh_displays(log: bool, smooth: bool) -> None:
    loss = np.exp(2 * A + np.sin(3 * B)) + 0.2
    scale = HeightScale("log" if log else "linear", float(loss.min()), float(loss.max()))
    surface = surface_of(loss)
    mesh = display_mesh(surface, scale, smooth)
    found = slice_of(slice_field(surface, log, smooth), (-0.93, 1.1), (0.71, -1.9))
    height = mesh.height_at(found.alpha, found.beta / 2)  # x and y run over [-1, 1]
    np.testing.assert_allclose(found.loss, scale.invert(height), rtol=1e-9)


def test_without_smoothing_it_is_bilinear() -> None:
    loss = np.random.default_rng(0).random(A.shape)
    found = slice_of(slice_field(surface_of(loss), log=False, smooth=False), (-1, -2), (1, 1.3))
    oracle = RegularGridInterpolator((ALPHA, BETA), loss)
    np.testing.assert_allclose(found.loss, oracle((found.alpha, found.beta)), atol=1e-12)


def test_along_a_line_of_the_grid_its_points_are_the_results_themselves() -> None:
    rng = np.random.default_rng(1)
    loss, accuracy = rng.random(A.shape), rng.random(A.shape)
    stderr = 0.1 * rng.random(A.shape)
    surface = surface_of(loss, accuracy=accuracy, loss_stderr=stderr)
    found = slice_of(slice_field(surface, log=False), (-1.0, BETA[5]), (1.0, BETA[5]))
    at = found.samples
    np.testing.assert_array_equal(found.loss[at], loss[:, 5])
    np.testing.assert_array_equal(found.stderr[at], stderr[:, 5])
    np.testing.assert_array_equal(found.accuracy[at], accuracy[:, 5])
    np.testing.assert_allclose(found.crossings, ALPHA + 1, atol=1e-12)


def test_an_oblique_line_crosses_the_grid_and_seldom_meets_its_points() -> None:
    surface = surface_of(A + B)
    corner = slice_of(slice_field(surface, log=False), (-1.0, -2.0), (1.0, 2.0))
    shares = np.union1d(np.linspace(0, 1, 21), np.linspace(0, 1, 17).round(12))
    apart = shares[np.diff(shares, prepend=-1) > 1e-9]
    np.testing.assert_allclose(corner.crossings, apart * np.hypot(2, 4), atol=1e-9)
    np.testing.assert_allclose(corner.alpha[corner.samples], np.linspace(-1, 1, 5), atol=1e-9)
    free = slice_of(slice_field(surface, log=False), (-0.97, -1.83), (0.91, 1.71))
    assert len(free.samples) == 0
    assert len(free.crossings) > 20


def test_holes_and_what_lies_outside_are_gaps() -> None:
    loss = A**2 + B**2 + 1
    loss[10, 8] = np.nan
    loss[3, 8] = np.inf
    count = np.ones(A.shape, np.int64)
    count[17, 8] = 0
    surface = surface_of(loss, count=count)
    found = slice_of(slice_field(surface, log=True), (-1.4, 0.0), (1.0, 0.0))
    gap = np.isnan(found.loss)
    np.testing.assert_array_equal(gap[found.alpha < -1 - 1e-6], True)
    for hole in (10, 3, 17):
        near = np.abs(found.alpha - ALPHA[hole]) < 0.099
        assert gap[near].all()
    clear = np.abs(found.alpha[:, None] - ALPHA[[10, 3, 17]]).min(axis=1) > 0.101
    assert np.isfinite(found.loss[clear & (found.alpha > -1)]).all()


def test_a_line_of_no_length_is_a_point() -> None:
    found = slice_of(slice_field(surface_of(A + B + 9), log=False), (0.25, 0.3), (0.25, 0.3))
    np.testing.assert_allclose(found.loss, 9.55)
    assert along(1, 1, (0.25, 0.3), (0.25, 0.3)) == 0.0


def test_the_nearest_point_along_a_line() -> None:
    assert along(0.3, 5.0, (-1.0, 0.0), (1.0, 0.0)) == pytest.approx(1.3)
    assert along(0.0, 0.0, (1.0, 0.0), (0.0, 1.0)) == pytest.approx(np.sqrt(0.5))


def test_the_table_says_what_was_computed() -> None:
    surface = surface_of(A**2 + 1)
    found = slice_of(slice_field(surface, log=False), (-1.0, 0.0), (1.0, 0.0), points=11)
    rows = list(csv.DictReader(io.StringIO(slices_csv([("a, b", found)]))))
    assert len(rows) == len(found.at)
    assert {r["surface"] for r in rows} == {"a, b"}
    computed = [r for r in rows if r["source"] == "computed"]
    assert [float(r["loss"]) for r in computed] == pytest.approx(list(ALPHA**2 + 1))
    assert rows[0]["accuracy"] == "nan"
