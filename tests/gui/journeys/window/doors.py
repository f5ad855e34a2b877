"""Drop mixed files, folders, names of no encoding; draw what is shown, whatever its file is now."""

import os
import shutil
import sys
from pathlib import Path

from drive import Driver, drive, drop
from imgui_bundle import imgui


def doors(d: Driver) -> None:
    workspace = d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    valley = Path(sys.argv[1])

    # of a folder all surfaces, and of mixed files the surfaces; the rest is one line
    many = Path("many")
    many.mkdir()
    shutil.copy(valley, many / "a.ply")
    shutil.copy(valley.with_name("valley-trajectory.ply"), many / "a-trajectory.ply")
    shutil.copy(valley, many / "adam-trajectory.ply")
    (many / "b.ply").write_bytes(valley.read_bytes())
    (many / "b-trajectory.ply").write_bytes(b"")
    (many / "README.md").write_text("about")
    (many / "robustness.txt").write_text("1")
    d.press(imgui.Key.mod_ctrl, imgui.Key.o)
    d.double_click("//Open/**/many")
    d.until(lambda: d.parts.open_dialog.browser.folder.name == "many", "the folder")
    listed = [entry.path.name for entry in d.parts.open_dialog.browser.entries]
    assert listed == ["a.ply", "adam-trajectory.ply", "b.ply"]
    d.shot("listed.png")
    d.press(imgui.Key.escape)
    d.until(lambda: not d.parts.open_dialog.is_open, "the dialog to close")
    drop(*sorted(many.iterdir()))
    d.until(lambda: len(workspace.scene.layers) == 3, "the layers")
    assert [len(layer.trajectories) for layer in workspace.scene.layers] == [1, 0, 0]
    said = [(message.level, message.text) for message in workspace.messages.lines]
    assert ("info", "Left out what is no surface: README.md and 1 more") in said
    assert (
        "warning",
        "b.ply is shown without a trajectory: many/b-trajectory.ply is empty",
    ) in said
    assert "error" not in dict(said)
    d.shot("mixed.png")

    # a name of no encoding
    odd = Path(os.fsdecode(b"bad\xff"))
    odd.mkdir()
    shutil.copy(valley, odd / os.fsdecode(b"v\xff.ply"))
    drop(odd)
    d.until(lambda: len(workspace.scene.layers) == 4, "the layer of the odd name")
    d.press(imgui.Key.mod_ctrl, imgui.Key.o)
    d.ctx.key_chars_replace(str(Path.cwd()))
    d.press(imgui.Key.enter)
    d.double_click("//Open/**/bad\N{REPLACEMENT CHARACTER}")
    d.until(lambda: d.parts.open_dialog.browser.folder == odd.absolute(), "the folder")
    d.click("//Open/**/v\N{REPLACEMENT CHARACTER}.ply")
    d.shot("odd.png")
    d.press(imgui.Key.escape)
    d.until(lambda: not d.parts.open_dialog.is_open, "the dialog to close")
    draw_what_is_gone(d, valley)


def draw_what_is_gone(d: Driver, valley: Path) -> None:
    """Pictures, figures and movies are of what is shown, whatever has become of its file."""
    workspace, changing = d.parts.workspace, Path("changing.ply").absolute()
    workspace.close_all()
    shutil.copy(valley, changing)
    drop(changing)
    d.until(lambda: [x.name for x in workspace.scene.layers] == ["changing"], "the layer")
    changing.unlink()
    os.mkfifo(changing)  # whoever read the file again would wait for ever
    for kind, name in (("Figure", "gone.svg"), ("Movie", "gone.webp")):
        d.press(imgui.Key.mod_ctrl, imgui.Key.e)
        d.click(f"//Save picture/{kind}")
        if kind == "Movie":
            d.type("//Save picture/**/##seconds", 0.1)
        d.type("//Save picture/**/##path", name)
        d.until(Path(name).exists, name)
        d.until(lambda: not d.parts.renderings.active, "the job to end")
    assert "vgg11" in Path("gone.svg").read_text()
    drop(changing)
    d.until(lambda: "no file but a pipe" in workspace.messages.lines[-1].text, "word of the pipe")
    assert workspace.scene.layers[0].surface.shape == (25, 21)


if __name__ == "__main__":
    drive(doors)
