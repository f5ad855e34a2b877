"""The tour: every step goes on by doing what it says, and it can be left and resumed."""

import math

from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.guide.tour import STEPS
from isoloss.app.ui.docking import rect_of


def tour(d: Driver) -> None:
    parts = d.parts
    workspace, guide = parts.workspace, parts.tour
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.click("//Viewport/**/tour")
    d.until(lambda: guide.is_open and workspace.scene.shown, "the tour, and a surface for it")
    d.until(lambda: d.ctx.item_exists("//Tour/**/next"), "the card")

    def goes_on(step: int) -> None:
        d.until(lambda: guide.step == step, f"step {step + 1}, {STEPS[step].title}")
        d.ctx.yield_(2)

    def at(x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = parts.viewport.rect
        return left + x * (right - left), top + y * (bottom - top)

    d.shot("tour-1.png")
    # the frame around the step's panel takes no clicks away from it
    d.drag(80, 20)
    goes_on(1)
    d.ctx.mouse_move_to_pos(at(0.5, 0.45))
    d.ctx.mouse_wheel_y(2)
    goes_on(2)
    d.shot("tour-3.png")
    d.press(imgui.Key.t)
    goes_on(3)
    d.click("//Appearance/**/Floor")
    goes_on(4)

    # left in the middle, it goes on where it was
    d.click("//Tour/**/leave")
    d.until(lambda: not guide.is_open, "the card to go")
    assert workspace.preferences.tour == 4
    d.ctx.menu_click("//##MainMenuBar/Help/tour")
    goes_on(4)
    d.until(lambda: d.ctx.item_exists("//Tour/**/next"), "the card again")

    pin(d, at)
    goes_on(5)
    d.press(imgui.Key.mod_ctrl, imgui.Key.p)
    goes_on(6)
    d.press(imgui.Key.escape)
    d.until(lambda: not parts.command_palette.is_open, "the palette to close")
    d.press(imgui.Key.mod_ctrl | imgui.Key.mod_shift, imgui.Key.p)
    goes_on(7)
    d.shot("tour-8.png")
    left, top, right, bottom = rect_of("Tour")
    area = imgui.get_main_viewport().size
    assert left >= 0
    assert top >= 0
    assert right <= area.x
    assert bottom <= area.y
    d.click("//Tour/**/back")
    goes_on(6)
    d.press(imgui.Key.enter)
    goes_on(7)
    d.click("//Tour/**/next")
    d.until(lambda: not guide.is_open, "the end of the tour")
    assert workspace.preferences.tour == 0
    assert math.isfinite(workspace.scene.camera.distance)


def pin(d: Driver, at) -> None:
    """Click where the surface is under the cursor."""
    for x, y in ((0.5, 0.5), (0.45, 0.4), (0.55, 0.6), (0.5, 0.3), (0.4, 0.55)):
        d.ctx.mouse_move_to_pos(at(x, y))
        d.ctx.yield_(3)
        if d.parts.viewport.hit is not None:
            break
    else:
        raise AssertionError("the surface is nowhere under the cursor")
    d.ctx.mouse_click(0)


drive(tour)
