"""A whole session over a large library: jobs start, run, fail and are killed while one looks about.

Frames read the folders of runs that are followed or open, and of no other.
"""

import math
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from conftest import NETWORK
from isoloss.events import Done, Failed, Metric, Started
from isoloss.geometry.findings import Finding
from isoloss.geometry.surface import Surface
from isoloss.library.about import About, write_about
from isoloss.results.tables import Row, write_table
from isoloss.run import Run
from isoloss.settings import AttackSettings, ProbeSettings, TrainSettings

COUNT = int(os.environ.get("ISOLOSS_GUI_RUNS", "24"))
COMPARED, EPOCHS = min(50, COUNT // 2), 100
SHOWN = Path("runs/shown").absolute()
KINDS = ("Train", "Import", "Probe", "Image", "Attack", "Defend", "Certify")
LATE = """
class Late(nn.Sequential):
    calls = 0

    def forward(self, x):
        Late.calls += 1
        if Late.calls > 20:
            raise ValueError("too many calls")
        return super().forward(x)

def late(num_classes):
    return Late(net(num_classes))
"""
"""A network that fails while it is trained."""
doing = ["opening"]
"""What the person does, last."""


# -- what was there before -------------------------------------------------------------------------


def begin(k: int) -> None:
    """The k-th run of the library."""
    if k < COMPARED:
        settings = TrainSettings(epochs=EPOCHS, seed=k, lr=0.1)
    elif k % 5 == 0:
        settings = ProbeSettings(source=Path("digits-classifier"), seed=k)
    elif k % 5 == 1:
        settings = AttackSettings(source=Path("digits-classifier"), seed=k)
    else:
        settings = TrainSettings(model="resnet20" if k % 2 else "vgg11", epochs=1 + k % 7, seed=k)
    run = Run.create(Path("runs") / f"run-{k:04d}", settings)
    run.emit(Started(1, "cpu"))
    if isinstance(settings, AttackSettings):
        rows = [
            Row("net", "none", math.nan, "pgd", "linf", eps, 0, 200, n, n / 200, 0.0, 1.0)
            for eps, n in ((0.0, 190), (2 / 255, 100), (8 / 255, k % 50))
        ]
        write_table(run.table_path, rows)
    for epoch in range(settings.epochs + 1 if isinstance(settings, TrainSettings) else 0):
        loss = 0.1 + 2.2 * math.exp(-epoch * (k % 7 + 1) / 50) + 0.1 * math.sin(3 * epoch + k)
        right, rate = k * 37 % 97 / 97, 0.1 / (1 + epoch // 40 * 9)
        run.emit(Metric(epoch, rate, loss, 0.5, loss + 0.2, right))
    run.emit(Failed("no memory") if k % 9 == 8 else Done(60.0))
    if k < COMPARED:
        write_about(run.folder, About(tags=("sweep",)))


def shown() -> None:
    """A run of a surface with findings."""
    axis = np.linspace(-1, 1, 101)
    loss = axis[:, None] ** 2 + 0.3 * np.sin(4 * axis) + 1
    finding = Finding(
        "warning", "range", "The loss varies little. Take a larger range.",
        {"alpha_range": [-4.0, 4.0]},
    )  # fmt: skip
    run = Run.create(SHOWN, ProbeSettings(source=Path("digits-classifier"), grid=(101, 101)))
    meta = {"findings": [finding.plain()], "model": "vgg11", "plane": "random"}
    Surface.from_loss(axis, axis, loss, **meta).save(run.folder / "surface.ply")
    run.emit(Started(1, "cpu"))
    run.emit(Done(1.0))


# -- the session -----------------------------------------------------------------------------------


def list_runs(d: Driver) -> None:
    d.click("//Runs")
    d.until(lambda: len(d.parts.workspace.table.shown) == COUNT + 1, "the runs to be listed", 90)


def scroll(d: Driver) -> None:
    d.click("//Runs")
    d.click_first_run()
    for notches in (*[-3] * 30, *[8] * 15):
        d.ctx.mouse_wheel_y(notches)
        d.ctx.yield_()


def sort(d: Driver) -> None:
    table = d.parts.workspace.table
    for column in ("Kind", "Name", "Name"):
        before = list(table.shown)
        d.click(f"//Runs/**/{column}")
        d.until(lambda before=before: list(table.shown) != before, f"the order by {column}")


def find(d: Driver) -> None:
    table = d.parts.workspace.table
    d.ctx.item_click("//Runs/##words")
    d.ctx.key_chars_replace("")
    for letter in "kind:train accuracy>0.4 tag:sweep lr>0.01":
        d.ctx.key_chars(letter)
        d.ctx.yield_()
    d.until(lambda: 0 < len(table.shown) < COMPARED, "the words to find some")
    d.click("//Runs/clear")
    d.until(lambda: len(table.shown) == len(table.library.entries), "all of them")


def open_run(d: Driver) -> None:
    scene = d.parts.workspace.scene
    d.type("//Runs/##words", "shown")
    d.until(lambda: len(d.parts.workspace.table.shown) == 1, "it to be found")
    d.choose_of_first_run("show")
    d.until(lambda: scene.shown and not d.parts.viewports.is_busy, "its picture")
    d.click("//Runs/clear")


def findings(d: Driver) -> None:
    d.click("//Layers/**/findings")
    d.until(lambda: d.ctx.item_exists("//$FOCUSED/$$0/again range"), "the findings")
    d.press(imgui.Key.escape)


def look_around(d: Driver) -> None:
    d.drag(160, -25)
    d.ctx.yield_(20)
    for key in (imgui.Key.t, imgui.Key.w, imgui.Key.c):
        d.press(key)
        d.ctx.yield_(5)
    d.until(lambda: not d.parts.viewports.is_busy, "the whole picture")


def forms(d: Driver) -> None:
    for kind in KINDS:
        doing.append(f"form {kind}")
        d.click(f"//Experiments/kinds/{kind}")
        d.ctx.yield_(6)
    doing.append("typing")
    d.click("//Experiments/kinds/Train")
    d.type("//Experiments/**/epochs/##value", 12345)
    d.type("//Experiments/**/model/##value", "small:late")


def start(d: Driver, model: str, epochs: int) -> Path:
    form, runs = d.parts.experiments.forms["train"], d.parts.workspace.runs
    d.type("//Experiments/**/model/##value", model)
    d.type("//Experiments/**/epochs/##value", epochs)
    d.until(lambda: form.settings and form.settings.epochs == epochs, "the form to be right")
    known = {f.run.folder for f in runs.followed}
    d.click("//Experiments/**/start")
    d.until(lambda: {f.run.folder for f in runs.followed} - known, "the run to be listed")
    return next(f.run.folder for f in runs.followed if f.run.folder not in known)


def a_job_fails(d: Driver) -> None:
    followed = d.parts.workspace.runs.of(start(d, "small:late", 30))
    d.until(lambda: followed.status == "failed", "it to fail", 60)


def a_job_runs(d: Driver) -> None:
    runs = d.parts.workspace.runs
    followed = runs.of(start(d, "small:net", 9000))
    d.until(lambda: len(followed.metrics) > 3, "its curves", 60)
    doing.append("a job is killed")
    os.kill(followed.pid, signal.SIGKILL)
    d.until(lambda: followed.status == "failed", "its death to be seen")
    doing.append("a job is resumed")
    d.click("//Jobs/**/resume")
    d.until(lambda: followed.status == "running", "it to go on", 60)


def switch(d: Driver) -> None:
    for key in (imgui.Key.f3, imgui.Key.f4, imgui.Key.f2):
        d.press(key)
        d.ctx.yield_(12)
    for key in (imgui.Key.f9, imgui.Key.f9, imgui.Key.f7, imgui.Key.f7):
        d.press(key)
        d.ctx.yield_(6)


def compare(d: Driver) -> None:
    comparison = d.parts.workspace.comparison
    d.press(imgui.Key.f4)
    d.ctx.yield_(8)
    d.click("//Compare/tags")
    d.click("//$FOCUSED/tag sweep")
    d.until(lambda: len(comparison.shown.comparison.entries) == COMPARED, "the runs of the tag")
    d.ctx.yield_(15)
    doing.append("compare, pointing")
    for across in range(8):
        left, top, right, bottom = d.panel("Compare").plots["loss"].rect
        d.ctx.mouse_move_to_pos((left + across / 8 * (right - left), (top + bottom) / 2))
        d.ctx.yield_(2)
    doing.append("compare, smoothing")
    d.ctx.item_input_value("//Compare/##smoothing", 0.8)
    d.until(lambda: comparison.shown.view.smooth == 0.8, "the average")
    d.ctx.yield_(10)
    d.press(imgui.Key.f2)
    d.ctx.yield_(8)


def open_robustness(d: Driver) -> None:
    d.click("//Runs")
    d.type("//Runs/##words", "kind:attack")
    d.until(lambda: 0 < len(d.parts.workspace.table.shown) < COUNT, "attacks")
    d.choose_of_first_run("show")
    d.until(lambda: d.parts.workspace.evaluations.open, "its curves")
    d.ctx.yield_(10)
    d.parts.docking.bring_to_front("Runs")
    d.click("//Runs/clear")


def dialogs(d: Driver) -> None:
    for name in ("open", "save-picture", "save-figure", "edit-layouts", "help", "palette"):
        doing.append(f"dialog {name}")
        d.parts.action(name).run()
        d.ctx.yield_(10)
        d.press(imgui.Key.escape)
        d.ctx.yield_(4)


def other_text(d: Driver) -> None:
    for name in ("larger-text", "smaller-text", "light-theme", "light-theme"):
        doing.append(name)
        d.parts.action(name).run()
        d.ctx.yield_(8)


def a_job_is_cancelled(d: Driver) -> None:
    runs = d.parts.workspace.runs
    for followed in runs.active:
        runs.cancel(followed)
    d.until(lambda: not runs.active, "it to stop", 60)


STEPS: tuple[Callable[[Driver], None], ...] = (
    list_runs, scroll, sort, find, a_job_fails, a_job_runs, open_run, findings, look_around, scroll,
    sort, find, forms, switch, compare, open_robustness, dialogs, other_text, a_job_is_cancelled,
)  # fmt: skip


def session(d: Driver) -> None:
    read, selected = folders_read(), folders_selected(d)
    for step in STEPS:
        doing.append(step.__name__.replace("_", " "))
        step(d)
        assert not d.ctx.is_error(), f"the test engine failed in {step.__name__}"
    workspace = d.parts.workspace
    jobs = {f.run.folder for f in workspace.runs.followed}
    assert jobs <= read, "what is followed was not seen to be read"
    known = jobs | selected | {evaluation.folder for evaluation in workspace.evaluations.open}
    assert not read - known, f"frames read what nobody looks at: {sorted(read - known)[:5]}"


def folders_selected(d: Driver) -> set[Path]:
    """The folders of runs that are clicked from now on."""
    selected, runs = set[Path](), d.parts.workspace.runs
    select = runs.select

    def noted(folder: Path) -> object:
        selected.add(folder)
        return select(folder)

    runs.select = noted
    return selected


def folders_read() -> set[Path]:
    """The folders of runs in which the window's own thread opens or lists anything, from now on."""
    read, within = set[Path](), Path("runs").absolute()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir"):
            return
        if threading.current_thread() is threading.main_thread() and isinstance(
            arguments[0], str | bytes | os.PathLike
        ):
            path = Path(os.fsdecode(arguments[0])).absolute()
            if within in path.parents:
                read.add(within / path.relative_to(within).parts[0])

    sys.addaudithook(hook)
    return read


def prepare() -> None:
    Path("small.py").write_text(NETWORK + LATE)
    for k in range(COUNT):
        begin(k)
    shown()


if __name__ == "__main__":
    prepare()
    drive(session)
