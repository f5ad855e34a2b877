"""Change the view by mouse and keys, take it back, and come back to saved views."""

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.view import flight
from isoloss.app.ui import style
from isoloss.app.viewports import painter
from isoloss.scene.textures import Texture

CTRL, SHIFT, ALT = imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.mod_alt


def undo(d: Driver) -> None:
    workspace, steps = d.parts.workspace, d.parts.steps
    scene = workspace.scene
    d.until(lambda: d.window.frames > 4, "the first frames")
    assert not d.parts.action("undo").is_possible()

    def is_one_step(act: Callable[[], object], word: str) -> None:
        """What `act` does is one step, back and forth."""
        before = workspace.document.state()
        act()
        after = workspace.document.state()
        assert after != before, f"{word} changes nothing"
        d.until(lambda: steps.undoes == word, f"the step {word!r}")
        d.press(CTRL, imgui.Key.z)
        assert workspace.document.state() == before, f"{word} is not one step"
        assert steps.redoes == word
        d.press(CTRL, imgui.Key.y)
        assert workspace.document.state() == after

    first = rest(d)
    is_one_step(lambda: d.drag(140, 30), "camera")
    orbited = rest(d)
    d.press(CTRL, imgui.Key.z)
    assert not differ(rest(d), first)
    d.press(CTRL, SHIFT, imgui.Key.z)
    assert not differ(rest(d), orbited)
    assert differ(first, orbited)
    is_one_step(lambda: d.drag(-60, 20, button=1), "camera")
    is_one_step(lambda: turn_wheel(d), "camera")
    is_one_step(lambda: d.ctx.key_hold(int(CTRL) | int(imgui.Key.left_arrow), 0.6), "camera")
    is_one_step(lambda: d.press(imgui.Key.t), "texture")
    assert scene.appearance.texture is Texture.ACCURACY
    is_one_step(lambda: drag_slider(d), "contour levels")
    is_one_step(lambda: d.click("//Layers/**/path 1"), "trajectory")
    is_one_step(lambda: d.click("//Layers/**/eye"), "visibility")
    d.press(CTRL, imgui.Key.z)

    dark = style.palette()
    is_one_step(lambda: d.press(CTRL, imgui.Key.t), "theme")
    light = style.palette()
    d.press(CTRL, imgui.Key.z)
    assert style.palette() == dark != light

    # a new step forgets what was undone
    assert d.parts.action("redo").is_possible()
    d.press(imgui.Key.c)
    d.until(lambda: steps.undoes == "contours", "the step")
    assert not d.parts.action("redo").is_possible()
    use_the_menu(d)
    type_over_it(d)
    fly(d)


def rest(d: Driver) -> np.ndarray:
    """The picture, once it is drawn in full and no longer changes."""
    painter = d.parts.viewport.painter
    d.ctx.mouse_move_to_pos((5, 790))  # off the surface
    seen, since = -1, 0

    def is_still() -> bool:
        nonlocal seen, since
        since = since + 1 if painter.count == seen else 0
        seen = painter.count
        return since > 8

    d.until(is_still, "the picture to rest")
    return d.picture()


def differ(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two pictures differ in a single pixel, or in size: a panel may have come or gone."""
    return a.shape != b.shape or bool((a != b).any())


def turn_wheel(d: Driver) -> None:
    """Three notches, with frames between them."""
    d.point(0.4, 0.5)
    for _ in range(3):
        d.ctx.mouse_wheel_y(1)
        d.ctx.yield_(3)


def drag_slider(d: Driver) -> None:
    """The number of contour levels, through many values."""
    d.until(lambda: d.ctx.item_exists("//Appearance/**/##levels"), "the slider")
    d.ctx.item_drag_with_delta("//Appearance/**/##levels", (40, 0))


def use_the_menu(d: Driver) -> None:
    look = d.parts.workspace.scene.appearance
    assert not look.contours
    d.ctx.item_click("//##MainMenuBar/##MenuBar/Edit")
    d.shot("edit_menu.png")
    d.click("//$FOCUSED/undo")
    d.until(lambda: d.parts.workspace.scene.appearance.contours, "the contours")


def type_over_it(d: Driver) -> None:
    """In a text field Ctrl+Z is the field's own."""
    before = d.parts.workspace.document.state()
    assert d.parts.steps.undoes
    d.press(CTRL, imgui.Key.p)
    d.ctx.key_chars("light")
    d.ctx.yield_(2)
    d.press(CTRL, imgui.Key.z)
    d.until(lambda: d.parts.command_palette.query != "light", "the field to undo its own typing")
    assert d.parts.workspace.document.state() == before
    d.press(imgui.Key.escape)
    d.until(lambda: not d.parts.command_palette.is_open, "the palette to close")


def fly(d: Driver) -> None:
    """Save two views, fly from one to the other, rename, forget."""
    document, scene, steps = d.parts.workspace.document, d.parts.workspace.scene, d.parts.steps
    d.press(imgui.Key.v)
    first, at_first = scene.camera, rest(d)
    d.drag(-150, 40)
    d.press(imgui.Key.v)
    second = scene.camera
    assert [v.name for v in document.saved_views] == ["View 1", "View 2"]
    assert [v.camera for v in document.saved_views] == [first, second]
    d.until(lambda: steps.undoes == "saved views", "the step")

    usual = flight.SECONDS, painter.SLOW
    flight.SECONDS, painter.SLOW = 3.0, math.inf  # a busy machine must not count as a slow one
    way = set()
    d.press(ALT, imgui.Key._1)
    d.until(lambda: way.add(scene.camera) or scene.camera == first, "the first view")
    flight.SECONDS, painter.SLOW = usual
    assert len(way) > 2, "no flight"
    assert not differ(rest(d), at_first)
    d.until(lambda: steps.undoes == "camera", "the flight to be a step")
    d.press(CTRL, imgui.Key.z)
    assert scene.camera == second

    # by the palette, with the keyboard alone, and a hand that takes the camera on the way
    d.press(CTRL, imgui.Key.p)
    d.ctx.key_chars("view 1")
    d.ctx.yield_(2)
    d.press(imgui.Key.enter)
    d.drag(30, 0)
    held = scene.camera
    d.ctx.yield_(10)
    assert scene.camera == held

    d.parts.action("edit-views").run()
    d.type("//Saved views/$$0/##name", "From the left")
    d.shot("saved_views.png")
    d.click("//Saved views/$$1/forget")
    d.until(lambda: [v.name for v in document.saved_views] == ["From the left"], "the names")
    d.until(lambda: steps.undoes == "saved views", "the step")
    d.press(imgui.Key.escape)
    d.until(lambda: not d.parts.saved_views.is_open, "the window to close")
    d.ctx.item_click("//##MainMenuBar/##MenuBar/View")
    d.ctx.item_click("//$FOCUSED/Saved views")
    d.shot("view_menu.png")
    d.press(imgui.Key.escape)
    d.press(imgui.Key.escape)


if __name__ == "__main__":
    drive(undo, Path(sys.argv[1]))
