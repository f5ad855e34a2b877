"""Use the options of the appearance panel: state and picture change, and undo takes them back."""

import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.scene.appearance import Appearance
from isoloss.scene.textures import Texture

PANEL = "//Appearance"


def appearance(d: Driver) -> None:
    workspace = d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    before = d.picture()

    def changes(act: object, **expected: object) -> None:
        nonlocal before
        act()  # type: ignore[operator]
        d.ctx.yield_(2)
        after = d.picture()
        assert int((before != after).any(axis=2).sum()) > 100, f"no change of {expected}"
        before = after
        for name, value in expected.items():
            assert getattr(workspace.appearance, name) == value, name

    def choose(combo: str, index: int, name: str) -> None:
        d.click(f"{PANEL}/{combo}")
        d.click(f"//$FOCUSED/$${index}/{name}")

    changes(lambda: d.click(f"{PANEL}/texture/Curvature"), texture=Texture.CURVATURE)
    assert workspace.scene.drawn_appearance.colormap == "coolwarm", (
        "a sign needs a diverging colormap"
    )
    assert workspace.appearance.colormap == "viridis"
    d.shot("curvature.png")
    changes(lambda: d.click(f"{PANEL}/texture/Height"), texture=Texture.HEIGHT)

    changes(lambda: choose("colors/##log colors", 2, "Logarithmic"), log_colors=True)
    choose("colors/##log colors", 0, "Automatic")
    choose("colors/##range", 1, "By hand")
    ends = workspace.appearance.color_range
    loss = workspace.scene.layers[0].surface.loss
    np.testing.assert_allclose(ends, (loss.min(), loss.max()))
    before = d.picture()
    changes(lambda: d.ctx.item_drag_with_delta(f"{PANEL}/colors/##ends/$$0", (60, 0)))
    low, high = workspace.appearance.color_range
    assert ends[0] < low < high == ends[1], (ends, low, high)
    changes(lambda: choose("colors/##range", 0, "By data"), color_range=None)

    changes(lambda: choose("levels/##spacing", 2, "Logarithmic"), contour_spacing="log")
    d.click(f"{PANEL}/own level/##own level")
    middle = workspace.appearance.contour_value
    assert middle is not None
    before = d.picture()
    changes(lambda: d.ctx.item_drag_with_delta(f"{PANEL}/own level/##level value", (12, 0)))
    assert workspace.appearance.contour_value > middle
    d.shot("level.png")
    changes(lambda: d.click(f"{PANEL}/own level/##own level"), contour_value=None)
    changes(lambda: d.click(f"{PANEL}/Ambient occlusion"), ambient_occlusion=False)

    while d.parts.steps.undoes:
        d.press(imgui.Key.mod_ctrl, imgui.Key.z)
    assert workspace.appearance == Appearance(theme=workspace.appearance.theme)


drive(appearance, Path(sys.argv[1]))
