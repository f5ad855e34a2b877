"""Ambient occlusion against closed forms."""

import numpy as np
import pytest

from isoloss.geometry.derivatives import gradient
from isoloss.geometry.occlusion import occlusion

AXIS = np.linspace(-1, 1, 81)
X, Y = np.meshgrid(AXIS, AXIS, indexing="ij")


@pytest.mark.parametrize("slope", [(0, 0), (1, 0), (0.5, -2), (30, 10)])
def test_a_plane_sees_its_whole_sky(slope):
    np.testing.assert_allclose(occlusion(AXIS, AXIS, slope[0] * X + slope[1] * Y), 1.0, atol=1e-9)


@pytest.mark.parametrize("angle", [15, 30, 45, 60, 75])
@pytest.mark.parametrize("along", ["x", "y"])
def test_the_bottom_of_a_groove_sees_the_cosine_of_its_walls(angle, along):
    """Averaging cos² of the horizon, tan h = tan θ |cos ψ|, over the azimuth ψ gives cos θ."""
    walls = np.tan(np.radians(angle)) * np.abs(X if along == "x" else Y)
    seen = occlusion(AXIS, AXIS, walls, radius=100.0)[40, 40]
    assert seen == pytest.approx(np.cos(np.radians(angle)), abs=0.02)


def test_the_bottom_of_a_cone_sees_the_squared_cosine():
    walls = np.hypot(X, Y) * np.tan(np.radians(40))
    seen = occlusion(AXIS, AXIS, walls, radius=100.0)[40, 40]
    assert seen == pytest.approx(np.cos(np.radians(40)) ** 2, abs=1e-6)


def test_hills_hide_nothing_from_themselves():
    hill = -(X**2) - Y**2
    np.testing.assert_allclose(occlusion(AXIS, AXIS, hill), 1.0, atol=2e-3)


def test_far_walls_do_not_count():
    wall = np.where(X > 0.5, 5.0, 0.0)
    seen = occlusion(AXIS, AXIS, wall, radius=0.3)
    assert seen[4, 40] == 1.0
    assert seen[58, 40] < 0.8


def test_holes_neither_hide_nor_spread():
    valley = X**2 + Y**2
    holed = valley.copy()
    holed[40, 40] = np.nan
    seen = occlusion(AXIS, AXIS, holed)
    assert np.isfinite(seen).all()
    assert seen[40, 40] == 1.0
    assert np.abs(seen - occlusion(AXIS, AXIS, valley))[:30].max() < 0.02


def test_a_large_grid_is_interpolated_from_fewer_points():
    fine = np.linspace(-1, 1, 401)
    x, y = np.meshgrid(fine, fine, indexing="ij")
    seen = occlusion(fine, fine, np.sin(4 * x) * np.cos(3 * y))
    few = occlusion(AXIS, AXIS, np.sin(4 * X) * np.cos(3 * Y))
    assert seen.shape == (401, 401)
    np.testing.assert_allclose(seen[::5, ::5], few, atol=0.06)


def test_the_gradient_of_a_quadratic_is_exact_on_uneven_axes():
    x, y = np.array([-1.0, -0.4, 0.1, 0.9, 1.0]), np.array([0.0, 0.5, 2.0])
    z = x[:, None] ** 2 - 2 * x[:, None] * y[None] + 3 * y[None] ** 2
    slope_x, slope_y = gradient(x, y, z)
    np.testing.assert_allclose(slope_x, 2 * x[:, None] - 2 * y[None], atol=1e-12)
    np.testing.assert_allclose(slope_y, -2 * x[:, None] + 6 * y[None], atol=1e-12)
