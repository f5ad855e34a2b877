"""Save a session, close everything, and see the same picture again: here, and in a new window."""

import shutil
import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui
from open import drop
from undo import differ, rest

from isoloss.app.ui.desktop import glfw_window
from isoloss.scene.textures import Texture

import glfw  # isort: skip

CTRL, SHIFT = imgui.Key.mod_ctrl, imgui.Key.mod_shift


def save(d: Driver) -> None:
    workspace = d.parts.workspace
    scene = workspace.scene
    d.until(lambda: d.window.frames > 4, "the first frames")
    assert not d.parts.action("save-session").is_possible()
    assert not d.parts.action("restore-last").is_possible()
    shutil.copytree(Path(sys.argv[2]).parent, "data", ignore=lambda *_: ["work", "config"])
    drop(str(Path("data/valley.ply").absolute()))
    d.until(lambda: scene.shown, "the surface")
    d.press(imgui.Key.t)
    d.press(imgui.Key.w)
    d.drag(160, -25)
    d.press(imgui.Key.v)
    d.ctx.mouse_wheel_y(2)
    d.click("//Layers/**/path 1")
    d.press(CTRL, imgui.Key.t)
    before, state = rest(d), choices(d)

    d.press(CTRL, imgui.Key.s)
    d.until(lambda: d.ctx.item_exists("//Save session/Save"), "the dialog")
    d.shot("save_session.png")
    d.type("//Save session/**/##path", "here/first")  # and Enter
    path = Path("here/first.isoloss")
    d.until(path.exists, "the session's file")
    assert not d.parts.session_dialog.is_open
    assert title(d) == "first – isoloss"
    d.press(imgui.Key.c)
    d.until(lambda: title(d) == "● first – isoloss", "the mark of a change")
    d.shot("changed.png")
    d.press(CTRL, imgui.Key.z)
    d.until(lambda: title(d) == "first – isoloss", "the mark to go")
    d.press(imgui.Key.b)
    saved = path.read_bytes()
    d.press(CTRL, imgui.Key.s)  # without asking, now that it has a name
    d.until(lambda: path.read_bytes() != saved, "the session to be saved again")
    d.press(imgui.Key.b)
    d.press(CTRL, imgui.Key.s)
    d.until(lambda: path.read_bytes() == saved, "the session as it was")

    d.press(CTRL, SHIFT, imgui.Key.s)
    d.until(lambda: d.ctx.item_exists("//Save session/Save"), "the dialog")
    d.ctx.key_chars_replace("second")
    d.shot("save_session_as.png")
    d.click("//Save session/Save")
    d.until(lambda: title(d) == "second – isoloss", "the other name")
    assert Path("second.isoloss").exists()
    assert path.read_bytes() == saved

    # close everything, and open it with the dialog
    d.press(CTRL, SHIFT, imgui.Key.w)
    d.until(lambda: not scene.layers and title(d) == "isoloss", "everything to be closed")
    d.press(CTRL, imgui.Key.t)
    d.press(imgui.Key.r)
    d.press(CTRL, imgui.Key.o)
    d.type("//Open/**/##path", "here")
    d.click("//Open/**/first.isoloss")
    d.shot("open_session.png")
    d.click("//Open/Open")
    d.until(lambda: scene.layers, "the session")
    assert choices(d) == state
    assert not differ(rest(d), before), "the picture is another one"
    assert title(d) == "first – isoloss"
    assert scene.appearance.texture is Texture.ACCURACY
    d.shot("restored.png")

    # undo brings back what it took the place of, a drop brings the session again
    d.press(CTRL, imgui.Key.z)
    assert not scene.layers
    drop(str(path.absolute()))
    d.until(lambda: scene.layers, "the dropped session")
    assert not differ(rest(d), before)

    refuse(d, path)
    np.save("picture.npy", rest(d))


def refuse(d: Driver, path: Path) -> None:
    """Hostile sessions, and one whose file is gone: a notification, and the window lives."""
    workspace = d.parts.workspace
    state = workspace.document.state()
    text = path.read_text(encoding="utf-8")
    hostile = {
        "nan": text.replace('"distance": ', '"distance": NaN, "x": ', 1),
        "nonsense": "null",
        "cut-off": text[: len(text) // 2],
        "gone": text.replace("valley.ply", "gone.ply"),
    }
    for name, content in hostile.items():
        bad = Path(f"{name}.isoloss")
        bad.write_text(content, encoding="utf-8")
        version = workspace.messages.version
        drop(str(bad.absolute()))
        d.until(lambda version=version: workspace.messages.version > version, f"word of {name}")
        message = workspace.messages.lines[-1]
        assert (message.level, name in message.text) == ("error", True), message
    assert workspace.document.state() == state


def restore(d: Driver) -> None:
    """In a new process: the file that was named, and the session that the last window left."""
    workspace = d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    wanted = np.load("picture.npy")
    assert not differ(rest(d), wanted), "the picture is another one"
    assert title(d) == "first – isoloss"
    assert [v.name for v in workspace.document.saved_views] == ["View 1"]
    d.press(CTRL, SHIFT, imgui.Key.w)
    d.until(lambda: not workspace.scene.layers, "everything to be closed")
    d.press(CTRL, imgui.Key.p)
    d.ctx.key_chars("restore last")
    d.ctx.yield_(2)
    d.press(imgui.Key.enter)
    d.until(lambda: workspace.scene.layers, "the last session")
    assert not differ(rest(d), wanted), "the picture is another one"

    # on the welcome it is one click
    d.press(CTRL, SHIFT, imgui.Key.w)
    d.until(lambda: d.ctx.item_exists("//Viewport/**/last"), "the welcome")
    d.shot("last_session.png")
    d.click("//Viewport/**/last")
    d.until(lambda: workspace.scene.layers, "the last session")
    assert not differ(rest(d), wanted), "the picture is another one"
    assert str(workspace.session.last_path()) not in workspace.preferences.recent


def choices(d: Driver) -> object:
    """Cameras and looks; the layers are read anew."""
    document = d.parts.workspace.document
    views = [(v.camera, v.appearance, v.title) for v in document.views]
    return views, document.saved_views, [(x.name, x.hidden) for x in document.layers]


def title(d: Driver) -> str:
    """What stands over the window."""
    d.ctx.yield_(3)
    title = glfw.get_window_title(glfw_window())
    assert title is not None
    return title


if __name__ == "__main__":
    if sys.argv[1] == "save":
        drive(save)
    else:
        drive(restore, Path("here/first.isoloss"))
