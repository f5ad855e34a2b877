"""The worst case over all attacks as the thick curve, and published results behind the curves."""

import sys
from pathlib import Path

from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.library.comparison.comparison import View

ATTACKED, OTHER = map(Path, sys.argv[1:])


def worst_case(d: Driver) -> None:
    d.until(lambda: d.window.frames > 4, "the first frames")
    published(d)
    point(d)
    switch_off(d)
    save_a_figure(d)
    share(d)
    compare(d)


def published(d: Driver) -> None:
    """A button draws what RobustBench has of the same data, and takes it away again."""
    shown = d.parts.workspace.evaluations.shown
    plot = d.parts.large_plots.robustness.plot
    d.until(lambda: len(plot.points) == 20, "the points, of three attacks and the worst case")
    d.shot("worst.png")
    d.click("//Viewport/**/references")
    assert shown.has_references
    d.ctx.yield_(3)
    for theme in ("dark", "light"):
        d.shot(f"published_{theme}.png")
        d.parts.toggle_theme()
    assert len(plot.points) == 20, "they are no points of the run"


def point(d: Driver) -> None:
    """What is said of a point of the thick curve; a click on it opens no images, for it has none
    of its own."""
    plot = d.parts.large_plots.robustness.plot
    x, y = next((x, y) for x, y, p in plot.points if p.curve.is_worst_case and p.row.eps == 0.03)
    d.ctx.mouse_move_to_pos((x, y))
    d.until(lambda: plot.pointed and plot.pointed.curve.is_worst_case, "the point")
    d.shot("pointed.png")


def switch_off(d: Driver) -> None:
    plot, shown = d.parts.large_plots.robustness.plot, d.parts.workspace.evaluations.shown
    d.click("//Viewport/**/###curve Worst of all attacks")
    d.until(lambda: len(plot.points) == 15, "the attacks alone")
    d.click("//Viewport/**/###curve Worst of all attacks")
    assert not shown.hidden


def save_a_figure(d: Driver) -> None:
    d.click("//Viewport/**/figure")
    d.until(lambda: d.ctx.item_exists("//Save figure/Save"), "the dialog")
    d.type("//Save figure/**/##path", "worst")  # and Enter
    d.until(lambda: Path("worst.svg").exists(), "the figure", 60)
    d.until(lambda: not d.parts.renderings.active, "the job to end")
    drawn = Path("worst.svg").read_text(encoding="utf-8")
    assert 'id="worst case"' in drawn
    assert 'id="reference"' in drawn
    d.click("//Viewport/**/references")
    assert not d.parts.workspace.evaluations.shown.has_references


def share(d: Driver) -> None:
    """A run is shared as a page of numbers, in one format."""
    dialog = d.parts.share_dialog
    d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.h)
    d.until(lambda: d.ctx.item_exists("//Share/Save"), "the dialog")
    assert [format.name for format in dialog.formats] == [".html"]
    d.ctx.yield_(2)
    d.until(lambda: not dialog.is_waiting, "the size")
    size = dialog.preview.size
    d.shot("share_run.png")
    d.type("//Share/**/##path", "numbers")  # and Enter
    d.until(lambda: not dialog.is_open, "the dialog to close")
    d.until(lambda: not d.parts.renderings.active, "the job to end")
    page = Path("numbers.html")
    assert page.stat().st_size == size
    assert "worst of all attacks" in page.read_text(encoding="utf-8").lower()


def compare(d: Driver) -> None:
    comparison, table = d.parts.workspace.comparison, d.parts.workspace.table
    d.parts.docking.bring_to_front("Runs")
    d.until(lambda: len(table.shown) == 2, "both runs")
    table.chosen.update(entry.folder for entry in table.shown)
    d.parts.docking.bring_to_front("Compare")
    d.until(lambda: [c.name for c in comparison.shown.comparison.charts] == ["linf"], "the chart")
    (chart,) = comparison.shown.comparison.charts
    assert [t.name for t in chart.traces if t.is_thick] == ["worst of all attacks"] * 2
    d.shot("compared.png")
    d.click("//Compare/Published")
    assert comparison.view == View(reference=("all",))
    d.until(lambda: comparison.shown.comparison.charts[0].references, "what is published")
    d.ctx.yield_(3)
    d.shot("compared_published.png")
    words = comparison.command("x.pdf")
    assert words[words.index("--reference") + 1] == "all"


drive(worst_case, ATTACKED)
