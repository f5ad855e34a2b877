"""What is left in a window is found in the next: what stands in forms, and what is compared."""

import sys
from pathlib import Path

from compare_runs import choose, train
from drive import Driver, drive, drop
from imgui_bundle import imgui

from isoloss.app.ui.dock_nodes import rect_of

STEP, TRAIN = sys.argv[1], "//Experiments/kinds/Train/**"
HIDDEN = Path("elsewhere")


def leave(d: Driver) -> None:
    """Type into two forms without starting either, compare two runs, and close the window."""
    workspace, forms = d.parts.workspace, d.parts.experiments.forms
    d.until(lambda: len(workspace.table.shown) == 3, "the runs")
    d.type("//Experiments/**/epochs/##value", 7)
    d.type("//Experiments/**/##folder", "runs/mine")
    d.click("//Experiments/kinds/Attack")
    d.type("//Experiments/**/samples/##value", 90)
    d.until(lambda: forms["attack"].values["samples"] == 90, "what is typed")
    d.parts.bring_to_front("Runs")
    choose(d, 0)
    choose(d, 1, imgui.Key.mod_ctrl)
    d.until(lambda: workspace.comparison.shown.comparison.entries, "the comparison")
    assert d.parts.docking.layouts.name == "Landscape"
    d.press(imgui.Key.mod_ctrl, imgui.Key.s)
    d.type("//Save session/**/##path", "two")  # and Enter
    d.until(Path("two.isoloss").exists, "the session's file")


def again(d: Driver) -> None:
    """All of it is there; a session with a comparison alone brings its layout."""
    workspace, forms = d.parts.workspace, d.parts.experiments.forms
    assert (forms["train"].values["epochs"], forms["attack"].values["samples"]) == (7, 90)
    assert d.parts.experiments.folder("train") == Path("runs/mine")
    d.until(lambda: len(workspace.table.shown) == 3, "the runs")
    d.shot("left_forms.png")
    assert d.parts.docking.layouts.name == "Landscape"
    drop("two.isoloss")
    d.until(lambda: d.parts.docking.layouts.name == "Compare", "the layout")
    d.until(lambda: rect_of("Compare"), "the comparison")
    compared = workspace.comparison
    d.until(lambda: len(compared.shown.comparison.entries) == 2, "both runs")
    d.shot("left_compared.png")

    # Of the two one lies elsewhere now, where nobody has said that runs are; the other is gone.
    text = Path("two.isoloss").read_text(encoding="utf-8")
    HIDDEN.mkdir()
    Path("runs/net-02").rename(HIDDEN / "net-02")
    moved = text.replace("runs/net-02", f"{HIDDEN}/net-02")
    assert moved != text
    Path("moved.isoloss").write_text(moved, encoding="utf-8")
    drop("moved.isoloss")
    d.until(lambda: compared.unlisted, "what is left out to be said")
    d.until(lambda: len(compared.shown.comparison.entries) == 1, "the other run alone")
    d.shot("left_unlisted.png")
    d.click("//Compare/list unlisted")
    d.until(lambda: len(compared.shown.comparison.entries) == 2, "both runs again")
    assert HIDDEN.absolute() in workspace.runs.library.folders
    assert not compared.unlisted
    (HIDDEN / "net-02").rename("net-02")
    d.until(lambda: compared.gone, "that it is gone to be said")
    d.shot("left_gone.png")

    d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.t)
    d.until(lambda: d.ctx.item_exists("//Experiments/kinds/Train/defaults"), "the form")
    d.click("//Experiments/kinds/Train/defaults")
    d.until(lambda: forms["train"].values["epochs"] != 7, "the defaults")


def last(d: Driver) -> None:
    """Defaults are remembered as well."""
    forms = d.parts.experiments.forms
    assert forms["train"].values["epochs"] != 7
    assert d.parts.experiments.folder("train") != Path("runs/mine")
    assert forms["attack"].values["samples"] == 90


if STEP == "leave":
    for number in range(3):
        train(number)
drive({"leave": leave, "again": again, "last": last}[STEP])
