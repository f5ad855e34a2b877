"""Surfaces that are seen through: every pixel is the blend of what lies there, in its order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.device.target import Target
from isoloss.gl.frame.canvas import Canvas
from isoloss.gl.pictures.tiles import draw_tiled
from isoloss.scene import Appearance, Camera, Scene, SurfaceLayer

AXIS = np.linspace(-1, 1, 9)
A, B = np.meshgrid(AXIS, AXIS, indexing="ij")
BARE = Appearance(
    axes=False, scalar_bar=False, title=False, legend=False, contours=False, floor_contours=False,
    ambient_occlusion=False, own_colors=False, color_range=(0.0, 4.0),
)  # fmt: skip
ABOVE = Camera(azimuth=0, elevation=90, orthographic=True)
SIZE = (160, 120)


def surface(loss, opacity=1.0, trajectories=()) -> SurfaceLayer:
    made = Surface.from_loss(AXIS, AXIS, loss + 0 * A)
    return SurfaceLayer("one", made, trajectories, opacity=opacity)


def picture(renderer, *layers, looks=BARE, camera=ABOVE, moving=False):
    """(H, W, 3) in [0, 255] of layers on one scale of heights and one of colours."""
    target = Target(*SIZE, samples=0 if moving else 4)
    scene = Scene(list(layers), camera, looks, height_scale=HeightScale("linear", 0.0, 4.0))
    renderer.draw(scene, target, moving=moving)
    drawn = target.read()[..., :3].astype(float)
    target.free()
    return drawn


def opaque(renderer, layer, **more):
    return picture(renderer, replace(layer, opacity=1.0), **more)


def alike(drawn, expected, within=2.0):
    """Whether all pixels but one in fifty, those along edges and lines, are the same."""
    assert (np.abs(drawn - expected).max(-1) <= within).mean() > 0.98


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (0.3, 1.0), (0.8, 0.1)])
def test_one_over_another(renderer, moving, a, b):
    top, below = surface(3.0, a), surface(1.0, b)
    ground = picture(renderer, surface(np.nan), moving=moving)
    lower = b * opaque(renderer, below, moving=moving) + (1 - b) * ground
    covered = a * opaque(renderer, top, moving=moving) + (1 - a) * lower
    expected = np.where(opaque(renderer, top, moving=moving) == ground, ground, covered)
    for order in ([top, below], [below, top]):
        drawn = picture(renderer, *order, moving=moving)
        assert np.abs(drawn - ground).max() > 20
        alike(drawn, expected)


def test_what_crosses_is_in_front_on_its_own_side(renderer):
    rising, falling = surface(2 + A, 0.6), surface(2 - A, 0.3)
    ground = picture(renderer, surface(np.nan))
    up, down = opaque(renderer, rising), opaque(renderer, falling)
    over = [
        0.6 * up + 0.4 * (0.3 * down + 0.7 * ground),
        0.3 * down + 0.7 * (0.6 * up + 0.4 * ground),
    ]
    drawn = picture(renderer, rising, falling)
    columns = np.flatnonzero((up != ground).any(-1).any(0))
    middle = (columns[0] + columns[-1] + 1) // 2
    halves = slice(columns[0] + 2, middle - 2), slice(middle + 2, columns[-1] - 2)
    apart = [[np.abs(drawn - one)[30:90, half].mean() for one in over] for half in halves]
    assert [int(np.argmin(one)) for one in apart] in ([0, 1], [1, 0])
    assert max(map(min, apart)) < 2 < 5 < min(map(max, apart))


def test_through_its_own_near_side_the_far_one_is_seen(renderer):
    side = Camera(azimuth=0, elevation=12, orthographic=True)
    apart = []
    for axis in (A, B):  # one of the two ridges is looked at from the front
        loss = 3.5 - 3 * np.abs(axis)
        ground, drawn, *halves = (
            picture(renderer, layer, camera=side)
            for layer in (
                surface(np.nan),
                surface(loss, 0.5),
                surface(np.where(axis <= 0, loss, np.nan)),
                surface(np.where(axis >= 0, loss, np.nan)),
            )
        )
        both = (halves[0] != ground).any(-1) & (halves[1] != ground).any(-1)
        for near, far in (halves, halves[::-1]):
            expected = 0.5 * near + 0.25 * far + 0.25 * ground
            # the half surfaces have a rim where they end
            apart.append((np.median(np.abs(drawn - expected)[both]), both.sum()))
    nearest, pixels = min(apart)
    assert pixels > 500
    assert nearest < 2 < 4 < sorted(apart)[1][0]


def test_contours_and_paths_are_seen_through_what_is_over_them(renderer):
    way = np.linspace(-0.8, 0.8, 7)
    path = Trajectory(way, way, np.full(7, 2.0), np.zeros(7), np.arange(7.0), np.full(7, np.nan))
    bowl = surface(0.3 + A**2 + B**2, trajectories=(path,))
    veil = surface(3.5, 0.4)
    looks = replace(BARE, contours=True, floor_contours=True)
    alone, over = picture(renderer, bowl, looks=looks), opaque(renderer, veil)
    plain = opaque(renderer, surface(0.3 + A**2 + B**2))
    assert (np.abs(alone - plain).max(-1) > 40).mean() > 0.03, "there are no lines to be seen"
    alike(picture(renderer, veil, bowl, looks=looks), 0.4 * over + 0.6 * alone, within=12.0)


def test_contours_fade_with_their_surface_and_paths_do_not(renderer):
    way = np.linspace(-0.8, 0.8, 7)
    path = Trajectory(way, -way, np.full(7, 3.9), np.zeros(7), np.arange(7.0), np.full(7, np.nan))
    looks = replace(BARE, contours=True)
    loss = 0.3 + A**2 + B**2

    def lines(opacity, path, looks):
        """How much darker or lighter lines make the picture."""
        with_lines = picture(renderer, surface(loss, opacity, path), looks=looks)
        return np.abs(with_lines - picture(renderer, surface(loss, opacity))).sum()

    assert lines(0.2, (), looks) < 0.4 * lines(1.0, (), looks)
    assert lines(0.2, (path,), BARE) > 0.6 * lines(1.0, (path,), BARE)


def test_tiles_join_without_a_seam(renderer):
    layers = [surface(2 + A * B, 0.5), surface(1 + A**2 + B**2, 0.7), surface(0.5 + 0.2 * A)]
    scene = Scene(layers, Camera(azimuth=40, elevation=30), replace(BARE, contours=True))
    whole = draw_tiled(renderer, scene, (300, 200), 1.0, 1).astype(int)
    tiled = draw_tiled(renderer, scene, (300, 200), 1.0, 1, side=110).astype(int)
    assert np.abs(whole - tiled).max(-1).mean() < 0.05
    assert (np.abs(whole - tiled).max(-1) > 8).mean() < 0.002


def test_a_picture_drawn_in_pieces_is_that_drawn_at_once(context, renderer):
    layers = [surface(2 + A * B, 0.5), surface(1 + A**2, 0.7)]
    scene = Scene(layers, Camera(azimuth=40, elevation=30), BARE)
    target, canvas = Target(*SIZE), Canvas()
    renderer.draw(scene, target)
    canvas.draw_quickly(scene, SIZE, 1.0)
    while not canvas.draw_piece():
        renderer.draw(Scene([surface(1.0)], appearance=BARE), Target(20, 20))
    assert (canvas.pixels() == target.read()).all()


def test_an_opaque_scene_is_drawn_as_if_nothing_could_be_seen_through(renderer):
    layers = [surface(2 + A * B), surface(1 + A**2)]
    before = picture(renderer, *layers, looks=replace(BARE, contours=True))
    layers[0].opacity = 0.5
    assert (picture(renderer, *layers, looks=replace(BARE, contours=True)) != before).any()
    layers[0].opacity = 1.0
    assert (picture(renderer, *layers, looks=replace(BARE, contours=True)) == before).all()
