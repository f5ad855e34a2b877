"""Windows of any size, names of any length, values near the end of what numbers can be."""

import sys
from pathlib import Path

import glfw
import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.opening.opener import open_path
from isoloss.app.ui import desktop
from isoloss.geometry.surface import Surface

SIZES = [(300, 200), (320, 700), (1000, 210), (500, 300), (800, 500)]
LONG = "n" * 500
AXIS = np.linspace(-1, 1, 9)
SHAPES = {
    "single precision ends": 1e38 * (AXIS[:, None] ** 2 + AXIS**2 - 0.5),
    "double precision ends": 1e300 * np.exp(AXIS[:, None] + AXIS),
    "at the very end": np.where(AXIS[:, None] > 0, 1.7e308, -1.7e308) + 0 * AXIS,
    "denormal": 5e-324 * np.rint(40 * (AXIS[:, None] ** 2 + AXIS**2)),
    "one denormal among ones": np.where(AXIS[:, None] == AXIS, 5e-324, 1.0),
}


def small(d: Driver) -> None:
    workspace = d.parts.workspace
    resize(d, (300, 200))
    looks_well(d, "nothing")
    open_path(workspace, Path(sys.argv[1]))
    for k in range(30):
        surface = Surface.from_loss(AXIS, AXIS, k + AXIS[:, None] ** 2 + AXIS**2)
        open_path(workspace, surface.save(Path(f"{k}.npz")))
    workspace.document.layers[0].name = workspace.document.layers[1].name = LONG
    workspace.scene.title = LONG
    open_path(workspace, Path("not there" + "x" * 200))
    for size in SIZES:
        resize(d, size)
        looks_well(d, "many")
    for count in (2, 4, 1):
        workspace.document.arrange(count)
        for size in SIZES:
            resize(d, size)
            looks_well(d, f"views{count}")
    for name, loss in SHAPES.items():
        open_path(workspace, Surface.from_loss(AXIS, AXIS, loss).save(Path(f"{name}.npz")))
        for action in ("texture",) * 8 + ("contours", "minima", "slice"):
            if any(a.id == action for a in d.parts.actions):
                d.parts.action(action).run()
            d.ctx.yield_(3)
        looks_well(d, name)
    for action in d.parts.actions:
        if action.id.startswith(("open", "save", "difference", "help", "palette", "saved")):
            resize(d, (300, 200))
            action.run()
            looks_well(d, action.id)
            d.press(imgui.Key.escape)
            d.ctx.yield_(2)


def resize(d: Driver, size: tuple[int, int]) -> None:
    """Make the window as large as this, from the thread that may."""
    before, update = [], d.parts.renderings.update

    def resized() -> None:
        glfw.set_window_size(desktop.glfw_window(), *size)
        before.append(True)
        d.parts.renderings.update = update

    d.parts.renderings.update = resized
    d.until(lambda: before, "the window to be asked")
    d.until(lambda: tuple(map(int, imgui.get_io().display_size)) == size, f"a window of {size}")
    d.ctx.yield_(4)


def looks_well(d: Driver, what: str) -> None:
    d.ctx.yield_(6)
    size = "x".join(str(int(n)) for n in imgui.get_io().display_size)
    d.shot(f"small-{what}-{size}.png")
    assert not d.window.defects, d.window.defects


drive(small)
