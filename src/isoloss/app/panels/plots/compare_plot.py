"""The plots of the compare panel: the lines of several runs, found again by pointing at them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui, implot

from isoloss.app.panels.plots.accuracy_axes import set_up
from isoloss.app.panels.plots.curve_strokes import hue_color
from isoloss.app.panels.plots.plot_axes import PlotAxes
from isoloss.app.panels.plots.plotting import finish_set_up, line, packed, plot, set_up_loss, stairs
from isoloss.app.panels.plots.reference_lines import draw_references
from isoloss.app.state.readouts import number
from isoloss.app.state.runs.accuracy_curves import Axis, place_among, radius_text, stretched
from isoloss.app.state.runs.lines_in_plots import Ends, Lines, dashes, thinned
from isoloss.app.state.runs.run_comparison import RunComparison, Shown
from isoloss.app.ui.style import Color, u32, vec
from isoloss.app.ui.widgets import em, muted
from isoloss.geometry.arrays import Array
from isoloss.geometry.rect import Rect, extent
from isoloss.geometry.ticks import nice_ticks
from isoloss.library.comparison.training import Along
from isoloss.naming import capitalized, percent
from isoloss.results.charts import Chart, Trace, limits_of, look_of, names_in
from isoloss.settings.attack_kinds import Mark

NEAR = 0.9
"""In em: the cursor points at the line that is nearest, if it is as near as that."""
THICK = 2.2
"""How many times as wide as others a line is that says more."""
FAINT, UNLIT = 0.3, 0.22
"""How opaque values behind their average are, and lines while another is pointed at."""
MOST_MARKS = 8
MANY = 24
"""Lines, beyond which only that of the run pointed at has its unsmoothed values behind it, and
lines have fewer marks: what is drawn stays within a frame."""
DASHES = (
    (0.0, 0.0), (0.55, 0.35), (0.18, 0.22), (0.9, 0.45), (0.18, 0.6), (1.5, 0.35),
)  # fmt: skip
"""In em: lengths of dashes and gaps of the first, second, … line of a run; 0 for none."""
_AXES: dict[str, Axis] = {"linf": "linf", "l2": "l2", "radius": "radius"}
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


def draw_dash(
    dash: tuple[float, float], at: ImVec2, length: float, color: Color, alpha: float
) -> None:
    """A short piece of a line with these dashes, from a place on the screen on."""
    on, off = (em(part) for part in dash) if dash[0] else (length, 0.0)
    x, draw = at.x, imgui.get_window_draw_list()
    while x < at.x + length:
        end = min(x + on, at.x + length)
        draw.add_line(ImVec2(x, at.y), ImVec2(end, at.y), u32(color, alpha), em(0.13))
        x += on + off


class ComparePlot:
    """One chart.

    Attributes:
        pointed: the trace that the cursor points at.
        rect, ends: where it is on the screen, and the ends of its axes there.
    """

    def __init__(self) -> None:
        self.pointed: Trace | None = None
        self.rect: Rect = (0.0, 0.0, 1.0, 1.0)
        self.ends: Ends = ((0.0, 1.0), (0.0, 1.0))
        self._axes = PlotAxes()
        self._fitted: object = None
        self._chart: Chart | None = None
        self._limits = self.ends
        self._lines = Lines([])
        self._places: dict[float, float] = {}
        self._is_crowded = False
        self._worked_out: dict[object, tuple[Array, Array]] = {}
        self._worked_out_for: object = None

    def draw(self, chart: Chart, comparison: RunComparison, size: ImVec2) -> None:
        """Draw it, and find what is pointed at."""
        if chart is not self._chart:
            self._take(chart)
        self.pointed = None
        imgui.begin_group()
        size = ImVec2(size.x, size.y - _title(chart, size.x))
        with plot(f"compare {chart.name} {chart.is_log}", size) as visible:
            if visible:
                self._set_up(chart, size, comparison.shown.view.along)
                self._content(chart, comparison)
        imgui.end_group()

    def _content(self, chart: Chart, comparison: RunComparison) -> None:
        shown, lit = comparison.shown, comparison.lit
        names = names_in(shown.comparison.charts, chart.what)
        traces = [k for k, t in enumerate(chart.traces) if comparison.is_drawn(t.run)]
        lit = lit if any(chart.traces[k].run == lit for k in traces) else None
        self._is_crowded = len(traces) > MANY
        if chart.references:
            draw_references(chart.references, self._place)
        # What is pointed at lies over the others.
        for k in sorted(traces, key=lambda k: chart.traces[k].run == lit):
            trace = chart.traces[k]
            look, strength = look_in_window(shown.places[trace.run]), 1.0
            if lit not in (None, trace.run):
                strength = UNLIT
            self._trace(trace, look, _dash(trace, names), strength, wide=trace.run == lit)
        if implot.is_plot_hovered():
            self._point(chart, traces, shown)
            if imgui.is_mouse_double_clicked(0):
                self._fitted = None

    # -- axes ----------------------------------------------------------------------------------

    def _take(self, chart: Chart) -> None:
        """Another chart, or the same with more in it."""
        self._chart, self._limits = chart, limits_of(chart)
        self._places, self._worked_out = {}, {}
        if chart.what == "accuracy":
            radii = {float(eps) for trace in chart.traces for eps in trace.xs}
            self._places = stretched(sorted(radii))
        self._lines = Lines([*map(self._line, chart.traces)], is_log=chart.is_log)

    def _line(self, trace: Trace) -> tuple[Array, Array]:
        return _corners(trace) or (self._across(trace), self._up(trace.ys))

    def _across(self, trace: Trace) -> Array:
        if not self._places:
            return trace.xs
        return np.array([self._places[float(eps)] for eps in trace.xs])

    def _place(self, radius: float) -> float | None:
        """Where any radius stands; None beyond the end of the axis."""
        if self._places:
            return place_among(radius, self._places)
        return radius if radius <= self._limits[0][1] else None

    def _up(self, values: Array) -> Array:
        return 100 * values if self._chart is not None and self._chart.is_share else values

    def _set_up(self, chart: Chart, size: ImVec2, along: Along) -> None:
        """Lay the axes out, around all there is whenever that changes."""
        key = along, chart.is_log, self._limits
        fit, self._fitted = key != self._fitted, key
        cond = int(implot.Cond_.always if fit else implot.Cond_.once)
        across, up = self._limits
        if not chart.is_of_radii:
            no_label = int(implot.AxisFlags_.no_label)
            implot.setup_axes("", "", no_label, no_label)
            implot.setup_axis_limits(implot.ImAxis_.x1, *across, cond)
            unit, up = (" %", (100 * up[0], 100 * up[1])) if chart.is_share else ("", up)
            set_up_loss(up, cond, log=chart.is_log)
            self._axes.set_up(
                across, up, log=chart.is_log, fit=fit, unit=unit, whole=chart.is_whole
            )
            finish_set_up()
            self._axes.look()
        else:
            places = self._places or {t.value: t.value for t in nice_ticks(0.0, across[1], 6)}
            last = max(self._places.values()) if self._places else across[1] / 1.05
            set_up(_AXES[chart.name], places, last, size, cond)
        at, extended, limits = (
            implot.get_plot_pos(), implot.get_plot_size(), implot.get_plot_limits()
        )  # fmt: skip
        self.rect = at.x, at.y, at.x + extended.x, at.y + extended.y
        self.ends = (limits.x.min, limits.x.max), (limits.y.min, limits.y.max)

    # -- lines ---------------------------------------------------------------------------------

    def _trace(
        self, trace: Trace, look: Look, dash: tuple[float, float], strength: float, *, wide: bool
    ) -> None:
        color = (*look.color[:3], look.color[3] * strength)
        xs, ys = self._across(trace), self._up(trace.ys)
        weight = (em(0.19) if wide else em(0.13)) * (THICK if trace.is_thick else 1.0)
        name = f"{trace.run} {trace.name}"
        if trace.raw is not None and (wide or not self._is_crowded):
            line(f"{name} raw", xs, self._up(trace.raw), (*color[:3], FAINT * color[3]), em(0.08))
        if trace.steps is not None and not dash[0]:
            radii, shares = trace.steps
            stairs(name, radii, 100 * shares, look.color, weight, strength)
        elif not dash[0]:
            line(name, *self._points(trace, dash), color, weight)
        else:
            spec = implot.Spec()
            spec.line_color, spec.line_weight = vec(color), weight
            spec.flags = int(implot.LineFlags_.segments)
            implot.plot_line(name, *map(packed, self._points(trace, dash)), spec=spec)
        has_intervals = trace.low is not None and trace.high is not None
        most = MOST_MARKS // 2 if self._is_crowded else MOST_MARKS
        every = 1 if has_intervals else max(len(xs) // most, 1)
        if trace.low is not None and trace.high is not None:
            spec = implot.Spec()
            spec.line_color, spec.line_weight, spec.size = vec(color), em(0.08), em(0.3)
            low, high = trace.ys - trace.low, trace.high - trace.ys
            ends = packed(self._up(low)), packed(self._up(high))
            implot.plot_error_bars(name, packed(xs), packed(ys), *ends, spec=spec)
        spec = implot.Spec()
        spec.marker, spec.marker_size = int(_MARKERS[look.mark]), em(0.24)
        spec.marker_fill_color = spec.marker_line_color = vec(color)
        implot.plot_scatter(f"{name} mark", packed(xs[::every]), packed(ys[::every]), spec=spec)

    def _points(self, trace: Trace, dash: tuple[float, float]) -> tuple[Array, Array]:
        """The points of a line that are to be seen at the size at which it is drawn, or the ends of
        its dashes."""
        assert self._chart is not None
        lengths, is_log = (em(dash[0]), em(dash[1])), self._chart.is_log
        key = (self.ends, extent(self.rect), em(1.0))
        if key != self._worked_out_for:
            self._worked_out_for, self._worked_out = key, {}
        found = self._worked_out.get((id(trace), dash))
        if found is None:
            size = extent(self.rect)
            found = thinned(*self._line(trace), self.ends, size, is_log=is_log)
            if dash[0]:
                found = dashes(*found, self.ends, size, lengths, is_log=is_log)
            self._worked_out[id(trace), dash] = found
        return found

    # -- pointing ------------------------------------------------------------------------------

    def _point(self, chart: Chart, traces: Sequence[int], shown: Shown) -> None:
        """Find the line that the cursor points at, and tell what it says there."""
        mouse = imgui.get_mouse_pos()
        at = mouse.x - self.rect[0], mouse.y - self.rect[1]
        found = self._lines.nearest(at, self.ends, extent(self.rect), em(NEAR), traces)
        if found is None:
            return
        self.pointed = trace = chart.traces[found]
        k = int(np.argmin(np.abs(self._across(trace) - implot.get_plot_mouse_pos().x)))
        imgui.begin_tooltip()
        imgui.text_unformatted(shown.comparison.names[trace.run])
        if trace.name:
            imgui.same_line()
            muted(trace.name)
        for title, text in _readout(chart, trace, k):
            muted(title)
            imgui.same_line(em(7.5))
            imgui.text_unformatted(text)
        imgui.end_tooltip()


def _title(chart: Chart, width: float) -> float:
    """What is upwards and, at the right, across, above the plot; returns how high that is."""
    left, top = imgui.get_cursor_pos_x(), imgui.get_cursor_pos_y()
    imgui.text_unformatted(capitalized(f"{chart.up}, log" if chart.is_log else chart.up))
    if not chart.is_of_radii:  # of others it stands at the axis
        across = chart.across
        imgui.same_line()
        imgui.set_cursor_pos_x(left + width - imgui.calc_text_size(across).x - em(0.4))
        muted(across)
    return imgui.get_cursor_pos_y() - top


def _readout(chart: Chart, trace: Trace, k: int) -> Iterator[tuple[str, str]]:
    """What there is to tell of the k-th point of a line, name by name."""

    def value(values: Array) -> str:
        return percent(values[k]) if chart.is_share else number(values[k])

    place = float(trace.xs[k])
    match chart.what:
        case "training" | "sharpness":
            yield capitalized(chart.across), number(place)
        case "accuracy":
            yield "ε", radius_text(place)
        case "radius":
            yield "Radius", radius_text(place)
    if trace.raw is not None:
        yield "Smoothed", value(trace.ys)
    yield capitalized(chart.up), value(trace.ys if trace.raw is None else trace.raw)
    if trace.low is not None and trace.high is not None:
        low, high = float(trace.low[k]), float(trace.high[k])
        said = f"{number(low)} to {number(high)}"
        if chart.is_share:
            said = f"{100 * low:.1f} to {100 * high:.1f} %"
        yield "95 % interval", said


def _dash(trace: Trace, names: Sequence[str]) -> tuple[float, float]:
    return DASHES[names.index(trace.name) % len(DASHES)] if trace.name else DASHES[0]


def _corners(trace: Trace) -> tuple[Array, Array] | None:
    """Where the line of certificates turns; None of what is no such line."""
    if trace.steps is None:
        return None
    radii, shares = trace.steps
    return np.repeat(radii, 2)[1:], 100 * np.repeat(shares, 2)[:-1]
