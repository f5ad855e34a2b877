"""Retake docs/pictures/window.png, the window with a surface and its trajectory: with that which
ships, or with any other's file or run folder,

    xvfb-run -s "-screen 0 1280x800x24" .venv/bin/python tools/pictures/window.py [FILE]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "surfaces" / "vgg11-digits-pca.ply"

os.environ["ISOLOSS_GUI_SHOTS"] = str(ROOT / "docs" / "pictures")
sys.path.insert(0, str(ROOT / "tests" / "gui"))

from drive import Driver, drive  # noqa: E402
from imgui_bundle import imgui  # noqa: E402

from isoloss.app.guide.hints import HINTS  # noqa: E402


def window(d: Driver) -> None:
    """A cut is laid through the surface, and a point is pinned."""
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.parts.workspace.preferences.hints.extend(hint.name for hint in HINTS)
    d.drag(24, 6)
    d.press(imgui.Key.x)
    d.until(lambda: d.ctx.item_exists("//Slice/close"), "the panel of the cut")
    d.point(0.45, 0.47)
    d.ctx.mouse_click(0)
    d.ctx.mouse_move("//Appearance/texture/Height")
    d.ctx.yield_(60)
    d.shot("window.png")


if __name__ == "__main__":
    file = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else SAMPLE
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["ISOLOSS_CONFIG_DIR"] = folder
        drive(window, file)
