"""The plots of a run that measures sharpness: eigenvalues, spectra, both over the epochs."""

from __future__ import annotations

import math
from pathlib import Path

from imgui_bundle import ImVec2, imgui, implot

from isoloss.app.panels.plots.plot_axes import PlotAxes
from isoloss.app.panels.plots.plotting import finish_set_up, line, packed, plot, set_up_loss
from isoloss.app.ui.spots import mark
from isoloss.app.ui.style import Color, palette, vec
from isoloss.app.ui.widgets import em, muted
from isoloss.errors import IsolossError
from isoloss.jobs.follow import FollowedRun
from isoloss.naming import capitalized
from isoloss.results.charts import Chart, Trace, limits_of
from isoloss.results.sharpness_charts import sharpness_charts
from isoloss.results.sharpness_files import read_sharpness

FEW = 40
"""Points, up to which each has a mark."""
NARROWEST = 11.0
"""In em: of a plot, where several are beside each other."""


class SharpnessPlots:
    """Draws what one run has found so far, as it is written."""

    def __init__(self) -> None:
        self.charts: tuple[Chart, ...] = ()
        self._read: tuple[Path, int, int] | None = None
        self._seen: tuple[int, int] = (0, -1)
        self._is_new = False
        self._axes: dict[str, PlotAxes] = {}

    def take(self, followed: FollowedRun) -> None:
        """Read what is new of a run."""
        key, self._is_new = (id(followed), followed.version), False
        if key == self._seen:
            return
        self._seen, path = key, followed.run.outcomes_path
        try:
            found = path.stat()
            place = path, found.st_size, found.st_mtime_ns
            if place == self._read:
                return
            charts = tuple(sharpness_charts([read_sharpness(followed.run)]))
        except (OSError, IsolossError):
            place, charts = None, ()
        self._is_new, self._read, self.charts = True, place, charts

    def draw(self, name: str) -> None:
        """Draw the charts beside each other, as many as there is room for, the rest below."""
        if not self.charts:
            muted(f"{name} has found nothing yet.")
            return
        room, gap = imgui.get_content_region_avail(), imgui.get_style().item_spacing
        across = max(min(int(room.x / em(NARROWEST)), len(self.charts)), 1)
        down = math.ceil(len(self.charts) / across)
        width = (room.x - (across - 1) * gap.x) / across
        height = max((room.y - (down - 1) * gap.y) / down, em(9))
        for k, chart in enumerate(self.charts):
            if k % across:
                imgui.same_line()
            axes = self._axes.setdefault(chart.name, PlotAxes())
            _chart(chart, axes, ImVec2(width, height), fit=self._is_new)


def _chart(chart: Chart, axes: PlotAxes, size: ImVec2, *, fit: bool) -> None:
    imgui.begin_group()
    top = imgui.get_cursor_pos_y()
    imgui.text_unformatted(capitalized(f"{chart.up}, log" if chart.is_log else chart.up))
    named = [t for t in chart.traces if t.name]
    for trace in named:
        imgui.same_line()
        imgui.text_colored(vec(_color(chart, trace)), trace.name)
    size = ImVec2(size.x, size.y - imgui.get_cursor_pos_y() + top)
    with plot(f"sharpness {chart.name} {chart.is_log}", size) as visible:
        if visible:
            across, up = limits_of(chart)
            cond = int(implot.Cond_.always if fit else implot.Cond_.once)
            implot.setup_axes(chart.across, "")
            implot.setup_axis_limits(implot.ImAxis_.x1, *across, cond)
            set_up_loss(up, cond, log=chart.is_log)
            axes.set_up(across, up, log=chart.is_log, fit=fit, whole=chart.is_whole)
            finish_set_up()
            axes.look()
            for trace in chart.traces:
                _trace(chart, trace)
    mark(f"sharpness {chart.name}")
    imgui.end_group()


def _color(chart: Chart, trace: Trace) -> Color:
    place = next(k for k, each in enumerate(chart.traces) if each is trace)
    return palette().series[place % len(palette().series)]


def _trace(chart: Chart, trace: Trace) -> None:
    color, name = _color(chart, trace), trace.name or chart.name
    line(name, trace.xs, trace.ys, color)
    if trace.low is None or trace.high is None:
        return
    spec = implot.Spec()
    spec.line_color, spec.line_weight, spec.size = vec(color), em(0.08), em(0.3)
    ends = packed(trace.ys - trace.low), packed(trace.high - trace.ys)
    implot.plot_error_bars(name, packed(trace.xs), packed(trace.ys), *ends, spec=spec)
    if len(trace.xs) <= FEW:
        spec = implot.Spec()
        spec.marker, spec.marker_size = int(implot.Marker_.circle), em(0.2)
        spec.marker_fill_color = spec.marker_line_color = vec(color)
        implot.plot_scatter(f"{name} mark", packed(trace.xs), packed(trace.ys), spec=spec)
