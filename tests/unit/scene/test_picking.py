"""Picking against surfaces one can intersect by hand."""

import numpy as np
import pytest

from isoloss.geometry.mesh import BOX_HEIGHT
from isoloss.geometry.surface import Surface
from isoloss.scene import Camera, Ray, Scene, SurfaceLayer, pick, pick_scene

AXIS = np.linspace(-2, 2, 21)
X, Y = np.meshgrid(AXIS, AXIS, indexing="ij")
DOWN = np.array([0, 0, -1.0])


def layer_of(loss, **changes) -> SurfaceLayer:
    return SurfaceLayer("test", Surface.from_loss(AXIS, AXIS, loss), **changes)


def test_a_ray_straight_down_hits_what_lies_below():
    layer = layer_of(X**2 + Y**2)
    hit = pick_scene(Scene([layer]), Ray(np.array([0.31, -0.47, 5.0]), DOWN))
    assert hit is not None
    assert (hit.alpha, hit.beta) == pytest.approx((0.62, -0.94))
    assert hit.loss == pytest.approx(0.62**2 + 0.94**2, abs=1e-3)
    assert hit.index == (13, 5)
    assert hit.cell_loss == pytest.approx(AXIS[13] ** 2 + AXIS[5] ** 2)
    assert hit.distance == pytest.approx(5 - hit.position[2])
    assert np.isnan(hit.cell_accuracy)


@pytest.mark.parametrize("place", [(0.0, 0.0), (-0.7, 0.31), (0.93, -0.88)])
@pytest.mark.parametrize("camera", [Camera(), Camera(orthographic=True), Camera(azimuth=100)])
def test_a_tilted_plane_is_hit_where_algebra_says(place, camera):
    scene = Scene([layer_of(1 + X + 0.5 * Y)], camera)
    # z = 0.9·(loss - lo)/(hi - lo), loss = 1 + 2x + y over the box: lo = -2, hi = 4.
    expected = np.array([*place, 0.9 * (3 + 2 * place[0] + place[1]) / 6])
    x, y, _ = camera.to_pixels(expected[None], (800, 500))[0]
    hit = pick_scene(scene, camera.ray(x, y, (800, 500)))
    assert hit is not None
    np.testing.assert_allclose(hit.position, expected, atol=1e-5)
    assert hit.loss == pytest.approx(1 + hit.alpha + 0.5 * hit.beta, abs=1e-4)


def test_the_nearest_of_two_crossings_is_taken():
    ridge = layer_of(np.exp(-2 * X**2) + 1)
    ray = Ray(np.array([-3.0, 0.0, 0.3]), np.array([1.0, 0, 0]))
    hit = pick_scene(Scene([ridge]), ray)
    assert hit is not None
    # 0.9·(exp(-2α²) - e⁻⁸)/(1 - e⁻⁸) = 0.3 on the near side.
    assert hit.alpha == pytest.approx(-np.sqrt(np.log(3) / 2), abs=0.01)


def test_it_is_hit_from_below_too():
    hit = pick_scene(Scene([layer_of(X**2 + Y**2)]), Ray(np.array([0.2, 0.1, -3.0]), -DOWN))
    assert hit is not None
    assert hit.alpha == pytest.approx(0.4)


def test_holes_and_emptiness_are_not_hit():
    loss = X**2 + Y**2
    loss[9:12, 9:12] = np.nan
    scene = Scene([layer_of(loss)])
    assert pick_scene(scene, Ray(np.array([0.01, 0.02, 5.0]), DOWN)) is None
    assert pick_scene(scene, Ray(np.array([1.4, 0.0, 5.0]), DOWN)) is None
    assert pick_scene(scene, Ray(np.array([0.5, 0.5, 5.0]), -DOWN)) is None
    assert pick_scene(Scene(), Ray(np.array([0, 0, 5.0]), DOWN)) is None
    hidden = layer_of(X)
    scene = Scene([hidden], hidden=frozenset({hidden}))
    assert pick_scene(scene, Ray(np.array([0.0, 0.0, 5.0]), DOWN)) is None


def test_the_gain_is_followed():
    from isoloss.scene import Appearance

    layer = layer_of(X + 3)
    for gain in (0.5, 2.0):
        scene = Scene([layer], appearance=Appearance(height_gain=gain))
        hit = pick(layer, Ray(np.array([0.0, 0.0, 9.0]), DOWN), scene.frame())
        assert hit is not None
        assert hit.position[2] == pytest.approx(BOX_HEIGHT * gain / 2)
