"""The plots of the compare panel: the lines of several runs, found again by pointing at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui, implot

from isoloss.app.panels.accuracy_axes import set_up
from isoloss.app.panels.curve_strokes import hue_color
from isoloss.app.panels.plot_axes import PlotAxes
from isoloss.app.panels.plotting import finish_set_up, line, packed, plot, set_up_loss, stairs
from isoloss.app.state.readouts import number
from isoloss.app.state.runs.accuracy_curves import Axis, percent, radius_text, stretched
from isoloss.app.state.runs.lines_in_plots import Lines, dashes
from isoloss.app.state.runs.run_comparison import RunComparison, Shown
from isoloss.app.ui.style import Color, palette, u32, vec
from isoloss.app.ui.widgets import em, muted
from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import nice_ticks
from isoloss.naming import capitalized
from isoloss.results.charts import Chart, Trace, limits_of, look_of, names_in
from isoloss.settings.attack_kinds import Mark

NEAR = 0.9
"""In em: the cursor points at the line that is nearest, if it is as near as that."""
FAINT, UNLIT = 0.3, 0.22
"""How opaque values behind their average are, and lines while another is pointed at."""
MOST_MARKS = 8
DASHES = ((0.0, 0.0), (0.55, 0.35), (0.18, 0.22), (0.9, 0.45))
"""In em: lengths of dashes and gaps of the first, second, … line of a run; 0 for none."""
_MARKERS = {
    "circle": implot.Marker_.circle,
    "square": implot.Marker_.square,
    "diamond": implot.Marker_.diamond,
    "up": implot.Marker_.up,
    "down": implot.Marker_.down,
    "plus": implot.Marker_.plus,
}


@dataclass(frozen=True)
class Look:
    """How the lines of a run are drawn."""

    color: Color
    mark: Mark


def look_in_window(place: int) -> Look:
    """Of the run at this place in the order of colours."""
    hue, mark, alike = look_of(place)
    return Look(hue_color(hue, alike), mark)


def draw_dash(dash: tuple[float, float], length: float) -> None:
    """A short piece of a line with these dashes, in the line of a button."""
    at, height = imgui.get_cursor_screen_pos(), imgui.get_frame_height()
    on, off = (em(part) for part in dash) if dash[0] else (length, 0.0)
    x, y, draw = at.x, at.y + height / 2, imgui.get_window_draw_list()
    while x < at.x + length:
        end = min(x + on, at.x + length)
        draw.add_line(ImVec2(x, y), ImVec2(end, y), u32(palette().muted), em(0.13))
        x += on + off
    imgui.dummy(ImVec2(length, height))


class ComparePlot:
    """One chart.

    Attributes:
        pointed: the trace that the cursor points at.
    """

    def __init__(self) -> None:
        self.pointed: Trace | None = None
        self._axes = PlotAxes()
        self._fitted: object = None
        self._chart: Chart | None = None
        self._lines = Lines([])
        self._places: dict[float, float] = {}

    def draw(self, chart: Chart, comparison: RunComparison, size: ImVec2) -> None:
        """Draw it, and find what is pointed at."""
        shown = comparison.shown
        if chart is not self._chart:
            self._take(chart)
        traces = [k for k, t in enumerate(chart.traces) if comparison.is_drawn(t.run)]
        self.pointed = None
        # What is pointed at lies over the others.
        lit = comparison.lit
        traces.sort(key=lambda k: chart.traces[k].run == lit)
        with plot(f"compare {chart.name} {chart.is_log}", size) as visible:
            if not visible:
                return
            self._set_up(chart, size, (shown.view.along, chart.is_log, self._extent(chart)))
            names = names_in(shown.comparison.charts, chart.what)
            for k in traces:
                trace = chart.traces[k]
                strength = 1.0 if lit in (None, trace.run) else UNLIT
                dash = DASHES[names.index(trace.name) % len(DASHES)] if trace.name else DASHES[0]
                look = look_in_window(shown.places[trace.run])
                self._trace(trace, look, dash, strength, wide=trace.run == lit)
            if implot.is_plot_hovered():
                self._point(chart, traces, shown)
                if imgui.is_mouse_double_clicked(0):
                    self._fitted = None

    # -- axes ----------------------------------------------------------------------------------

    def _take(self, chart: Chart) -> None:
        """Another chart, or the same with more in it."""
        self._chart = chart
        self._places = {}
        if chart.what == "accuracy":
            radii = {float(eps) for trace in chart.traces for eps in trace.xs}
            self._places = stretched(sorted(radii))
        self._lines = Lines(
            [(self._across(t), self._up(t.ys)) if t.steps is None else _corners(t) for t in chart.traces],
            is_log=chart.is_log,
        )  # fmt: skip

    def _across(self, trace: Trace) -> Array:
        if not self._places:
            return trace.xs
        return np.array([self._places[float(eps)] for eps in trace.xs])

    def _up(self, values: Array) -> Array:
        return 100 * values if self._chart is not None and self._chart.is_share else values

    @staticmethod
    def _extent(chart: Chart) -> object:
        return limits_of(chart)

    def _set_up(self, chart: Chart, size: ImVec2, key: object) -> None:
        fit, self._fitted = key != self._fitted, key
        cond = int(implot.Cond_.always if fit else implot.Cond_.once)
        across, up = limits_of(chart)
        if chart.what != "training":
            axis: Axis = (
                "radius" if chart.what == "radius" else "l2" if chart.name == "l2" else "linf"
            )
            places = self._places or _round_places(across)
            last = max(self._places.values()) if self._places else across[1] / 1.05
            set_up(axis, places, last, size, cond)
            return
        implot.setup_axes("", "", int(implot.AxisFlags_.no_label), int(implot.AxisFlags_.no_label))
        implot.setup_axis_limits(implot.ImAxis_.x1, *across, cond)
        if chart.is_share:
            up = 100 * up[0], 100 * up[1]
            implot.setup_axis_format(implot.ImAxis_.y1, "%g %%")
            implot.setup_axis_limits(implot.ImAxis_.y1, *up, cond)
        else:
            set_up_loss(up, cond, log=chart.is_log)
        self._axes.set_up(across, up, log=chart.is_log, fit=fit)
        finish_set_up()
        self._axes.look()

    # -- lines ---------------------------------------------------------------------------------

    def _trace(
        self, trace: Trace, look: Look, dash: tuple[float, float], strength: float, *, wide: bool
    ) -> None:
        color = (*look.color[:3], look.color[3] * strength)
        xs, ys = self._across(trace), self._up(trace.ys)
        weight = em(0.19) if wide else em(0.13)
        name = f"{trace.run} {trace.name}"
        if trace.raw is not None:
            line(f"{name} raw", xs, self._up(trace.raw), (*color[:3], FAINT * color[3]), em(0.08))
        if trace.steps is not None:
            radii, shares = trace.steps
            stairs(name, radii, 100 * shares, look.color, weight, strength)
        elif not dash[0]:
            line(name, xs, ys, color, weight)
        else:
            self._dashed(name, xs, ys, color, dash, weight)
        has_intervals = trace.low is not None and trace.high is not None
        every = 1 if has_intervals else max(len(xs) // MOST_MARKS, 1)
        if trace.low is not None and trace.high is not None:
            spec = implot.Spec()
            spec.line_color, spec.line_weight, spec.size = vec(color), em(0.08), em(0.3)
            ends = packed(100 * (trace.ys - trace.low)), packed(100 * (trace.high - trace.ys))
            implot.plot_error_bars(name, packed(xs), packed(ys), *ends, spec=spec)
        spec = implot.Spec()
        spec.marker, spec.marker_size = int(_MARKERS[look.mark]), em(0.24)
        spec.marker_fill_color = spec.marker_line_color = vec(color)
        implot.plot_scatter(f"{name} mark", packed(xs[::every]), packed(ys[::every]), spec=spec)

    def _dashed(
        self,
        name: str,
        xs: Array,
        ys: Array,
        color: Color,
        dash: tuple[float, float],
        weight: float,
    ) -> None:
        assert self._chart is not None
        limits, size = implot.get_plot_limits(), implot.get_plot_size()
        ends = (limits.x.min, limits.x.max), (limits.y.min, limits.y.max)
        lengths = em(dash[0]), em(dash[1])
        found = dashes(xs, ys, ends, (size.x, size.y), lengths, is_log=self._chart.is_log)
        spec = implot.Spec()
        spec.line_color, spec.line_weight = vec(color), weight
        spec.flags = int(implot.LineFlags_.segments)
        implot.plot_line(name, *map(packed, found), spec=spec)

    # -- pointing ------------------------------------------------------------------------------

    def _point(self, chart: Chart, traces: Sequence[int], shown: Shown) -> None:
        limits, size, mouse = (
            implot.get_plot_limits(),
            implot.get_plot_size(),
            imgui.get_mouse_pos(),
        )
        corner = implot.get_plot_pos()
        ends = (limits.x.min, limits.x.max), (limits.y.min, limits.y.max)
        at = mouse.x - corner.x, mouse.y - corner.y
        found = self._lines.nearest(at, ends, (size.x, size.y), em(NEAR), traces)
        if found is None:
            return
        trace = chart.traces[found]
        self.pointed = trace
        self._readout(chart, trace, implot.get_plot_mouse_pos().x, shown)

    def _readout(self, chart: Chart, trace: Trace, x: float, shown: Shown) -> None:
        """Which run it is, and the value nearest to the cursor."""
        across = self._across(trace)
        k = int(np.argmin(np.abs(across - x)))
        imgui.begin_tooltip()
        imgui.text_unformatted(shown.comparison.names[trace.run])
        if trace.name:
            imgui.same_line()
            muted(trace.name)
        place = (
            radius_text(float(trace.xs[k]))
            if chart.what != "training"
            else number(float(trace.xs[k]))
        )
        label = {"accuracy": "ε", "radius": "Radius"}.get(chart.what, capitalized(chart.across))
        facts = [(label, place)]
        for title, values in (
            ("Smoothed" if trace.raw is not None else "", trace.ys),
            ("", trace.raw),
        ):
            if values is not None:
                facts.append((title or capitalized(chart.up), _value(chart, float(values[k]))))
        if trace.low is not None and trace.high is not None:
            interval = f"{100 * trace.low[k]:.1f} to {100 * trace.high[k]:.1f} %"
            facts.append(("95 % interval", interval))
        for title, text in facts:
            muted(title)
            imgui.same_line(em(7.5))
            imgui.text_unformatted(text)
        imgui.end_tooltip()


def _value(chart: Chart, value: float) -> str:
    return percent(value) if chart.is_share else number(value)


def _corners(trace: Trace) -> tuple[Array, Array]:
    """Where the line of certificates turns."""
    assert trace.steps is not None
    radii, shares = trace.steps
    return np.repeat(radii, 2)[1:], 100 * np.repeat(shares, 2)[:-1]


def _round_places(across: tuple[float, float]) -> dict[float, float]:
    return {tick.value: tick.value for tick in nice_ticks(max(across[0], 0.0), across[1], 6)}
