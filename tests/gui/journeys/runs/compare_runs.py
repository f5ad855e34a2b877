"""Runs that are chosen in the table are compared: curves, differences, pointing, hiding, saving."""

import math
import os
from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import hello_imgui, imgui

from isoloss.events import Done, Log, Metric, Progress, Started
from isoloss.library.about import About, write_about
from isoloss.results.tables import Row, write_table
from isoloss.run import Run
from isoloss.settings import AttackSettings, TrainSettings

COUNT = int(os.environ.get("ISOLOSS_GUI_RUNS", "5"))
EPOCHS = 40


def metric(k: int, epoch: int) -> Metric:
    loss = 0.1 + 2.2 * math.exp(-epoch * (k % 7 + 1) / 30) + 0.1 * math.sin(3 * epoch + k)
    right = 1 - loss / 2.5
    return Metric(epoch, 0.1 / (1 + epoch // 15 * 9), loss, right, loss + 0.2, right - 0.1)


def train(k: int) -> Run:
    run = Run.create(Path("runs") / f"net-{k:02d}", TrainSettings(epochs=EPOCHS, seed=k, lr=0.1))
    run.emit(Started(1, "cpu"))
    run.emit(Log("data: digits, 10 classes, 1,437 training and 360 test images of 32×32"))
    run.emit(Progress("train", 100, 12 * EPOCHS, 10.0, "steps"))
    for epoch in range(EPOCHS + 1):
        run.emit(metric(k, epoch))
    run.emit(Done(60.0))
    write_about(run.folder, About(tags=("sweep",)))
    return run


def attack(k: int) -> None:
    run = Run.create(Path("runs") / f"attack-{k}", AttackSettings(source=Path("digits-classifier")))
    rows = [
        Row("net", "none", math.nan, "pgd", "linf", eps, 0, 200, right, right / 200, 0.0, 1.0)
        for eps, right in ((0.0, 190), (2 / 255, 150 - 30 * k), (8 / 255, 60 - 30 * k))
    ]
    write_table(run.table_path, rows)
    run.emit(Done(9.0))


def choose(d: Driver, k: int, *held: imgui.Key) -> None:
    """Click the k-th row in Runs, with these keys held."""
    rect = d.ctx.item_info("//Runs/**/run").rect_full
    step = imgui.get_text_line_height() + 2 * imgui.get_style().cell_padding.y
    for key in held:
        d.ctx.key_down(int(key))
    d.ctx.mouse_move_to_pos((rect.min.x + 60, (rect.min.y + rect.max.y) / 2 + k * step))
    d.ctx.mouse_click(0)
    for key in held:
        d.ctx.key_up(int(key))
    d.ctx.yield_(2)


def compare_runs(d: Driver) -> None:
    workspace = d.parts.workspace
    comparison, table, panel = workspace.comparison, workspace.table, d.panel("Compare")
    d.click("//Runs")
    d.until(lambda: len(table.shown) == COUNT + 2, "the runs to be found", 60)
    d.type("//Runs/##words", "kind:train")
    d.until(lambda: len(table.shown) == COUNT, "the words to find trainings")
    choose(d, 0)
    choose(d, 2, imgui.Key.mod_shift)
    d.until(lambda: len(table.chosen) == 3, "three to be chosen")
    d.parts.docking.bring_to_front("Compare")
    d.until(lambda: len(comparison.shown.comparison.entries) == 3, "them to be compared")
    assert [c.name for c in comparison.charts] == ["loss", "accuracy", "lr"]
    d.shot("compare.png")

    enlarge(d)
    d.click("//Compare/tags")
    d.click("//$FOCUSED/tag sweep")
    d.until(lambda: len(comparison.shown.comparison.entries) == COUNT, "the runs of the tag")
    d.shot("compare_large.png")
    d.ctx.item_input_value("//Compare/##smoothing", 0.8)
    d.until(lambda: comparison.shown.view.smooth == 0.8, "the average")
    d.click("//Compare/Log")
    d.until(lambda: comparison.charts[0].is_log, "the logarithmic axis")
    d.shot("compare_smooth.png")

    point_at(d, "loss", 20)
    d.until(lambda: comparison.lit == comparison.charts[0].traces[0].run, "its row to be lit")
    d.shot("compare_pointed.png")
    first = comparison.shown.comparison.entries[0].folder
    d.ctx.mouse_move("//Compare/**/run")
    d.until(lambda: comparison.pointed == first, "the lines of a row to be lit")
    d.shot("compare_row.png")
    d.ctx.mouse_click(0)
    d.until(lambda: comparison.hidden == {first}, "the run to be hidden")
    d.click("//Compare/line training train")
    d.until(lambda: comparison.view.parts == ("test",), "only test curves")
    d.parts.toggle_theme()
    d.shot("compare_light.png")
    d.parts.toggle_theme()
    d.click("//Compare/**/test_accuracy")
    d.until(lambda: panel.table.is_sorted, "the order")
    column = next(c for c in comparison.shown.comparison.table.columns if c.is_figure)
    ordered = [column.cells[k].value for k in panel.table.order]
    assert ordered == sorted(ordered, reverse=True)
    d.click("//Compare/copy")
    copied = imgui.get_clipboard_text().split("\n")
    assert copied[0].startswith("Run\t")
    assert len(copied) == COUNT + 1

    d.click("//Compare/save")
    d.until(lambda: d.parts.comparison_dialog.is_open, "the question")
    d.shot("compare_save.png")
    d.type("//Save comparison/**/##path", "figure.svg")
    d.until(lambda: Path("figure.svg").exists(), "the figure", 60)
    assert "debiased" in Path("figure.svg").read_text(encoding="utf-8")
    assert first.name not in Path("figure.svg").read_text(encoding="utf-8")
    d.click("//Compare/save")
    d.click("//Save comparison/comparison/##kind")
    d.click("//$FOCUSED/$$1/Page")
    d.until(lambda: d.parts.comparison_dialog.path.endswith(".html"), "the name of a page")
    d.shot("compare_page.png")
    page = Path(d.parts.comparison_dialog.path)
    d.click("//Save comparison/Save")
    d.until(page.exists, "the page", 60)
    assert "<svg" in page.read_text(encoding="utf-8")
    d.click("//Compare/all")
    d.until(lambda: not comparison.hidden, "all to be drawn")

    grows(d)
    comparison.compare(workspace.runs.library.entries)
    count = len(workspace.runs.library.entries)
    d.until(lambda: len(comparison.shown.comparison.entries) == count, "all to be compared")
    assert {c.name for c in comparison.charts} == {"loss", "accuracy", "lr", "linf"}
    d.shot("compare_mixed.png")
    d.click("//Compare/##chart")
    d.click("//$FOCUSED/$$4/Accuracy against ε, L∞")
    d.until(lambda: [c.name for c in comparison.charts] == ["linf"], "the one chart")
    d.shot("compare_accuracy.png")
    for message in list(workspace.messages.shown):  # they lie over the buttons
        workspace.messages.dismiss(message)
    d.click("//Compare/clear")
    d.until(lambda: not comparison.shown.comparison.entries, "nothing to be compared")
    d.shot("compare_nothing.png")


def enlarge(d: Driver) -> None:
    params = hello_imgui.get_runner_params().docking_params
    for window in params.dockable_windows:
        window.is_visible = window.label in ("Compare", "Runs", "Viewport")
    splits = params.docking_splits
    for split in splits:
        if split.new_dock == "Bottom":
            split.ratio = 0.8
    params.docking_splits = splits
    params.layout_reset = True
    d.ctx.yield_(5)
    d.parts.docking.bring_to_front("Compare")
    d.ctx.yield_(5)


def point_at(d: Driver, name: str, k: int) -> None:
    """Move the cursor to the k-th point of the first line of a plot."""
    plot = d.panel("Compare").plots[name]
    chart = next(c for c in d.parts.workspace.comparison.charts if c.name == name)
    trace, (left, top, right, bottom), (xs, ys) = chart.traces[0], plot.rect, plot.ends
    height = np.log10 if chart.is_log else np.asarray
    down = (height(ys[1]) - height(trace.ys[k])) / (height(ys[1]) - height(ys[0]))
    across = (trace.xs[k] - xs[0]) / (xs[1] - xs[0])
    d.ctx.mouse_move_to_pos((left + across * (right - left), top + down * (bottom - top)))


def grows(d: Driver) -> None:
    """A run at work gets longer in the plot while one looks."""
    workspace = d.parts.workspace
    run = Run.create(Path("runs") / "at-work", TrainSettings(epochs=EPOCHS))
    write_about(run.folder, About(tags=("sweep",)))
    with run.lock():
        run.emit(Started(os.getpid(), "cpu"))
        run.emit(metric(1, 0))
        workspace.runs.watch.look()
        d.until(lambda: length_of(d, run.folder) == 1, "it to be compared")
        for epoch in range(1, 4):
            run.emit(metric(1, epoch))
        d.until(lambda: length_of(d, run.folder) == 4, "it to have grown")


def length_of(d: Driver, folder: Path) -> int:
    shown = d.parts.workspace.comparison.shown.comparison
    places = [k for k, entry in enumerate(shown.entries) if entry.folder == folder]
    traces = [t for c in shown.charts if c.name == "loss" for t in c.traces if t.run in places]
    return len(traces[0].xs) if traces else 0


if __name__ == "__main__":
    for number in range(COUNT):
        train(number)
    for number in range(2):
        attack(number)
    drive(compare_runs)
