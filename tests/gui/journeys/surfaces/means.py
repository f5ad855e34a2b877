"""Surfaces of several networks as their mean, and the cells at which two means differ."""

from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.opening.opener import open_paths
from isoloss.geometry.surface import Surface
from isoloss.scene.textures import Texture

AXIS = np.linspace(-1, 1, 9)
RNG = np.random.default_rng(0)
SIDES = {"plain": 0.0, "steep": 2.0}
SEEDS = range(3)


def surface(side: str, seed: int) -> None:
    alpha, beta = np.meshgrid(AXIS, AXIS, indexing="ij")
    loss = 1 + alpha**2 + beta**2 + SIDES[side] * np.maximum(alpha, 0)
    noise = RNG.normal(0, 0.02, loss.shape)
    Surface.from_loss(AXIS, AXIS, loss + noise).save(f"{side}-{seed}.ply")


def means(d: Driver) -> None:
    workspace = d.parts.workspace
    layers, dialog = workspace.document.layers, d.parts.mean_dialog
    for side in SIDES:
        open_paths(workspace, [Path(f"{side}-{seed}.ply") for seed in SEEDS])
        d.ctx.menu_click("##MainMenuBar/Scene/###mean")
        d.until(lambda: dialog.is_open, "the question")
        others = [k for k, x in enumerate(layers) if not x.name.startswith(side)]
        for k in others:
            if layers[k] in dialog.chosen:
                d.click(f"//Mean of surfaces/**/mean of {k}")
        d.shot(f"mean_{side}.png")
        d.click("//Mean of surfaces/Save mean")
        d.until(lambda: not dialog.is_open, "the mean")
    first, second = (next(x for x in layers if x.name == name) for name in NAMES)
    assert second.source == workspace.folder / f"{NAMES[1]}.ply"
    assert first.surface.spread is not None
    workspace.selected = second
    d.press(imgui.Key.d)
    d.click(f"//Difference/minus {layers.index(first)}")
    marks = layers[-1].surface.columns["differs"]
    assert (marks[6:] == 1).all()
    assert abs(marks[:4]).mean() < 0.1
    workspace.change(texture=Texture.DIFFERS)
    d.settle()
    d.shot("differs.png")


NAMES = ("mean-of-3", "mean-of-3-2")

if __name__ == "__main__":
    for k in SEEDS:
        for name in SIDES:
            surface(name, k)
    drive(means)
