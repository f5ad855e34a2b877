"""Windows of any size, names of any length, values near the end of what numbers can be."""

import sys
from itertools import combinations
from pathlib import Path

import glfw
import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.opening.opener import open_path
from isoloss.app.ui import desktop
from isoloss.app.ui.dock_nodes import rect_of
from isoloss.geometry.rect import extent, overlap
from isoloss.geometry.surface import Surface

LEAST = (300, 200)
SIZES = [LEAST, (320, 700), (1000, 210), (500, 300), (800, 500)]
LONG = "n" * 500
AXIS = np.linspace(-1, 1, 9)
SHAPES = {
    "single precision ends": 1e38 * (AXIS[:, None] ** 2 + AXIS**2 - 0.5),
    "double precision ends": 1e300 * np.exp(AXIS[:, None] + AXIS),
    "at the very end": np.where(AXIS[:, None] > 0, 1.7e308, -1.7e308) + 0 * AXIS,
    "denormal": 5e-324 * np.rint(40 * (AXIS[:, None] ** 2 + AXIS**2)),
    "one denormal among ones": np.where(AXIS[:, None] == AXIS, 5e-324, 1.0),
}
ASKING = {
    "open": "Open",
    "difference": "Difference",
    "save-picture": "Save picture",
    "share": "Share",
    "save-session-as": "Save session",
    "palette": "Command palette",
    "help": "Help",
}
BESIDE_EACH_OTHER = ["Hint", *(f"notification##{k}" for k in range(4))]


def small(d: Driver) -> None:
    workspace = d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.until(lambda: size_of_window() == SIZES[-1], "a window of the usual size, no speck")
    at = glfw.get_window_pos(desktop.glfw_window())
    assert all(0 <= n < 1000 for n in at), f"the window begins out of sight, at {at}"
    before = {name for name in d.parts.panels if d.parts.docking.is_shown(name)}
    resize(d, LEAST)
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
    after = {n for n in d.parts.panels if d.parts.docking.is_shown(n)}
    assert after == before | {"Layers", "Appearance"}
    for count, size in zip((2, 4, 4, 2), SIZES, strict=False):
        workspace.document.arrange(count)
        resize(d, size)
        looks_well(d, f"views{count}")
    workspace.document.arrange(1)
    resize(d, SIZES[-1])
    for name, loss in SHAPES.items():
        open_path(workspace, Surface.from_loss(AXIS, AXIS, loss).save(Path(f"{name}.npz")))
        for action in ("texture",) * 4 + ("contours", "minima", "slice"):
            if any(a.id == action for a in d.parts.actions):
                d.parts.action(action).run()
            d.ctx.yield_(2)
        looks_well(d, name)
    resize(d, LEAST)
    for action, title in ASKING.items():
        d.parts.action(action).run()
        d.ctx.yield_(6)
        assert rect_of(title) is not None, f"{action} opens no {title}"
        looks_well(d, action, title)
        d.press(imgui.Key.escape)
        d.until(lambda title=title: rect_of(title) is None, f"{title} to close")


def resize(d: Driver, size: tuple[int, int]) -> None:
    """Make the window as large as this, from the thread that may."""
    asked, update = [], d.parts.renderings.update

    def resized() -> None:
        d.parts.renderings.update = update
        glfw.set_window_size(desktop.glfw_window(), *size)
        asked.append(True)

    d.parts.renderings.update = resized
    d.until(lambda: asked, "the window to be asked")
    d.until(lambda: size_of_window() == size, f"a window of {size}")
    d.ctx.yield_(4)


def size_of_window() -> tuple[int, int]:
    size = imgui.get_io().display_size
    return int(size.x), int(size.y)


def looks_well(d: Driver, what: str, *within: str) -> None:
    """Nothing has gone wrong, what floats is in the window, what is beside each other stays so."""
    d.ctx.yield_(6)
    width, height = size_of_window()
    d.shot(f"small-{what}-{width}x{height}.png")
    assert not d.window.defects, d.window.defects
    floating = {n: r for n in (*BESIDE_EACH_OTHER, *within) if (r := rect_of(n)) is not None}
    for name, (left, top, right, bottom) in floating.items():
        assert left >= 0, f"{name} begins left of the window"
        assert top >= 0, f"{name} begins above the window"
        assert right <= width, f"{name} ends right of a window of {width}: {right}"
        assert bottom <= height or name not in within, f"{name} ends below the window: {bottom}"
    for a, b in combinations([n for n in BESIDE_EACH_OTHER if n in floating], 2):
        assert not overlap(floating[a], floating[b]), f"{a} and {b} lie over each other"
    picture = rect_of("Viewport")
    assert picture is not None, "there is no picture"
    assert extent(picture)[0] > 0.25 * width, "panels leave the picture nothing"


drive(small)
