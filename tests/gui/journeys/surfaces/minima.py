"""Mark the local minima, hide the shallow ones, and go to one from the list."""

import math
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.geometry.analysis.minima import minima_of, relative_depths
from isoloss.geometry.surface import Surface

SHALLOW = 0.2


def minima(d: Driver) -> None:
    workspace = d.parts.workspace
    scene = workspace.scene
    d.until(lambda: d.window.frames > 4, "the first frames")
    (layer,) = scene.layers
    found = minima_of(layer.surface)
    assert len(found) > 2, "the sample has too few minima to be of use"
    depth = relative_depths(found, scene.frame().scale)
    bare = d.picture()
    d.press(imgui.Key.m)
    assert scene.appearance.minima
    d.until(lambda: d.ctx.item_exists("//Minima/**/minimum 0"), "the list")
    marked = d.picture()
    assert (marked != bare).any(axis=2).sum() > 200, "no minimum is marked"
    listed, hidden = d.panel("Minima").rows()
    assert [m for _, m in listed] == list(np.array(found)[depth >= 0.01])
    assert len(listed) + hidden == len(found)
    d.shot("minima.png")

    # the slider hides the shallow ones, in the list and on the surface
    d.ctx.item_input_value("//Minima/##persistence", 100 * SHALLOW)
    d.until(lambda: scene.appearance.minima_persistence == SHALLOW, "the slider")
    deep = list(np.array(found)[depth >= SHALLOW])
    assert 0 < len(deep) < len(listed)
    assert [m for _, m in d.panel("Minima").rows()[0]] == deep
    d.until(lambda: not d.ctx.item_exists(f"//Minima/**/minimum {len(deep)}"), "rows to go")
    assert (d.picture() != marked).any(), "the markers did not change"

    # dragging it back to its lower end brings all of them
    d.ctx.mouse_move("//Minima/##persistence")
    d.ctx.mouse_drag_with_delta((-400, 0))
    assert scene.appearance.minima_persistence == 0
    assert len(d.panel("Minima").rows()[0]) == len(found)

    # a click on one takes the camera there
    second = found[1]
    assert math.isfinite(second.persistence)
    d.click("//Minima/**/minimum 1")
    assert workspace.pointing.minimum == (layer, second)
    place = scene.frame().place(second.alpha, second.beta, second.loss).ravel()
    np.testing.assert_allclose(scene.camera.target, place)
    d.shot("minimum.png")

    # so does a click on its bar, which begins where the minimum lies on the scale of the heights
    bars = d.panel("Minima").barcode.bars
    assert {row[1] for row, _ in bars} <= set(found)
    assert bars[0][0][1] == found[0], "the deepest is not above those that merge into it"
    (at,) = [pixel for (_, minimum), pixel in bars if minimum == found[2]]
    d.ctx.mouse_move_to_pos(imgui.ImVec2(at.x + 2, at.y))
    d.shot("bar.png")
    d.ctx.mouse_click(0)
    d.until(lambda: workspace.pointing.minimum == (layer, found[2]), "the bar")
    place = scene.frame().place(found[2].alpha, found[2].beta, found[2].loss).ravel()
    np.testing.assert_allclose(scene.camera.target, place)

    d.press(imgui.Key.m)
    assert not scene.appearance.minima


def dimpled() -> Path:
    """A surface file with minima of all depths, some of them less deep than its errors."""
    axis = np.linspace(-1, 1, 41)
    a, b = np.meshgrid(axis, axis, indexing="ij")
    waves = np.sin(7 * a + 1) * np.cos(6 * b) + 0.3 * np.sin(13 * a) * np.sin(11 * b + 2)
    loss = 1.2 + a**2 + 1.4 * b**2 + 0.35 * waves
    none, errors = np.full(loss.shape, np.nan), np.full(loss.shape, 0.03)
    counts = np.full(loss.shape, 64, np.int64)
    meta = {"title": "A dimpled bowl"}
    return Surface(axis, axis, loss, none, errors, counts, meta).save(Path("dimpled.ply"))


drive(minima, dimpled())
