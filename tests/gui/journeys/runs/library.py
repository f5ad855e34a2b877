"""The run library: words find runs, headers sort them, a menu tags, repeats and discards them."""

import os
import shutil
from pathlib import Path

from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.events import Done, Failed, Metric, Started
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings

COUNT = int(os.environ.get("ISOLOSS_GUI_RUNS", "60"))


def begin(k: int) -> None:
    settings = TrainSettings(model="resnet20" if k % 2 else "vgg11", epochs=1 + k % 7, lr=0.01)
    if k % 5 == 0:
        settings = ProbeSettings(source=Path("digits-classifier"), seed=k)
    run = Run.create(Path("runs") / f"run-{k:04d}", settings)
    run.emit(Started(1, "cpu"))
    if k % 5:
        run.emit(Metric(1, 0.01, 1.0, 0.5, 1.0, (k % 100) / 100))
    run.emit(Failed("no memory") if k % 9 == 0 else Done(3.0))


def library(d: Driver) -> None:
    table, runs = d.parts.workspace.table, d.parts.workspace.runs
    d.parts.bring_to_front("Runs")  # a click might sort by a header
    d.until(lambda: len(table.shown) == COUNT + 1, "the runs to be found", 60)
    assert runs.library.of(Path("runs/broken").absolute()).state == "damaged"
    d.shot("library.png")

    d.type("//Runs/##words", "kind:train accuracy>0.4 state:done")
    d.until(lambda: 0 < len(table.shown) < COUNT, "the words to find some")
    assert {e.kind for e in table.shown} == {"train"}
    assert min(e.figures["accuracy"] for e in table.shown) > 0.4
    d.shot("library_found.png")
    d.type("//Runs/##words", "colour:red")
    d.until(lambda: "no 'colour'" in table.problem, "the mistake to be said")
    d.shot("library_wrong.png")
    d.click("//Runs/clear")
    d.until(lambda: len(table.shown) == COUNT + 1, "all to be listed")

    d.type("//Runs/##words", "kind:train")
    d.click("//Runs/**/Key figure")
    d.until(lambda: _accuracies(table) == sorted(_accuracies(table), reverse=True), "the order")
    first = table.shown[0]

    d.click_first_run()
    d.until(lambda: runs.selected and runs.selected.run.folder == first.folder, "it to be selected")
    d.choose_of_first_run("favourite")
    d.until(lambda: runs.library.of(first.folder).about.favourite, "the favourite")
    d.choose_of_first_run("describe")
    d.until(lambda: d.ctx.item_exists("//$FOCUSED/about/##tags"), "the question")
    d.type("//$FOCUSED/about/##tags", "paper v2")
    d.type("//$FOCUSED/about/##name", "The best")
    d.shot("library_describe.png")
    d.click("//$FOCUSED/keep")
    d.until(lambda: runs.library.of(first.folder).name == "The best", "the name")
    assert runs.library.of(first.folder).about.tags == ("paper", "v2")
    assert (first.folder / "about.json").exists()

    d.type("//Runs/##words", "tag:paper")
    d.until(lambda: len(table.shown) == 1, "the tag to find it")
    d.choose_of_first_run("repeat")
    form = d.parts.experiments.forms["train"]
    d.until(lambda: form.repeated is not None, "the form to be filled in")
    assert form.settings == Run.open(first.folder).settings
    d.type("//Experiments/**/epochs/##value", 9)
    d.until(lambda: form.settings and form.settings.epochs == 9, "the change")
    d.shot("library_repeat.png")

    size = runs.library.of(first.folder).size
    assert size > 0
    d.choose_of_first_run("trash")
    d.until(lambda: d.ctx.item_exists("//$FOCUSED/move"), "the question")
    d.shot("library_trash.png")
    d.click("//$FOCUSED/move")
    d.until(lambda: not first.folder.exists(), "the run to be gone")
    assert (Path(os.environ["XDG_DATA_HOME"]) / "Trash" / "files" / first.folder.name).is_dir()
    d.until(lambda: runs.library.of(first.folder) is None, "the list to know")

    Run.create(Path("cluster/far"), TrainSettings()).emit(Done(1.0))
    d.click("//Runs/clear")
    d.click("//Runs/folders")
    d.type("//$FOCUSED/##folder", "cluster")  # and Enter
    d.until(lambda: runs.library.of(Path("cluster/far").absolute()), "its runs to be listed")
    d.shot("library_folders.png")
    d.press(imgui.Key.escape)
    d.parts.toggle_theme()
    d.shot("library_light.png")
    shutil.rmtree("runs/broken")


def _accuracies(table) -> list[float]:
    return [e.figures.get("accuracy", -1) for e in table.shown]


for k in range(COUNT):
    begin(k)
Path("runs/broken").mkdir()
Path("runs/broken/run.json").write_text("{")
os.environ["XDG_DATA_HOME"] = str(Path("trash").absolute())
drive(library)
