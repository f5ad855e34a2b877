"""What is shown is shared: in several formats, with its size before; and a link to the view."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

import isoloss
from isoloss.app.state.opening.opener import open_path
from isoloss.app.ui import desktop
from isoloss.scene.files.session import save_session
from isoloss.scene.textures import Texture

BARRIER = Path(sys.argv[2])
DIALOG = "//Share"


def share(d: Driver) -> None:
    workspace, dialog = d.parts.workspace, d.parts.share_dialog
    d.until(lambda: d.window.frames > 4, "the first frames")

    # a page, of just the size that was said
    d.ctx.set_ref("")
    d.ctx.menu_click("##MainMenuBar/File/###share")
    d.until(lambda: d.ctx.item_exists(f"{DIALOG}/Save"), "the dialog")
    d.shot("share.png")
    size = known_size(d)
    d.shot("share-size.png")
    opened: list[str] = []
    desktop.open_page = lambda url: not opened.append(url)
    d.click(f"{DIALOG}/share/##opens")
    save(d, "page.html")
    d.until(lambda: opened == [Path("page.html").absolute().as_uri()], "the page in a browser")
    assert abs(Path("page.html").stat().st_size - size) < 200, "of names alone it may differ"
    assert "as-typed" not in Path("page.html").read_text(), "what made it is no command of ours"

    # a model without contours is smaller, and what it has no room for is said
    open_dialog(d)
    choose(d, ".glb")
    whole = known_size(d)
    d.shot("share-model.png")
    d.click(f"{DIALOG}/share/##contours")
    assert known_size(d) < whole
    save(d, "model.glb")
    d.until(lambda: Path("model.glb").exists(), "the model")
    said = Path("model.glb").read_bytes()
    assert b'"trajectory"' in said
    assert b'"contour"' not in said

    # values of the selected surface, exactly
    open_dialog(d)
    choose(d, ".npz")
    save(d, "values")
    d.until(lambda: Path("values.npz").exists(), "the values")
    np.testing.assert_array_equal(isoloss.load("values.npz").loss, workspace.selected.surface.loss)
    assert Path("values-trajectory.ply").exists()

    # a link to what is seen now
    workspace.change(texture=Texture.ACCURACY, contours=False, epoch=2.5)
    d.drag(90, 40)
    d.ctx.menu_click("##MainMenuBar/File/###copy-link")
    d.until(lambda: "#" in (imgui.get_clipboard_text() or ""), "the link")
    d.shot("link.png")
    Path("seen.json").write_text(
        json.dumps(
            {
                "link": imgui.get_clipboard_text(),
                "camera": asdict(workspace.scene.camera),
                "texture": workspace.appearance.texture.name,
                "contours": workspace.appearance.contours,
                "epoch": workspace.appearance.epoch,
            }
        )
    )
    save_session(workspace.document, Path("seen.isoloss"))

    # which is not of the page any more once there is something else to be seen
    open_path(workspace, Path("values.npz"))
    d.ctx.menu_click("##MainMenuBar/File/###copy-link")
    d.until(lambda: (imgui.get_clipboard_text() or "").startswith("#"), "a link without a page")

    # of several surfaces values are of one alone, and that is said
    workspace.document.view.hidden = frozenset()
    open_dialog(d)
    choose(d, ".glb")
    assert not dialog._narrowed_to()
    choose(d, ".npz")
    assert dialog._narrowed_to() == "values, the selected surface,"
    d.shot("share-one.png")
    d.press(imgui.Key.escape)
    d.until(lambda: not dialog.is_open, "the dialog to close")
    workspace.remove(workspace.document.layers[1])

    # where nothing can be written, that is said, and the dialog stays
    open_dialog(d)
    d.type(f"{DIALOG}/**/##path", "page.html/within.html")  # and Enter
    d.ctx.yield_(3)
    assert dialog.is_open
    assert any("within.html" in line.text for line in workspace.messages.lines)
    d.press(imgui.Key.escape)

    d.click("//Layers/**/remove")
    open_path(workspace, BARRIER)
    open_dialog(d)
    assert {f.name for f in dialog.formats} >= {".npz", ".csv", ".png"}
    assert ".glb" not in {f.name for f in dialog.formats}
    choose(d, ".csv")
    d.shot("share-curve.png")
    save(d, "curve")
    d.until(lambda: Path("curve.csv").exists(), "the curve")


def open_dialog(d: Driver) -> None:
    d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.h)
    d.until(lambda: d.ctx.item_exists(f"{DIALOG}/Save"), "the dialog")


def known_size(d: Driver) -> int:
    dialog = d.parts.share_dialog
    d.ctx.yield_(2)
    d.until(lambda: not dialog.is_waiting, "the size")
    assert not dialog.preview.problem, dialog.preview.problem
    return dialog.preview.size


def choose(d: Driver, suffix: str) -> None:
    formats = d.parts.share_dialog.formats
    at = next(k for k, f in enumerate(formats) if f.name == suffix)
    d.click(f"{DIALOG}/share/##format")
    title = formats[at].title
    d.click(f"//$FOCUSED/$${at}/{title[:1].upper()}{title[1:]} ({suffix})")
    d.until(lambda: d.parts.share_dialog.format.name == suffix, suffix)


def save(d: Driver, name: str) -> None:
    d.type(f"{DIALOG}/**/##path", name)  # and Enter
    d.until(lambda: not d.parts.share_dialog.is_open, "the dialog to close")
    d.until(lambda: not d.parts.renderings.active, "the job to end")


drive(share, Path(sys.argv[1]))
