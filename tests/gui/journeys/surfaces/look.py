"""Open a surface, cycle its texture, toggle contours, orbit: state and picture change."""

import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.scene.textures import Texture


def differ(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether more than a stray pixel differs."""
    # Without trajectories there is no timeline below the picture.
    return a.shape != b.shape or int((a != b).any(axis=2).sum()) > 200


def look(d: Driver) -> None:
    workspace = d.parts.workspace
    scene = workspace.scene
    assert [layer.name for layer in scene.layers] == ["valley"]
    assert [t.name for t in scene.layers[0].trajectories] == ["sgd", "adam"]
    d.until(lambda: d.window.frames > 4, "the first frames")
    before = d.picture()
    assert before.std() > 5, "the viewport is blank"
    still = d.parts.viewport.painter.count
    d.ctx.yield_(10)
    assert d.parts.viewport.painter.count == still, "drew again although nothing had changed"
    assert not differ(before, d.picture())

    def changes(act: object, what: str) -> None:
        nonlocal before
        act()  # type: ignore[operator]
        d.ctx.yield_(2)
        after = d.picture()
        assert differ(before, after), f"{what} did not change the picture"
        before = after

    changes(lambda: d.press(imgui.Key.t), "T")
    assert scene.appearance.texture is Texture.ACCURACY
    changes(lambda: d.click("//Appearance/texture/Slope"), "the texture button")
    assert scene.appearance.texture is Texture.SLOPE
    changes(lambda: d.press(imgui.Key.c), "C")
    assert not scene.appearance.contours
    changes(lambda: d.click("//Appearance/Surface"), "the contours' box")
    assert scene.appearance.contours
    d.shot("look.png")

    camera = scene.camera
    changes(lambda: d.drag(120, 40), "a left drag")
    assert scene.camera.azimuth != camera.azimuth
    assert scene.camera.elevation > camera.elevation
    assert scene.camera.target == camera.target
    camera = scene.camera
    changes(lambda: d.drag(60, 30, button=1), "a right drag")
    assert scene.camera.azimuth == camera.azimuth
    assert scene.camera.target != camera.target
    camera = scene.camera
    changes(lambda: d.ctx.mouse_wheel_y(3), "the wheel")
    assert scene.camera.distance < camera.distance
    d.until(lambda: d.parts.viewport.hit is not None, "the readout of what is under the cursor")

    changes(lambda: d.press(imgui.Key._7), "7")
    assert scene.camera.elevation == 90
    assert scene.camera.orthographic
    d.press(imgui.Key._5)
    changes(lambda: d.press(imgui.Key.r), "R")
    assert scene.camera == type(scene.camera)()

    changes(lambda: d.click("//Layers/**/path 0"), "the first trajectory's eye")
    changes(lambda: d.click("//Layers/**/path 1"), "the second trajectory's eye")
    changes(lambda: d.click("//Layers/**/path 0"), "the first trajectory's eye")
    assert scene.layers[0].hidden == {1}
    changes(lambda: d.click("//Layers/**/eye"), "the surface's eye")
    assert not scene.shown
    d.click("//Layers/**/eye")

    d.press(imgui.Key.mod_ctrl, imgui.Key.p)
    d.ctx.key_chars("light theme")
    d.ctx.yield_(2)
    changes(lambda: d.press(imgui.Key.enter), "the command palette")
    assert scene.appearance.theme == "light"
    assert not d.parts.command_palette.is_open

    d.press(imgui.Key.mod_ctrl, imgui.Key.e)
    d.type("//Save picture/**/##path", "picture")  # and Enter
    d.until(lambda: Path("picture.png").exists(), "the saved picture")
    d.click("//Layers/**/remove")
    assert not scene.layers


drive(look, Path(sys.argv[1]))
