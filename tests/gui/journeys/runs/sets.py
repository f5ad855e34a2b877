"""Runs of several seeds as sets, and whether these differ."""

from pathlib import Path

import numpy as np
from compare_runs import enlarge
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.events import Done, Log, Metric, Started
from isoloss.library.about import About, write_about
from isoloss.run import Run
from isoloss.settings import TrainSettings

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


if __name__ == "__main__":
    for k in range(3):
        for rate in (0.01, 0.1):
            train(rate, k)
    drive(sets)
