"""Pictures of few pixels: what is written over them is as sharp as ever."""

import numpy as np
import pytest
from PIL import Image

from isoloss.geometry.surface import Surface
from isoloss.gl.frame.canvas import Canvas
from isoloss.gl.frame.detail import LADDER, DetailControl
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene

SIZE = (480, 320)
COARSE = len(LADDER) - 1


@pytest.fixture
def canvas(renderer):
    made = Canvas(renderer)
    yield made
    made.free()


@pytest.fixture
def scene():
    axis = np.linspace(-1, 1, 30)
    loss = np.add.outer(axis**2, 0.5 * axis**2)
    return Scene([SurfaceLayer("a bowl", Surface.from_loss(axis, axis, loss, title="A bowl"))])


def quick(canvas, scene, step):
    canvas.detail_control = DetailControl(step)
    canvas.draw_quickly(scene, SIZE, 1.0)
    return canvas._quick.read()[..., :3]


def enlarged(picture):
    return np.array(Image.fromarray(picture).resize(SIZE, Image.Resampling.BILINEAR))


def inside(rects):
    mask = np.zeros(SIZE[::-1], bool)
    for left, top, right, bottom in rects:
        mask[top:bottom, left:right] = True
    return mask


def test_writing_is_that_of_a_picture_of_all_pixels(canvas, scene):
    sharp = quick(canvas, scene, 0).astype(float)
    assert canvas.patches[1] == []
    blurred = enlarged(quick(canvas, scene, COARSE)).astype(float)
    texture, rects = canvas.patches
    assert texture
    assert len(rects) > 10  # ticks, titles, the bar
    mask = inside(rects)
    patched = canvas._patches._target.read()[..., :3].astype(float)
    # All that differs is the surface, the lines and the background between the letters.
    off = np.abs(patched - sharp).mean(axis=-1)
    assert off[mask].mean() < 2
    assert (off[mask] > 60).mean() < 0.005
    letters = mask & (sharp.mean(axis=-1) > 150)
    assert letters.sum() > 300
    assert off[letters].mean() < 4
    assert np.abs(blurred - sharp).mean(axis=-1)[letters].mean() > 40


def test_around_the_writing_patches_are_the_picture_enlarged(canvas, scene):
    scene.appearance = scene.appearance.__class__(axes=True, scalar_bar=False, title=False)
    blurred = enlarged(quick(canvas, scene, COARSE)).astype(int)
    _, rects = canvas.patches
    patched = canvas._patches._target.read()[..., :3].astype(int)
    rim = np.zeros(SIZE[::-1], bool)
    for left, top, right, bottom in rects:
        rim[top, left:right] = rim[bottom - 1, left:right] = True
    rim[[0, -1]] = False
    off = np.abs(patched - blurred).max(axis=-1)[rim]
    assert np.quantile(off, 0.9) <= 2


def test_little_of_the_picture_is_drawn_twice(canvas, scene):
    quick(canvas, scene, COARSE)
    assert inside(canvas.patches[1]).mean() < 0.2


def test_without_writing_there_are_no_patches(canvas, scene):
    scene.appearance = scene.appearance.__class__(axes=False, scalar_bar=False, title=False)
    quick(canvas, scene, COARSE)
    assert canvas.patches[1] == []


def test_the_whole_picture_has_none(canvas, scene):
    quick(canvas, scene, COARSE)
    assert canvas.patches[1]
    canvas.finish()
    assert canvas.patches == (0, [])
