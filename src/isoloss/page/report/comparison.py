"""The page of several runs beside each other, and of a training run alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from isoloss.errors import IsolossError
from isoloss.figures.comparison import legend_of, note_of, stroke_of_trace
from isoloss.figures.robustness.run_results import RunResults, read_run_results, with_run_names
from isoloss.figures.robustness.stamps import Stamps
from isoloss.geometry.height import HeightScale
from isoloss.geometry.ticks import number_label
from isoloss.library.columns import outcome
from isoloss.library.comparison.comparison import Comparing, Comparison, View
from isoloss.library.entry import Entry
from isoloss.naming import capitalized, drawable_line, percent
from isoloss.page.frame import command_facts
from isoloss.page.report.colours import Colours
from isoloss.page.report.evaluations import published, radius_axis, share_axis
from isoloss.page.report.facts import settings_of
from isoloss.page.report.pens import pen_of
from isoloss.page.report.plot import Axis, Charts, Line, Plot, Point
from isoloss.page.report.scales import axis_across, axis_upwards
from isoloss.page.report.tables import charts_of, said, table_of
from isoloss.page.report.verdicts import verdicts
from isoloss.page.report.writing import Written, write
from isoloss.results.charts import Chart, Trace, limits_of, names_in
from isoloss.results.radii import radius_label

MOST_MARKS = 60
"""Points of a training curve that are told apart by marks."""


def run_page(entry: Entry, command: str = "", theme: str = "", title: str = "") -> str:
    """The text of the page of one run, as that of `comparison_page`.

    Raises:
        IsolossError: if it has no curves yet.
    """
    comparing = Comparing()
    comparing.read([entry])
    found = comparing.seen(View())
    if not found.charts:
        raise IsolossError(
            f"{entry.folder} has no metrics yet: resume it with 'isoloss run {entry.folder}'"
        )
    return comparison_page(found, command, theme, title)


def comparison_page(
    found: Comparison, command: str = "", theme: str = "", title: str = "",
    places: Sequence[int] | None = None,
) -> str:  # fmt: skip
    """The text of the page of a comparison.

    Args:
        command: what made it, as typed.
        theme: "dark" or "light"; unless given, that of the reader's system.
        title: unless given, the runs' names.
        places: of the runs in the order of colours; unless given, one after the other.

    Raises:
        IsolossError: there are no curves.
    """
    if not found.charts:
        raise IsolossError("there is nothing to draw: these runs have no curves")
    colours, several = Colours(), len(found.names) > 1
    heading = drawable_line(title) or ", ".join(found.names)
    evaluated = with_run_names([*_evaluations(found.entries)])
    stamps = Stamps.of_warnings(warning for run in evaluated for warning in run.warnings)
    charts = _charts(found, list(places or range(len(found.names))), colours)
    main = [
        f"<header><h1>{said(heading)}</h1></header>",
        verdicts(evaluated, stamps, [*_outcomes(found)], found.remarks, named=several),
        charts_of(charts, "chart"),
    ]
    if several:
        header, *rows = found.table.lines()
        main.append(f"<h2>Differences and figures</h2>{table_of(header, rows, 'Runs')}")
    about = [command_facts(command), *(settings_of(entry.folder) for entry in found.entries)]
    return write(Written(heading, "".join(main), "".join(about), colours.style(), theme))


def _evaluations(entries: Sequence[Entry]) -> Iterator[RunResults]:
    """What those that are robustness runs have found so far."""
    for entry in entries:
        with suppress(IsolossError):
            yield read_run_results(entry.folder)


def _outcomes(found: Comparison) -> Iterator[str]:
    """What the others have come to."""
    for name, entry in zip(found.names, found.entries, strict=True):
        if entry.kind not in ("attack", "defend", "certify") and (words := outcome(entry)):
            state = "" if entry.state == "done" else f" ({entry.state})"
            yield (
                f"{name}{state}: {words}"
                if len(found.names) > 1
                else f"{capitalized(words)}{state}"
            )


def _charts(found: Comparison, places: Sequence[int], colours: Colours) -> Charts:
    plots = tuple(_plot(chart, found, places, colours) for chart in found.charts)
    legend = [
        (name, pen_of(stroke, colours))
        for name, stroke in legend_of(found.charts, found.names, places)
    ]
    shown = tuple(legend if len(found.names) > 1 else legend[1:])  # of one run its parts alone
    return Charts("", plots, shown, note_of(found.charts, []))


def _plot(chart: Chart, found: Comparison, places: Sequence[int], colours: Colours) -> Plot:
    names = names_in(found.charts, chart.what)

    def line(trace: Trace) -> Line:
        pen = pen_of(
            lambda theme: stroke_of_trace(trace, places[trace.run], names, theme), colours
        )  # fmt: skip
        whose = [found.names[trace.run]] if len(found.names) > 1 else []
        name = ", ".join(filter(None, [*whose, trace.name])) or chart.up
        return Line(
            name, pen, tuple(_points(chart, trace)), joined=trace.steps is None,
            faint=() if trace.raw is None else ((trace.xs, trace.raw),), steps=trace.steps,
        )  # fmt: skip

    across, up = _axes(chart)
    lines = tuple(line(trace) for trace in chart.traces)
    return Plot(
        capitalized(chart.up), across, up, lines, references=published(chart.references)
    )  # fmt: skip


def _axes(chart: Chart) -> tuple[Axis, Axis]:
    limits = limits_of(chart)
    if chart.what == "accuracy":
        radii = np.unique(np.concatenate([trace.xs for trace in chart.traces]))
        across = radius_axis(chart.across, radii.tolist())
    else:
        across = axis_across(chart.across, *limits[0], whole=chart.is_whole)
    if chart.is_share:
        return across, share_axis(chart.up)
    scale = HeightScale("log" if chart.is_log else "linear", *limits[1])
    return across, axis_upwards(chart.up, scale)


def _points(chart: Chart, trace: Trace) -> Iterator[Point]:
    given = trace.ys if trace.raw is None else trace.raw
    for k, (x, y, value) in enumerate(zip(trace.xs, trace.ys, given, strict=True)):
        low, high = (
            math.nan if ends is None else float(ends[k]) for ends in (trace.low, trace.high)
        )
        if chart.what != "training" and chart.what != "accuracy" and x > limits_of(chart)[0][1]:
            continue
        place = number_label(x, 6) if chart.what == "training" else radius_label(float(x))
        text = _value(chart, float(value))
        if low <= high:
            text += f" ({100 * low:.1f} to {100 * high:.1f})"
        facts = [(chart.across, place), (chart.up, text)]
        if trace.raw is not None:
            facts.append(("smoothed", _value(chart, float(y))))
        yield Point(float(x), float(y), place, text, facts, low, high)


def _value(chart: Chart, value: float) -> str:
    if math.isnan(value):
        return ""
    return percent(value) if chart.is_share else number_label(value, 4)
