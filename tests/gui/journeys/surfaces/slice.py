"""Slice a surface, drag the cut by its end and by its line, read the plot, undo, export."""

import csv
import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui
from scipy.interpolate import RegularGridInterpolator

from isoloss.gl.layers.cut_line import cut_points
from isoloss.scene.cut import Cut


def slice_(d: Driver) -> None:
    workspace = d.parts.workspace
    document = workspace.document
    d.until(lambda: d.window.frames > 4, "the first frames")
    (layer,) = workspace.scene.layers
    surface = layer.surface
    bare = d.picture()
    d.press(imgui.Key.x)
    assert document.cut == Cut((-1.0, 0.0), (1.0, 0.0))
    d.until(lambda: d.ctx.item_exists("//Slice/close"), "the panel to come to the front")
    laid = d.picture()
    assert (laid != bare).any(axis=2).sum() > 200, "the line is not drawn"
    (found,) = d.parts.slicing.slices
    np.testing.assert_array_equal(
        found.slice.loss[found.slice.samples], surface.loss[:, len(surface.beta) // 2]
    )
    d.shot("slice.png")

    # the plot's cursor is told and marked on the surface
    window = d.ctx.window_info("//Slice").window
    middle = window.pos.x + window.size.x / 2, window.pos.y + 0.6 * window.size.y
    d.ctx.mouse_move_to_pos(middle)
    place = d.until(lambda: workspace.pointing.in_plot, "the point under the cursor")
    assert abs(place[0]) < 0.4
    assert place[1] == 0.0
    d.shot("slice_cursor.png")

    # an end is dragged: one step, which undo takes back
    d.ctx.mouse_move("//Viewport/**/cut B")
    d.ctx.mouse_drag_with_delta((-60, 40))
    dragged = document.cut
    assert dragged.start == (-1.0, 0.0)
    assert dragged.end != (1.0, 0.0)
    (found,) = d.parts.slicing.slices
    oracle = RegularGridInterpolator((surface.alpha, surface.beta), surface.loss)
    there = np.isfinite(found.slice.loss)
    expected = oracle((found.slice.alpha[there], found.slice.beta[there]))
    assert there.sum() > 300
    # The display's splines differ from straight lines by no more than the surface bends.
    np.testing.assert_allclose(found.slice.loss[there], expected, atol=0.06)
    d.shot("slice_oblique.png")
    d.until(lambda: d.parts.steps.undoes == "cut", "the drag to be a step")
    d.press(imgui.Key.mod_ctrl, imgui.Key.z)
    d.until(lambda: document.cut == Cut((-1.0, 0.0), (1.0, 0.0)), "undo")
    d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.z)
    d.until(lambda: document.cut == dragged, "redo")

    # the line is dragged: both ends move alike
    d.ctx.mouse_move_to_pos(on_the_line(d, dragged))
    d.ctx.yield_(3)
    d.ctx.mouse_drag_with_delta((0, 25))
    moved = document.cut
    assert moved != dragged
    np.testing.assert_allclose(moved.direction, dragged.direction, atol=1e-12)

    # presets, and the table
    d.click("//Slice/lay")
    d.click("//$FOCUSED/Along the trajectory")
    path = layer.trajectories[0]
    chord = path.alpha[-1] - path.alpha[0], path.beta[-1] - path.beta[0]
    cross = np.cross([*document.cut.direction, 0], [*chord, 0])
    np.testing.assert_allclose(cross, 0, atol=1e-9)
    d.press(imgui.Key.mod_shift, imgui.Key.x)
    assert document.cut == Cut((-1.0, 0.0), (1.0, 0.0))
    for leave in (True, False):
        d.click("//Slice/export")
        d.until(lambda: d.ctx.item_exists("//$FOCUSED/##path"), "the name of the table")
        if leave:
            d.press(imgui.Key.escape)  # leaves the field, then the popup
            d.press(imgui.Key.escape)
            d.until(lambda: not d.ctx.item_exists("//$FOCUSED/##path"), "the popup to close")
    d.click("//$FOCUSED/Export")
    d.until(lambda: Path("valley-slice.csv").exists(), "the table")
    rows = list(csv.DictReader(Path("valley-slice.csv").read_text("utf-8").splitlines()))
    computed = [float(r["loss"]) for r in rows if r["source"] == "computed"]
    np.testing.assert_allclose(computed, surface.loss[:, len(surface.beta) // 2], rtol=1e-9)

    camera = workspace.scene.camera
    d.press(imgui.Key.x)
    assert document.cut is None
    assert workspace.scene.camera == camera, "a drag of the cut moved the camera"
    d.ctx.mouse_move_to_pos((d.parts.viewports.rect[0] + 5, d.parts.viewports.rect[1] + 60))
    assert (d.picture() == bare).all(), "something of the slice is left"
    d.press(imgui.Key.x)
    assert document.cut == Cut((-1.0, 0.0), (1.0, 0.0)), "the cut was forgotten"


def on_the_line(d: Driver, cut: Cut) -> tuple[float, float]:
    """A place on the drawn line, away from its ends and from the path."""
    scene = d.parts.workspace.scene
    frame, (x, y) = scene.frame(), d.parts.viewport.rect[:2]
    points = cut_points(cut, scene.shown[0].mesh(frame.scale), frame)
    at = scene.camera.to_pixels(points, d.parts.viewport.extent)[len(points) // 3]
    return x + float(at[0]), y + float(at[1])


drive(slice_, Path(sys.argv[1]))
