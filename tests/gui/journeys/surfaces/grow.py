"""A curve is plotted and read beside a surface, one grows, and a surface sharpens to its rest."""

import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.opening.opener import open_path
from isoloss.events import Progress, Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.run import Run
from isoloss.settings import ProbeSettings

BARRIER = Path(sys.argv[2])


def grow(d: Driver) -> None:
    workspace = d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    (layer,) = workspace.scene.layers
    before = d.picture()
    read_a_curve(d)
    follow_a_line(d)
    assert workspace.scene.layers == [layer]
    assert layer not in workspace.scene.hidden
    assert (d.picture() == before).all(), "the scene was disturbed"

    # with nothing else open, a curve has the middle of the window
    d.click("//Layers/**/remove")
    d.press(imgui.Key.mod_ctrl, imgui.Key.t)
    open_path(workspace, BARRIER)
    d.until(lambda: d.ctx.item_exists("//Viewport/**/close"), "the curve in the light theme")
    assert not d.ctx.item_exists("//Viewport/**/open")
    d.shot("curve_light.png")
    d.click("//Viewport/**/close")
    d.until(lambda: d.ctx.item_exists("//Viewport/**/open"), "the welcome")
    sharpen(d)


def read_a_curve(d: Driver) -> None:
    workspace = d.parts.workspace
    open_path(workspace, BARRIER)
    shown = d.until(lambda: workspace.curves.shown, "the curve")
    d.until(lambda: d.ctx.item_exists("//Curve/close"), "the panel to come to the front")
    assert shown.is_log
    window = d.ctx.window_info("//Curve").window
    d.ctx.mouse_move_to_pos((window.pos.x + window.size.x / 2, window.pos.y + window.size.y / 2))
    # the middle of the panel is that of the curve, but for its axes' labels
    index = d.until(lambda: d.panel("Curve").pointed, "the point under the cursor")
    assert 0.2 < shown.curve.alpha[index] < 0.8
    d.shot("curve.png")
    d.click("//Curve/Log scale")
    assert not shown.is_log


def follow_a_line(d: Driver) -> None:
    """One that grows, and the choice among two."""
    workspace = d.parts.workspace
    barrier = workspace.curves.shown
    run = Run.create(Path("runs/line"), ProbeSettings(source=Path("net"), plane="line", points=9))
    axis = np.linspace(-1, 1, 9)
    meta = {"plane": "line"}
    growing = GrowingSurface.create(run.growing_path, axis, np.zeros(1), 90, True, meta)
    for k in (0, 4, 8):
        growing.put((k, 0), 1 + axis[k] ** 2, 0.5, 0.2, 10)
    open_path(workspace, run.folder)
    assert workspace.curves.shown is not barrier
    line = workspace.curves.shown
    assert len(line.curve.alpha) == 3
    growing.put((6, 0), 1.2, 0.5, 0.1, 40)
    d.until(lambda: len(line.curve.alpha) == 4, "the line to grow")
    d.shot("curve_grows.png")
    d.click("//Curve/##curve")
    d.click("//$FOCUSED/$$0/barrier")
    d.until(lambda: workspace.curves.shown is barrier, "the other curve")
    for left in ([line], []):
        d.click("//Curve/close")
        d.until(lambda left=left: workspace.curves.open == left, "the curve to be closed")


def sharpen(d: Driver) -> None:
    """Cells get ever more samples: the surface moves to its new shape, then nothing is drawn."""
    workspace, painter = d.parts.workspace, d.parts.viewport.painter
    run = Run.create(Path("runs/grows"), ProbeSettings(source=Path("net"), grid=(5, 5)))
    axis = np.linspace(-1, 1, 5)
    growing = GrowingSurface.create(run.growing_path, axis, axis, 900, True, {"plane": "random"})

    def measure(samples: int, height: float) -> None:
        for i in range(5):
            for j in range(5):
                growing.put((i, j), 1 + height * (axis[i] ** 2 + axis[j] ** 2), 0.5, 0.1, samples)

    measure(10, 1.0)
    with run.lock():  # as the job that resumes it would
        run.emit(Started(0, "cpu"))
        run.emit(Progress("surface", 250, 22500, 1234.5, "images"))
        open_path(workspace, run.folder)
        (layer,) = workspace.scene.layers
        d.until(lambda: workspace.runs.active, "the run to be seen at work")
        d.shot("sharpen.png")
        first, version = d.picture(), layer.version
        measure(90, -0.4)
        d.until(lambda: layer.version > version, "the sharper surface")
        d.until(lambda: layer.approach == 1, "the surface to arrive")
        assert not (d.picture() == first).all()
        drawn = painter.count
        d.ctx.yield_(20)
        assert painter.count == drawn, "drew again although nothing had changed"


drive(grow, Path(sys.argv[1]))
