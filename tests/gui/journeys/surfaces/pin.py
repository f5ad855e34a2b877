"""Pin points by clicks, and see that drags and double clicks pin none; take pins away again."""

import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.scene.pins import pins_of


def pin(d: Driver) -> None:
    scene = d.parts.workspace.scene
    (layer,) = scene.layers
    d.until(lambda: d.window.frames > 4, "the first frames")

    def click_at(across: float, down: float, button: int = 0) -> tuple[float, float]:
        """Click there; the grid point that is nearest."""
        d.point(across, down)
        hit = d.until(lambda: d.parts.viewports.hit, "the surface under the cursor")
        d.ctx.mouse_click(button)
        surface = layer.surface
        return surface.alpha[hit.index[0]], surface.beta[hit.index[1]]

    def places() -> list[tuple[float, float]]:
        return [(m.alpha, m.beta) for m in pins_of(layer)]

    def wait_past_a_double_click() -> None:
        then = imgui.get_time() + 2 * imgui.get_io().mouse_double_click_time
        d.until(lambda: imgui.get_time() > then, "the time of a double click to pass")

    before, camera = d.picture(), scene.camera
    first = click_at(0.45, 0.6)
    d.until(lambda: places() == [first], "the pin")
    assert scene.camera == camera
    assert (d.picture() != before).any(axis=2).sum() > 1000, "its label is not drawn"
    second = click_at(0.6, 0.5)
    d.until(lambda: places() == [first, second], "the second pin")
    d.until(lambda: d.ctx.item_exists("//Layers/**/unpin"), "the pins in the layers panel")
    d.shot("pin.png")

    # none of these is a click
    d.point(0.4, 0.5)
    d.until(lambda: d.parts.viewports.hit, "the surface under the cursor")
    io = imgui.get_io()
    usual = io.mouse_double_click_time, io.mouse_single_click_delay
    io.mouse_double_click_time, io.mouse_single_click_delay = 5.0, 6.0  # frames may be slow
    d.ctx.mouse_double_click()
    d.until(lambda: scene.camera.target != camera.target, "the view to be centred")
    io.mouse_double_click_time, io.mouse_single_click_delay = usual
    d.drag(40, 15)
    assert scene.camera.azimuth != camera.azimuth
    click_at(0.5, 0.5, 1)
    wait_past_a_double_click()
    assert places() == [first, second]

    # a click on a pin takes it away, as do the panel and the command
    marker = pins_of(layer)[0]
    at = scene.frame().place(marker.alpha, marker.beta, marker.loss)
    x, y = d.parts.viewport.rect[:2]
    px, py, _ = scene.camera.to_pixels(at[None], d.parts.viewport.extent)[0]
    d.ctx.mouse_move_to_pos((x + float(px), y + float(py)))
    d.ctx.mouse_click(0)
    d.until(lambda: places() == [second], "the first pin to go")
    d.click("//Layers/**/unpin")
    assert not places()
    d.press(imgui.Key.mod_ctrl, imgui.Key.z)
    d.until(lambda: places() == [second], "undo")
    third = click_at(0.55, 0.55)
    d.until(lambda: places() == [second, third], "another pin")
    d.press(imgui.Key.mod_ctrl, imgui.Key.t)
    d.shot("pin_light.png")
    d.press(imgui.Key.mod_shift, imgui.Key.p)
    d.until(lambda: not places(), "all pins to go")
    assert np.isfinite(layer.surface.loss).all()


drive(pin, Path(sys.argv[1]))
