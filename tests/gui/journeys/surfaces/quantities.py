"""The adversarial, the denoised and a class's loss on one plane: shown together, subtracted."""

import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

SURFACE = Path(sys.argv[1])
NAMES = ["s", "s, adversarial loss", "s, denoised loss", "s, class cat", "s, all but cat"]


def quantities(d: Driver) -> None:
    workspace = d.parts.workspace
    d.until(lambda: len(workspace.document.layers) == len(NAMES), "a layer for each quantity")
    clean, adversarial, denoised, cat, others = workspace.document.layers
    assert [layer.name for layer in workspace.document.layers] == NAMES
    assert workspace.scene.shown == [clean]
    before = d.picture()
    d.click("//Layers/$$1/eye")
    assert workspace.scene.shown == [clean, adversarial]
    d.click("//Layers/$$2/eye")
    assert workspace.scene.shown == [clean, adversarial, denoised]
    assert (d.picture() != before).any()
    d.shot("quantities.png")
    d.click("//Layers/$$1/surface")
    assert workspace.selected is adversarial
    d.press(imgui.Key.d)
    d.click("//Difference/minus 0")
    d.until(lambda: len(workspace.document.layers) == len(NAMES) + 1, "the difference")
    rise = workspace.selected.surface.loss
    np.testing.assert_allclose(rise, adversarial.surface.loss - clean.surface.loss)
    assert (rise >= 0).all()
    d.shot("quantities_difference.png")
    for layer in list(workspace.scene.shown):
        d.click(f"//Layers/$${workspace.document.layers.index(layer)}/eye")
    for k in (3, 4):
        d.click(f"//Layers/$${k}/eye")
    d.until(lambda: cat in workspace.scene.shown and others in workspace.scene.shown, "a class")
    d.shot("quantities_class.png")
    workspace.change(theme="light")
    d.ctx.yield_(4)
    d.shot("quantities_light.png")


drive(quantities, SURFACE)
