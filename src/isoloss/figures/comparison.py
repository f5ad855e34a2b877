"""A figure of several runs beside each other: training curves, accuracies, certificates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.errors import IsolossError
from isoloss.figures.paper import COLUMN, PAGE, Print
from isoloss.figures.robustness.accuracy import set_fractions, set_radii
from isoloss.figures.robustness.drawing import SUFFIXES
from isoloss.figures.robustness.page import Page, Words
from isoloss.figures.robustness.reference_lines import draw_references, note_of_references
from isoloss.figures.robustness.series_strokes import SYMBOLS, Stroke, handle, hue_color
from isoloss.figures.sheet import Sheet, set_ticks, styled, text_width, write_figure
from isoloss.geometry.arrays import Pixels
from isoloss.geometry.fitting import fitting_ticks
from isoloss.geometry.height import HeightScale, with_scale
from isoloss.results.charts import Chart, Trace, kinds_of, limits_of, look_of, names_in
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES: tuple[Any, ...] = (
    "-", (0, (3.2, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (1.2, 3.2)), (0, (8, 1.6)),
)  # fmt: skip
"""Of the first, second, … curve of a run."""
GAP = 5.8
"""em: between plots, each of which has numbers of its own."""
MOST_MARKS = 9
"""Along a training curve."""
LINE, THICK = 1.6, 3.4
"""Thin lines' widths."""
FAINT = 0.25
"""How opaque what was smoothed is."""
PALER = 0.42
INTERVALS = "Bars: {}95 % intervals."


def draw_comparison(
    charts: Sequence[Chart],
    names: Sequence[str],
    places: Sequence[int],
    remarks: Sequence[str],
    path: Path | None,
    appearance: Appearance,
    heading: str = "",
    print_: Print | None = None,
    hidden: Collection[int] = (),
) -> Pixels:
    """A figure with a plot for each chart, written to `path` if there is one.

    Args:
        names: of the runs, as the legend has them.
        places: of the runs in the order of colours.
        remarks: stand below.
        hidden: the places of runs that are not drawn; the colours of others do not depend on it.

    Returns:
        (H, W, 4) uint8, RGBA with straight alpha, top row first.

    Raises:
        IsolossError: if the file is no figure's.
    """
    if path is not None and path.suffix.lower() not in SUFFIXES:
        raise IsolossError(
            f"figures are PNG, SVG or PDF: give a name that ends so, not {path.name}"
        )
    seen = [replace(c, traces=tuple(t for t in c.traces if t.run not in hidden)) for c in charts]
    seen = [chart for chart in seen if chart.traces]
    if not seen:
        raise IsolossError("there is nothing to draw: these runs have no curves")
    print_ = print_ or Print()
    if print_.width_mm is None:
        print_ = replace(print_, width_mm=COLUMN if len(seen) == 1 else PAGE)
    sheet, theme = Sheet.paper(None, 1.0, print_), THEMES[appearance.theme]
    with styled(theme, sheet):
        nothing = [""] * len(seen)
        words = Words(heading, nothing, nothing, [], note_of(seen, remarks))
        legend = [
            handle(name, stroke(theme), sheet, theme)
            for name, stroke in legend_of(seen, names, places)
        ]
        page = Page(words, legend, sheet, appearance, GAP)
        for plot, chart in zip(page.plots, seen, strict=True):
            _set_up(plot, chart, sheet)
            draw_references(plot, chart.references, sheet, theme)
            lines = names_in(seen, chart.what)
            for trace in chart.traces:
                stroke = stroke_of_trace(trace, places[trace.run], lines, theme)
                _draw(plot, chart, trace, stroke, sheet)
    return write_figure(page.figure, path, sheet, appearance.transparent)


def stroke_of_trace(trace: Trace, place: int, names: Sequence[str], theme: Theme) -> Stroke:
    """Of a line of the run at this place in the order of colours, among lines of these names."""
    stroke = _stroke(place, theme, _dashes(trace.name, names))
    return replace(stroke, width=THICK if trace.is_thick else LINE)


def legend_of(
    charts: Sequence[Chart], names: Sequence[str], places: Sequence[int]
) -> Iterator[tuple[str, Callable[[Theme], Stroke]]]:
    """The runs by their colours, then what is told by dashes."""
    for k in sorted({trace.run for chart in charts for trace in chart.traces}):
        yield names[k], partial(_stroke, places[k])
    for what in kinds_of(charts):
        lines = names_in(charts, what)
        thick = {t.name for chart in charts for t in chart.traces if t.is_thick}
        drawn = {name for chart in charts if chart.what == what for name in chart.names}
        for name in [name for name in lines if name in drawn] if len(lines) > 1 else ():
            width, dashes = THICK if name in thick else LINE, _dashes(name, lines)
            yield name, partial(_without_colour, dashes, width)


