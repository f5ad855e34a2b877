"""Two surfaces beside each other, linked and not; put elsewhere; and their difference."""

import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.opening.opener import open_path
from isoloss.geometry.files.reading import load
from isoloss.geometry.surface import Surface

VALLEY = load(Path(sys.argv[1]))


def compare(d: Driver) -> None:
    workspace = d.parts.workspace
    document = workspace.document
    d.until(lambda: d.window.frames > 4, "the first frames")
    valley, plain = document.layers

    def shown() -> list[list[str]]:
        return [[layer.name for layer in view.shown] for view in document.shown_views]

    assert shown() == [["plain"]]
    d.click("//Viewport/**/arrange 2")
    d.until(lambda: shown() == [["plain"], ["valley"]], "the other surface beside it")
    d.ctx.yield_(3)
    a, b = document.shown_views
    assert a.frame().scale == b.frame().scale, "heights are not linked"
    still = d.picture(1)
    assert d.picture(0).std() > 5
    assert still.std() > 5
    d.shot("compare.png")
    links(d, still)
    choose(d, shown)
    differ(d, shown)
    workspace.remove(plain)
    assert valley in document.layers


def links(d: Driver, still: np.ndarray) -> None:
    """What is linked moves together, what is not does not."""
    document = d.parts.workspace.document
    a, b = document.shown_views
    before = a.camera
    d.drag(60, 20, index=1)
    assert document.active == 1
    d.until(lambda: a.camera == b.camera != before, "both cameras to turn")
    assert (d.picture(1) != still).any()
    d.click("//Viewport/**/link camera")
    assert not document.links.camera
    seen, camera = d.picture(1), b.camera
    d.drag(-80, 10, index=0)
    assert document.active == 0
    assert b.camera == camera != a.camera
    assert (d.picture(1) == seen).all(), "the other viewport was drawn from elsewhere"
    d.shot("compare_free.png")
    d.click("//Viewport/**/link camera")
    d.until(lambda: a.camera == b.camera != camera, "the cameras to be linked again")
    d.click("//Viewport/**/link height")
    d.until(lambda: a.frame().scale != b.frame().scale, "heights of their own")
    d.click("//Viewport/**/link look")
    d.press(imgui.Key.c)
    assert not a.appearance.contours
    assert b.appearance.contours
    for name in ("height", "look"):
        d.click(f"//Viewport/**/link {name}")
    d.press(imgui.Key.c)


def choose(d: Driver, shown: object) -> None:
    """Menus and panels act on the active viewport; layers are put where they are wanted."""
    document = d.parts.workspace.document
    d.press(imgui.Key.n)
    assert document.active == 1
    d.click("//Layers/$$0/eye")
    d.until(lambda: shown() == [["plain"], []], "the active viewport to be emptied")
    d.press(imgui.Key.mod_shift, imgui.Key.n)
    assert document.active == 0
    d.click("//Viewport/**/header 2")
    d.click("//$FOCUSED/layer 1")
    d.until(lambda: shown() == [["plain"], ["plain"]], "the choice from the header")
    d.ctx.item_click("//Layers/$$0/surface", 1)
    d.click("//$FOCUSED/show in 1")
    d.until(lambda: shown() == [["valley"], ["plain"]], "the choice from the panel")
    assert document.active == 0
    d.press(imgui.Key.mod_shift, imgui.Key._4)
    d.until(lambda: len(shown()) == 4 and all(shown()), "four viewports, none of them empty")
    d.press(imgui.Key.mod_shift, imgui.Key._1)
    d.until(lambda: shown() == [["valley"]], "one viewport")


def differ(d: Driver, shown: object) -> None:
    """The difference of the selected surface and another."""
    workspace = d.parts.workspace
    valley, plain = workspace.document.layers
    assert workspace.selected is valley
    d.press(imgui.Key.d)
    made = d.until(lambda: workspace.document.layers[2:], "the difference")[0]
    assert made.name == "valley − plain"
    assert (made.surface.loss == valley.surface.loss - plain.surface.loss).all()
    assert workspace.scene.frame().scale.apply(0.0) == 0.5
    assert shown() == [["valley − plain"]]
    assert d.picture().std() > 5
    d.shot("difference.png")

    # where there is more than one choice a list is offered; another grid is none
    small = np.linspace(0, 1, 3)
    Surface.from_loss(small, small, np.ones((3, 3)) + small).save("small.ply")
    open_path(workspace, Path("small.ply"))
    workspace.selected = valley
    d.press(imgui.Key.d)
    d.until(lambda: d.ctx.item_exists("//Difference/minus 3"), "the list of choices")
    d.ctx.item_click("//Difference/minus 3")
    assert len(workspace.document.layers) == 4
    assert d.parts.difference_dialog.is_open, "a surface on another grid was accepted"
    d.shot("difference_choice.png")
    d.click("//Difference/minus 1")
    d.until(lambda: not d.parts.difference_dialog.is_open, "the dialog to close")
    assert workspace.selected is made, "the difference that is open is shown again"
    assert len(workspace.document.layers) == 4
    workspace.show_difference(valley, workspace.document.layers[3])
    assert "same grid" in workspace.messages.shown[-1].text


shape = VALLEY.shape
plain = Surface(
    VALLEY.alpha,
    VALLEY.beta,
    0.5 + np.hypot(VALLEY.alpha[:, None], VALLEY.beta[None, :]),
    np.full(shape, 0.5),
    np.full(shape, 0.01),
    np.full(shape, 64, np.int64),
)
drive(compare, Path(sys.argv[1]), plain.save(Path("plain.ply")))
