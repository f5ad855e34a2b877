"""Minima, cuts and the heads of paths are drawn where they are."""

from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.analysis.minima import relative_depths
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.device.target import Target
from isoloss.gl.layers.analysis import shown_minima
from isoloss.gl.layers.cut_line import cut_points
from isoloss.scene import Appearance, Camera, Cut, Scene, SurfaceLayer
from isoloss.scene.theme import THEMES

AXIS = np.linspace(-1, 1, 31)
A, B = np.meshgrid(AXIS, AXIS, indexing="ij")
LOSS = 1 + A**2 + B**2 + 0.06 * A + 0.4 * np.sin(6 * A) * np.sin(5 * B)
SIZE = (640, 420)
BARE = Appearance(axes=False, scalar_bar=False, title=False, contours=False, floor_contours=False)
TOP = Camera(azimuth=0, elevation=90, orthographic=True)


@pytest.fixture
def scene() -> Scene:
    t = np.linspace(0, 1, 5)
    path = Trajectory(-0.8 + 1.6 * t, 0.6 - 1.2 * t, 3 - 2 * t, 0 * t, 4 * t, 0.1 + 0 * t)
    layer = SurfaceLayer("waves", Surface.from_loss(AXIS, AXIS, LOSS), (path,))
    return Scene([layer], TOP, replace(BARE, trajectory=False))


def picture(renderer, scene: Scene) -> np.ndarray:
    target = Target(*SIZE)
    renderer.draw(scene, target)
    pixels = target.read().astype(int)
    target.free()
    return pixels


def color_at(pixels: np.ndarray, scene: Scene, point: np.ndarray) -> np.ndarray:
    x, y, _ = scene.camera.to_pixels(point.reshape(1, 3), SIZE)[0]
    return pixels[int(y), int(x), :3]


def rgb(color) -> np.ndarray:
    return np.round(np.array(color[:3]) * 255)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_line_of_a_cut_runs_over_the_surface(renderer, scene, theme):
    scene.appearance = replace(scene.appearance, theme=theme)
    scene.cut = Cut((-0.9, -0.3), (0.8, 0.7))
    pixels = picture(renderer, scene)
    mesh = scene.layers[0].mesh(scene.frame().scale)
    points = cut_points(scene.cut, mesh, scene.frame())
    for point in points[5:-5:9]:
        assert np.abs(color_at(pixels, scene, point) - rgb(THEMES[theme].cut)).max() < 40
    scene.cut = None
    assert (picture(renderer, scene) != pixels).any(axis=2).sum() > 300


def test_a_cut_stops_at_the_edge_of_a_surface(scene):
    mesh = scene.layers[0].mesh(scene.frame().scale)
    points = cut_points(Cut((-2.0, 0.0), (0.0, 0.0)), mesh, scene.frame())
    outside = points[:, 0] < -1 - 1e-6
    assert np.isnan(points[outside, 2]).all()
    assert np.isfinite(points[~outside, 2]).all()


def test_every_minimum_that_is_deep_enough_is_marked(renderer, scene):
    scene.appearance = replace(scene.appearance, minima=True, minima_persistence=0.0)
    (layer,), frame = scene.layers, scene.frame()
    assert len(layer.minima) > 2
    pixels = picture(renderer, scene)
    color = rgb(THEMES["dark"].minimum)
    for minimum in layer.minima:
        at = frame.place(minimum.alpha, minimum.beta, minimum.loss)
        assert np.abs(color_at(pixels, scene, at) - color).max() < 40
    shallow = layer.minima[-1]
    scene.appearance = replace(
        scene.appearance, minima_persistence=relative_depths([shallow], frame.scale)[0] + 1e-6
    )
    assert shown_minima(layer, scene.appearance, frame) == list(layer.minima[:-1])
    at = frame.place(shallow.alpha, shallow.beta, shallow.loss)
    assert np.abs(color_at(picture(renderer, scene), scene, at) - color).max() > 60


def test_a_path_ends_in_a_head_between_two_checkpoints(renderer, scene):
    scene.appearance = replace(scene.appearance, trajectory=True, epoch=2.5)
    pixels, frame = picture(renderer, scene), scene.frame()
    path = scene.layers[0].trajectories[0]
    ends = frame.place(path.alpha[2:4], path.beta[2:4], path.loss[2:4])
    head = ends.mean(axis=0)
    theme = THEMES["dark"]
    assert (
        np.abs(color_at(pixels, scene, head + np.array([0, 0.03, 0])) - rgb(theme.path)).max() < 40
    )
    drawn = ends[0] + 0.2 * (ends[1] - ends[0])
    assert np.abs(color_at(pixels, scene, drawn) - rgb(theme.path)).max() < 60
    beyond = ends[0] + 0.9 * (ends[1] - ends[0])
    assert np.abs(color_at(pixels, scene, beyond) - rgb(theme.path)).max() > 80


def test_minima_and_a_cut_look_as_they_did(renderer, scene, matches_baseline):
    scene.camera = Camera()
    scene.appearance = Appearance(minima=True, trajectory=False)
    scene.cut = Cut((-0.9, 0.4), (0.9, -0.2))
    target = Target(*SIZE)
    renderer.draw(scene, target)
    matches_baseline(target.read(), "analysis")
    target.free()
