"""Open a curve beside a surface: it is plotted and read, and the scene stays as it was."""

import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.geometry.growing import GrowingSurface
from isoloss.run import Run
from isoloss.settings import ProbeSettings


def curve(d: Driver) -> None:
    workspace = d.app.workspace
    d.until(lambda: d.app.frames > 4, "the first frames")
    (layer,) = workspace.scene.layers
    before = d.picture()

    workspace.open(Path(sys.argv[2]))
    shown = d.until(lambda: workspace.curves.shown, "the curve")
    d.until(lambda: d.ctx.item_exists("//Curve/close"), "the panel to come to the front")
    assert workspace.scene.layers == [layer]
    assert layer.visible
    assert (d.picture() == before).all(), "the scene was disturbed"
    assert shown.is_log
    d.shot("curve.png")

    # a point under the cursor is read
    window = d.ctx.window_info("//Curve").window
    middle = window.pos.x + window.size.x / 2, window.pos.y + window.size.y / 2
    d.ctx.mouse_move_to_pos(middle)
    index = d.until(lambda: d.app.curve_panel.pointed, "the point under the cursor")
    assert 0.2 < shown.curve.alpha[index] < 0.8
    d.shot("curve_pointed.png")
    d.click("//Curve/Log scale")
    assert not shown.is_log
    d.shot("curve_linear.png")

    # one that grows
    run = Run.create(Path("runs/line"), ProbeSettings(source=Path("net"), plane="line", points=9))
    axis = np.linspace(-1, 1, 9)
    growing = GrowingSurface.create(
        run.growing_path, axis, np.zeros(1), 90, True, {"plane": "line"}
    )
    for k in (0, 4, 8):
        growing.put((k, 0), 1 + axis[k] ** 2, 0.5, 0.2, 10)
    workspace.open(run.folder)
    line = d.until(lambda: workspace.curves.shown is not shown and workspace.curves.shown, "line")
    assert len(line.curve.alpha) == 3
    growing.put((4, 0), 1.0, 0.5, 0.1, 40)
    growing.put((6, 0), 1.2, 0.5, 0.1, 40)
    d.until(lambda: len(line.curve.alpha) == 4, "the line to grow")
    d.shot("curve_grows.png")
    d.click("//Curve/##curve")
    d.click("//$FOCUSED/$$0/barrier")
    d.until(lambda: workspace.curves.shown is shown, "the other curve")
    d.click("//Curve/close")
    d.click("//Curve/close")
    d.until(lambda: not workspace.curves.open, "the curves to be closed")
    assert workspace.scene.layers == [layer]

    # with nothing else open, a curve has the middle of the window
    d.click("//Layers/**/remove")
    d.press(imgui.Key.mod_ctrl, imgui.Key.t)
    workspace.open(Path(sys.argv[2]))
    d.until(lambda: d.ctx.item_exists("//Viewport/**/close"), "the curve in the light theme")
    assert not d.ctx.item_exists("//Welcome/open")
    d.shot("curve_light.png")
    d.click("//Viewport/**/close")
    d.until(lambda: d.ctx.item_exists("//Welcome/open"), "the welcome")


drive(curve, Path(sys.argv[1]))
