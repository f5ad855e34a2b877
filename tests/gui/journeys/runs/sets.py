"""Runs of several seeds as sets that differ or not; surfaces of several networks as their mean."""

from pathlib import Path

import numpy as np
from compare_runs import enlarge
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.opening.opener import open_paths
from isoloss.events import Done, Log, Metric, Started
from isoloss.geometry.surface import Surface
from isoloss.library.about import About, write_about
from isoloss.run import Run
from isoloss.scene.textures import Texture
from isoloss.settings import TrainSettings

AXIS = np.linspace(-1, 1, 15)
RNG = np.random.default_rng(0)


def train(rate: float, seed: int) -> None:
    settings = TrainSettings(epochs=2, seed=seed, lr=rate)
    run = Run.create(Path("runs") / f"rate{rate}-{seed}", settings)
    run.emit(Started(1, "cpu"))
    run.emit(Log("data: digits, 10 classes, 1,437 training and 360 test images of 32×32"))
    for epoch in range(3):
        accuracy = 0.3 + 0.25 * epoch - rate + 0.01 * RNG.normal()
        run.emit(Metric(epoch, rate, 2 - epoch / 2, accuracy, 2.1 - epoch / 2, accuracy))
    run.emit(Done(9.0))
    write_about(run.folder, About(tags=("rates",)))


def surface(side: str, seed: int) -> Path:
    alpha, beta = np.meshgrid(AXIS, AXIS, indexing="ij")
    loss = 1 + alpha**2 + beta**2 + (side == "steep") * np.maximum(alpha, 0) * 2
    loss += RNG.normal(0, 0.1, loss.shape)
    return Surface.from_loss(AXIS, AXIS, loss).save(f"{side}-{seed}.ply")


def sets(d: Driver) -> None:
    workspace = d.parts.workspace
    comparison, table = workspace.comparison, workspace.table
    d.click("//Runs")
    d.until(lambda: len(table.shown) == 6, "the runs to be found", 60)
    d.parts.docking.bring_to_front("Compare")
    d.click("//Compare/compare rates")
    d.until(lambda: len(comparison.shown.comparison.entries) == 6, "them to be compared")
    enlarge(d)
    d.click("//Compare/sets")
    found = d.until(lambda: comparison.shown.comparison.sets.sets and comparison.shown, "sets")
    assert [len(each.members) for each in found.comparison.sets.sets] == [3, 3]
    assert " accurate than Learning rate" in "".join(found.comparison.sets.said)
    assert comparison.command()[-1] == "--sets"
    d.shot("sets.png")
    d.click("//Compare/copy")
    copied = imgui.get_clipboard_text().split("\n")
    assert copied[0].startswith("Set\tRuns\t")
    assert "comparisons, counted after Holm" in copied[-1]
    d.click("//Compare/sets")
    d.until(lambda: comparison.shown.view.sets is None, "the runs one by one")
    of_surfaces(d)


def of_surfaces(d: Driver) -> None:
    workspace = d.parts.workspace
    layers = workspace.document.layers
    d.parts.docking.bring_to_front("Layers")
    for side in ("plain", "steep"):
        open_paths(workspace, [Path(f"{side}-{seed}.ply") for seed in range(4)])
        d.ctx.menu_click("##MainMenuBar/Scene/###mean")
        d.until(lambda: d.parts.mean_dialog.is_open, "the question")
        others = [k for k, x in enumerate(layers) if not x.name.startswith(side)]
        for k in others:
            if layers[k] in d.parts.mean_dialog.chosen:
                d.click(f"//Mean of surfaces/mean of {k}")
        d.shot(f"mean_{side}.png")
        d.click("//Mean of surfaces/Save mean")
        d.until(lambda: not d.parts.mean_dialog.is_open, "the mean")
    first, second = (next(x for x in layers if x.name == name) for name in NAMES)
    assert first.surface.spread is not None
    assert second.source == workspace.folder / "mean-of-4-2.ply"
    workspace.selected = second
    d.press(imgui.Key.d)
    d.click(f"//Difference/minus {layers.index(first)}")
    made = layers[-1]
    marks = made.surface.columns["differs"]
    assert (marks[9:] == 1).mean() > 0.9
    assert abs(marks[:7]).mean() < 0.1
    workspace.change(texture=Texture.DIFFERS)
    d.settle()
    d.shot("differs.png")


NAMES = ("mean-of-4", "mean-of-4-2")

if __name__ == "__main__":
    for k in range(3):
        for rate in (0.01, 0.1):
            train(rate, k)
    for k in range(4):
        for name in ("plain", "steep"):
            surface(name, k)
    drive(sets)
