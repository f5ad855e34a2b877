"""Two surfaces in one box: whose colours are whose, what the signs mean, equal units; by clicks."""

import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.geometry.files.reading import load
from isoloss.geometry.surface import Surface

PANEL = "//Appearance"
VALLEY = load(Path(sys.argv[1]))
LONG = Path("long.ply")


def signs(d: Driver) -> None:
    workspace = d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.click("//Layers/$$0/eye")
    d.until(lambda: len(workspace.scene.shown) == 2, "both surfaces in one box")
    d.ctx.yield_(3)
    before = d.picture()
    d.shot("own-colours.png")

    def changes(act: object, shot: str, **expected: object) -> None:
        nonlocal before
        act()  # type: ignore[operator]
        d.ctx.yield_(2)
        after = d.picture()
        assert int((before != after).any(axis=2).sum()) > 100, f"no change of {expected}"
        before = after
        for name, value in expected.items():
            assert getattr(workspace.appearance, name) == value, name
        d.shot(f"{shot}.png")

    changes(lambda: d.click(f"{PANEL}/Signs"), "signs", signs=True)
    changes(lambda: d.click(f"{PANEL}/Own colours"), "one-colormap", own_colors=False)
    changes(lambda: d.click(f"{PANEL}/Equal aspect"), "equal", equal_aspect=True)
    changes(lambda: d.click(f"{PANEL}/Own colours"), "all", own_colors=True)
    changes(lambda: d.press(imgui.Key.k), "no-signs", signs=False)


a, b = np.linspace(-2, 2, 17), np.linspace(-0.6, 0.6, 11)
Surface.from_loss(a, b, 4 - 0.5 * a[:, None] ** 2 + b**2, title="long").save(LONG)
drive(signs, Path(sys.argv[1]), LONG)
