"""Begin with nothing open: choose a file by clicks, drop one, and survive hostile ones."""

import shutil
import sys
from pathlib import Path

from drive import Driver, drive, drop
from imgui_bundle import imgui


def open_files(d: Driver) -> None:
    workspace = d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.shot("welcome.png")
    assert not workspace.scene.layers
    shutil.copy(sys.argv[1], "valley.ply")
    folder = Path("some folder")
    folder.mkdir()
    shutil.copy(sys.argv[1], folder / "second.ply")
    (folder / "third.txt").write_text("not a surface")

    # by clicks: the welcome's button, a line, Open
    d.click("//Viewport/**/open")
    d.click("//Open/**/valley.ply")
    d.shot("open.png")
    d.click("//Open/Open")
    d.until(lambda: [x.name for x in workspace.scene.layers] == ["valley"], "the layer")
    assert not d.parts.open_dialog.is_open
    assert workspace.scene.shown

    # by the keyboard's way into the dialog, and a double click on a folder
    d.press(imgui.Key.mod_ctrl, imgui.Key.o)
    d.double_click("//Open/**/some folder")
    d.until(lambda: d.parts.open_dialog.browser.folder.name == "some folder", "the folder")
    assert [e.path.name for e in d.parts.open_dialog.browser.entries] == ["second.ply"]
    d.press(imgui.Key.escape)
    d.until(lambda: not d.parts.open_dialog.is_open, "the dialog to close")
    mistype(d)

    # dropped: through the very callback that GLFW calls
    drop(str(folder / "second.ply"))
    d.until(lambda: len(workspace.scene.layers) == 2, "the dropped layer")
    assert workspace.selected.name == "second"
    assert [x not in workspace.scene.hidden for x in workspace.scene.layers] == [False, True]

    # hostile files: a notification each, and the window lives
    Path("empty.ply").write_bytes(b"")
    Path("liar.ply").write_bytes(
        b"ply\nformat binary_little_endian 1.0\nelement vertex 4000000000\n"
        b"property float x\nend_header\n\x00"
    )
    Path("noise.npz").write_bytes(bytes(range(256)) * 20)
    Path("noise.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(400))
    Path("half.ply").write_bytes(Path(sys.argv[1]).read_bytes()[:700])
    (Path("run") / "surface").mkdir(parents=True)
    (Path("run") / "run.json").write_text("{")
    hostile = ["empty.ply", "liar.ply", "noise.npz", "noise.h5", "half.ply", "run", "missing.ply"]
    for name in hostile:
        version = workspace.messages.version
        drop(str(Path(name).absolute()))
        d.until(lambda version=version: workspace.messages.version > version, f"word of {name}")
        message = workspace.messages.lines[-1]
        assert message.level == "error", (name, message)
        assert name in message.text, (name, message)
    d.until(lambda: d.ctx.item_exists("//notification##0/**/dismiss"), "a notification")
    d.shot("hostile.png")
    shown = len(workspace.messages.shown)
    d.click("//notification##0/**/dismiss")
    d.until(lambda: len(workspace.messages.shown) == shown - 1, "the notification to go")
    frames = d.window.frames
    d.until(lambda: d.window.frames > frames + 3, "further frames")
    assert len(workspace.scene.layers) == 2


def mistype(d: Driver) -> None:
    """What cannot be opened leaves the field as it was, to type on; Escape closes from anywhere."""
    look = d.parts.workspace.scene.appearance
    d.press(imgui.Key.mod_ctrl, imgui.Key.o)
    d.ctx.key_chars_replace("nowhere")
    d.press(imgui.Key.enter)
    d.until(lambda: imgui.get_io().want_text_input, "the field to take the keyboard again")
    d.ctx.key_chars("th")
    d.ctx.window_focus("//Layers")
    d.press(imgui.Key.t)
    assert d.parts.open_dialog.is_open
    assert d.parts.workspace.scene.appearance == look
    assert not d.parts.help_window.is_open
    d.press(imgui.Key.escape)
    d.until(lambda: not d.parts.open_dialog.is_open, "the dialog to close")


if __name__ == "__main__":
    drive(open_files)
