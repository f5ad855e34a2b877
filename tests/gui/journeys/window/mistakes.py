"""Mistype, press the wrong key, and type in any order: the window bears it and can be mended."""

import math
import shutil
import sys
from pathlib import Path

from drive import Driver, drive
from imgui_bundle import imgui
from PIL import Image

from isoloss.app.state.opening.opener import open_path

CTRL = imgui.Key.mod_ctrl
PANEL = "//Appearance"


def mistakes(d: Driver) -> None:
    d.until(lambda: d.window.frames > 4, "the first frames")
    numbers(d)
    range_by_hand(d)
    keys(d)
    dialogs(d)
    layers(d)
    kept = d.parts.workspace.session.running_path()
    d.until(kept.exists, "what is kept for after a crash")


def numbers(d: Driver) -> None:
    """What is no number, and what is none that can be drawn, is as if it had not been typed."""
    workspace = d.parts.workspace
    before = workspace.appearance
    for text in ("nan", "inf", "-1e400", "x"):
        d.type(f"{PANEL}/height/##gain", text)
        d.type(f"{PANEL}/levels/##levels", text)
    d.click(f"{PANEL}/own level/##own level")
    level = workspace.appearance.contour_value
    d.type(f"{PANEL}/own level/##level value", "nan")
    assert workspace.appearance.contour_value == level
    d.click(f"{PANEL}/own level/##own level")
    epoch = d.parts.playback.epoch
    d.type("//Viewport/**/##epoch", "nan")
    assert d.parts.playback.epoch == epoch
    assert workspace.appearance.height_gain == before.height_gain
    d.type(f"{PANEL}/height/##gain", 1e30)
    assert workspace.appearance.height_gain == 10
    d.type(f"{PANEL}/height/##gain", 1)


def range_by_hand(d: Driver) -> None:
    """Both ends go up, the lower one first."""
    workspace = d.parts.workspace
    d.click(f"{PANEL}/colors/##range")
    d.click("//$FOCUSED/$$1/By hand")
    first = workspace.appearance.color_range
    for text in ("1e400", "nan"):
        d.type(f"{PANEL}/colors/##ends/$$1", text)
    assert workspace.appearance.color_range == first
    d.type(f"{PANEL}/colors/##ends/$$0", 50)
    d.shot("falling.png")
    assert workspace.appearance.color_range[1] == first[1]
    d.type(f"{PANEL}/colors/##ends/$$1", 80)
    assert workspace.appearance.color_range == (50, 80)
    d.shot("rising.png")
    d.click(f"{PANEL}/colors/##ends/$$0")
    d.until(lambda: imgui.get_io().want_text_input, "the field to be typed into after one click")
    d.ctx.key_chars_replace("60")
    d.press(imgui.Key.enter)
    assert workspace.appearance.color_range == (60, 80)
    d.click(f"{PANEL}/colors/##range")
    d.click("//$FOCUSED/$$0/By data")


def keys(d: Driver) -> None:
    """Ctrl+1 and Ctrl+W while somebody types are slips."""
    docking, workspace = d.parts.docking, d.parts.workspace
    name = docking.panels.names()[0]
    d.click(f"{PANEL}/title/##title text")
    d.ctx.key_chars("Tit")
    d.press(CTRL, imgui.Key._1)
    d.press(CTRL, imgui.Key.w)
    d.ctx.key_chars("le")
    d.press(imgui.Key.enter)
    assert docking.is_shown(name)
    assert workspace.scene.layers
    assert workspace.scene.heading == "Title"


def dialogs(d: Driver) -> None:
    """Paths half typed, Escape in a list, a size of one's own, Enter."""
    d.press(CTRL, imgui.Key.s)
    d.until(lambda: d.ctx.item_exists("//Save session/Save"), "the dialog")
    for text in ("/", "", "..", "nowhere/"):
        d.ctx.key_chars_replace(text)
        d.press(imgui.Key.enter)
        assert d.parts.session_dialog.is_open, text
    d.press(imgui.Key.escape)
    d.press(imgui.Key.escape)
    d.until(lambda: not d.parts.session_dialog.is_open, "the dialog to close")

    d.press(CTRL, imgui.Key.e)
    d.until(lambda: d.ctx.item_exists("//Save picture/Save"), "the dialog")
    d.click("//Save picture/picture/##size")
    d.press(imgui.Key.escape)
    assert d.parts.picture_dialog.is_open
    d.click("//Save picture/picture/##size")
    d.click("//$FOCUSED/$$6/Other…")
    d.type("//Save picture/picture/##width", 320)
    d.type("//Save picture/picture/##height", 170)
    d.shot("own_size.png")
    d.type("//Save picture/picture/##path", "own")  # and Enter
    d.until(lambda: not d.parts.picture_dialog.is_open, "the dialog to close")
    with Image.open("own.png") as saved:
        assert saved.size == (320, 170)


def layers(d: Driver) -> None:
    """More of them than the panel has room for; one is clicked while hidden, and renamed."""
    workspace = d.parts.workspace
    for k in range(30):
        path = Path(f"more {k}.ply").absolute()
        shutil.copy(sys.argv[1], path)
        open_path(workspace, path, remember=False)
    d.ctx.yield_(6)
    lowest = imgui.internal.find_window_by_name("Layers").scroll.y
    assert lowest > 100, "the list has not come to the selected layer"
    d.shot("many.png")
    hidden = workspace.scene.layers[-2]
    assert hidden in workspace.scene.hidden
    d.click("//Layers/$$29/surface")
    assert workspace.selected is hidden
    assert hidden not in workspace.scene.hidden
    d.double_click("//Layers/$$29/surface")
    d.until(lambda: d.ctx.item_exists("//Layers/$$29/surface name"), "the field")
    d.shot("rename.png")
    d.ctx.key_chars_replace("renamed")
    d.press(imgui.Key.enter)
    assert hidden.name == "renamed"
    d.until(lambda: d.ctx.item_exists("//Layers/$$29/surface"), "the name again")
    assert all(map(math.isfinite, workspace.scene.camera.target))


drive(mistakes, Path(sys.argv[1]))