def note_of(charts: Sequence[Chart], remarks: Sequence[str]) -> str:
    """How the figure is to be read, in a few sentences."""
    has_bars = any(trace.low is not None for chart in charts for trace in chart.traces)
    exact = "" if any(chart.what == "sharpness" for chart in charts) else "exact "
    note = " ".join([*remarks, *([INTERVALS.format(exact)] if has_bars else [])])
    for sentence in dict.fromkeys(note_of_references(chart.references) for chart in charts):
        note += sentence
    return note


def _dashes(name: str, names: Sequence[str]) -> Any:
    return DASHES[names.index(name) % len(DASHES)] if name in names else DASHES[0]


def _stroke(place: int, theme: Theme, dashes: Any = "-") -> Stroke:
    """Of the run at this place in the order of colours."""
    hue, mark, alike = look_of(place)
    color = hue_color(hue, theme)
    for _ in range(min(alike, 2)):
        red, green, blue = (
            a + PALER * (b - a) for a, b in zip(color[:3], theme.ground[:3], strict=True)
        )
        color = (red, green, blue, 1.0)
    return Stroke(color, *SYMBOLS[mark], dashes, False)


def _without_colour(dashes: Any, width: float, theme: Theme) -> Stroke:
    return Stroke(theme.quiet_ink, "", 0.0, dashes, False, width)


def _set_up(plot: Axes, chart: Chart, sheet: Sheet) -> None:
    em, limits = sheet.em, limits_of(chart)
    if chart.what != "accuracy":
        plot.set_xlim(*limits[0])
        _number(plot, "x", HeightScale("linear", *limits[0]), sheet, whole=chart.is_whole)
    else:
        set_radii(plot, np.unique(np.concatenate([t.xs for t in chart.traces])), sheet)
    plot.set_xlabel(chart.across, labelpad=0.35 * em)
    if chart.is_share:
        set_fractions(plot, sheet, with_numbers=True, title=chart.up)
        return
    scale = HeightScale("log" if chart.is_log else "linear", *limits[1])
    plot.set_yscale(scale.kind)
    plot.set_ylim(*limits[1])
    _number(plot, "y", scale, sheet)
    plot.set_ylabel(with_scale(chart.up, scale), labelpad=0.3 * em)
    plot.grid(True, axis="y")
    plot.set_axisbelow(True)
    plot.spines[["top", "right"]].set_visible(False)


def _number(
    plot: Axes, axis: str, scale: HeightScale, sheet: Sheet, *, whole: bool = False
) -> None:
    """Round numbers along an axis, as many as there is room for."""
    figure, place, em = plot.get_figure(root=True), plot.get_position(), sheet.em
    assert figure is not None
    width, height = (72 * length for length in figure.get_size_inches())
    if axis == "x":
        ticks = fitting_ticks(
            scale, 6, place.width * width, lambda text: text_width(figure, text, em), 0.8 * em,
            whole=whole,
        )  # fmt: skip
        set_ticks(plot.xaxis, ticks)
        return
    set_ticks(plot.yaxis, fitting_ticks(scale, 6, place.height * height, lambda _: em, 0.4 * em))


def _draw(plot: Axes, chart: Chart, trace: Trace, stroke: Stroke, sheet: Sheet) -> None:
    unit = sheet.unit
    width = stroke.width * unit
    look: dict[str, Any] = {"color": stroke.color, "ls": stroke.dashes, "zorder": 4}
    marks: dict[str, Any] = {
        "marker": stroke.mark, "markersize": stroke.size * unit, "markeredgewidth": 0,
        "clip_on": chart.is_of_radii,
    }  # fmt: skip
    if trace.raw is not None:
        plot.plot(trace.xs, trace.raw, **look | {"lw": unit, "alpha": FAINT, "zorder": 3})
    if trace.steps is not None:
        radii, shares = trace.steps
        end = plot.get_xlim()[1]
        plot.step([*radii, end], [*shares, shares[-1]], where="post", lw=1.5 * unit, **look)
        look["lw"] = 0
    if trace.low is None or trace.high is None:
        # A density is worked out, not measured, at its points: a mark would be one by chance.
        every = max(len(trace.xs) // MOST_MARKS, 1)
        signs = {} if chart.name == "spectrum" else {"markevery": every, **marks}
        (line,) = plot.plot(trace.xs, trace.ys, lw=width, **look, **signs)
        line.set_gid("curve")
        return
    ends = np.maximum([trace.ys - trace.low, trace.high - trace.ys], 0)
    shown = trace.xs <= plot.get_xlim()[1]
    bars = plot.errorbar(
        trace.xs[shown], trace.ys[shown], yerr=ends[:, shown], elinewidth=unit,
        capsize=1.6 * unit, capthick=unit, **{"lw": width} | look, **marks,
    )  # fmt: skip
    bars[0].set_gid("curve")
