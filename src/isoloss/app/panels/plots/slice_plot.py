"""The plot of slices: losses along the cut with their errors, and the cursor in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui, implot

from isoloss.app.panels.plots.plot_axes import PlotAxes
from isoloss.app.panels.plots.plotting import (
    band,
    finish_set_up,
    line,
    packed,
    plot,
    set_up_accuracy,
    set_up_loss,
)
from isoloss.app.state.pointing import Place
from isoloss.app.state.readouts import place_facts, value_facts
from isoloss.app.state.view.slicing import LayerSlice
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import Color, palette, u32, vec
from isoloss.app.ui.widgets import em, muted
from isoloss.geometry.analysis.curve import with_air
from isoloss.geometry.analysis.slices import along
from isoloss.geometry.arrays import Array
from isoloss.geometry.height import LARGEST
from isoloss.scene.cut import Cut

_NEAR = 0.04
"""Fraction of the box within which the cursor on a surface is shown in the plot."""


@dataclass(frozen=True)
class Along:
    """The horizontal axis: α or β where the cut runs along it, else the distance from A."""

    cut: Cut

    @property
    def label(self) -> str:
        """What stands at the axis."""
        axis = self.cut.axis
        return "distance from A" if axis is None else "αβ"[axis]

    def of(self, at: Array | float) -> Array:
        """Positions on the axis of distances from A."""
        axis, distance = self.cut.axis, np.asarray(at, np.float64)
        if axis is None:
            return distance
        sign = 1.0 if self.cut.direction[axis] > 0 else -1.0
        return self.cut.start[axis] + sign * distance

    def back(self, x: float) -> float:
        """The distance from A of a position on the axis."""
        axis = self.cut.axis
        return x if axis is None else abs(x - self.cut.start[axis])

    @property
    def span(self) -> tuple[float, float]:
        """Its ends, the lower one first."""
        length = float(np.hypot(*self.cut.direction))
        lo, hi = sorted((float(self.of(0.0)), float(self.of(length))))
        return lo, hi


class SlicePlot:
    """Plots the slices.

    Attributes:
        log: whether the loss axis is logarithmic; None follows the heights.
        accuracy: whether accuracies are drawn.
        pointed: the distance from A of what the cursor is at.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.log: bool | None = None
        self.accuracy = True
        self.pointed: float | None = None
        self._fitted: object = None
        self._axes = PlotAxes()

    def is_log(self, found: list[LayerSlice]) -> bool:
        """Whether the loss axis is logarithmic: as the heights are, unless chosen otherwise."""
        lowest = min((float(np.nanmin(x.slice.loss)) for x in found), default=0.0)
        wanted = self._workspace.scene.frame().scale.kind == "log" if self.log is None else self.log
        return wanted and lowest > 0

    def draw(self, cut: Cut, found: list[LayerSlice]) -> None:
        """Draw it; `found` are the slices that have values, one at least."""
        log, across = self.is_log(found), Along(cut)
        key = (cut, log, self.accuracy, tuple((x.layer, x.layer.version) for x in found))
        fit, self._fitted = key != self._fitted, key
        with plot(f"slice {log}") as visible:
            if not visible:
                return
            limits = _limits(found, log=log)
            self._set_up(across, limits, found, log=log, fit=fit)
            for one in found:
                self._values(one, across, floor=limits[0], log=log, several=len(found) > 1)
            _rug(found, across)
            _names(across)
            self._cursor(cut, found, across)

    def _set_up(
        self,
        across: Along,
        limits: tuple[float, float],
        found: list[LayerSlice],
        *,
        log: bool,
        fit: bool,
    ) -> None:
        cond = int(implot.Cond_.always if fit else implot.Cond_.once)
        no_label = int(implot.AxisFlags_.no_label)  # there is little height: it is in the plot
        implot.setup_axes(across.label, "loss", no_label, no_label)
        implot.setup_axis_limits(implot.ImAxis_.x1, *across.span, cond)
        set_up_loss(limits, cond, log=log)
        if self.accuracy and any(x.slice.has_accuracy for x in found):
            if any(x.layer.surface.is_difference for x in found):
                set_up_accuracy(cond, no_label, _signed_percent(found))
            else:
                set_up_accuracy(cond, no_label)
        self._axes.set_up(across.span, limits, log=log, fit=fit)
        finish_set_up()
        self._axes.look()

    def _values(
        self, one: LayerSlice, across: Along, floor: float, *, log: bool, several: bool
    ) -> None:
        cut, color = one.slice, slice_color(one)
        x = across.of(cut.at)
        if self.accuracy and cut.has_accuracy:
            implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y2)
            shade = (*color[:3], 0.55) if several else palette().series[1]
            line(f"accuracy {one.index}", x, 100 * cut.accuracy, shade, 1.2 if several else 2.0)
            implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y1)
        if cut.has_band:
            bottom = floor if log else -np.inf
            low, high = (np.maximum(cut.loss + k * cut.stderr, bottom) for k in (-1, 1))
            band(f"error {one.index}", x, low, high, color, 0.3)
        line(f"loss {one.index}", x, cut.loss, color, 2.0)
        if len(cut.samples):
            spec = implot.Spec()
            spec.marker, spec.marker_size = int(implot.Marker_.circle), 2.6
            spec.marker_fill_color, spec.marker_line_color = vec(palette().panel), vec(color)
            k = cut.samples
            implot.plot_scatter(f"grid {one.index}", packed(x[k]), packed(cut.loss[k]), spec=spec)

    def _cursor(self, cut: Cut, found: list[LayerSlice], across: Along) -> None:
        """The values at the cursor, be it over the plot or over a surface."""
        at: float | None = None
        over_plot = implot.is_plot_hovered()
        if over_plot:
            at = across.back(float(implot.get_plot_mouse_pos().x))
        elif self._workspace.pointing.on_surface is not None:
            at = self._near(cut, self._workspace.pointing.on_surface)
        length = float(np.hypot(*cut.direction))
        if at is None or not 0 <= at <= length:
            return
        k = found[0].slice.nearest(at)
        self.pointed = float(found[0].slice.at[k])
        place = float(found[0].slice.alpha[k]), float(found[0].slice.beta[k])
        if over_plot:
            self._workspace.pointing.at_plot(place)
        self._cross_hair(float(across.of(self.pointed)), found)
        if over_plot:
            mouse, top = imgui.get_io().mouse_pos, implot.get_plot_pos().y
            # Above the plot, which is low, and not over what it tells of.
            above = ImVec2(mouse.x + em(0.8), top - em(0.3))
            imgui.set_next_window_pos(above, int(imgui.Cond_.always), ImVec2(0, 1))
            imgui.begin_tooltip()
            _draw_values(found, place, self.pointed)
            imgui.end_tooltip()

    def _near(self, cut: Cut, place: Place) -> float | None:
        """How far along the cut a place is, if it is near enough to it."""
        at = along(*place, cut.start, cut.end)
        fraction = at / (float(np.hypot(*cut.direction)) or 1.0)
        frame = self._workspace.scene.frame()
        apart = 0.0
        for k, (lo, hi) in enumerate((frame.alpha, frame.beta)):
            on_it = cut.start[k] + fraction * cut.direction[k]
            apart = max(apart, abs(place[k] - on_it) / ((hi - lo) or 1.0))
        return at if apart <= _NEAR else None

    def _cross_hair(self, x: float, found: list[LayerSlice]) -> None:
        p, draw = palette(), implot.get_plot_draw_list()
        implot.push_plot_clip_rect()
        top = implot.get_plot_pos()
        column = implot.plot_to_pixels(x, 1.0).x
        bottom = top.y + implot.get_plot_size().y
        draw.add_line(ImVec2(column, top.y), ImVec2(column, bottom), u32(p.muted, 0.7))
        for one in found:
            loss = float(one.slice.loss[one.slice.nearest(self.pointed or 0.0)])
            if np.isfinite(loss):
                at = implot.plot_to_pixels(x, loss, implot.ImAxis_.x1, implot.ImAxis_.y1)
                draw.add_circle_filled(at, em(0.3), u32(slice_color(one)))
                draw.add_circle(at, em(0.3), u32(p.panel))
        implot.pop_plot_clip_rect()


def slice_color(one: LayerSlice) -> Color:
    """The colour of a layer; with one open, that of losses everywhere."""
    series = palette().series
    # The second is that of accuracies where there is one surface only: it comes last.
    order = (series[0], *series[2:], series[1])
    return order[one.index % len(order)]


def _draw_values(found: list[LayerSlice], place: Place, at: float) -> None:
    """The tooltip: where, and each surface's values there."""
    for name, value in place_facts(*place):
        muted(name)
        imgui.same_line(em(5))
        imgui.text_unformatted(value)
    for one in found:
        cut = one.slice
        k = cut.nearest(at)
        if len(found) > 1:
            imgui.text_colored(vec(slice_color(one)), one.layer.name)
        if not np.isfinite(cut.loss[k]):
            muted("not computed")
            continue
        values = float(cut.loss[k]), float(cut.stderr[k]), float(cut.accuracy[k])
        for name, value in value_facts(*values, signed=one.layer.surface.is_difference):
            muted(name)
            imgui.same_line(em(5))
            imgui.text_unformatted(value)
        if k in cut.samples:
            muted("a point of the grid")


def _limits(found: list[LayerSlice], *, log: bool) -> tuple[float, float]:
    """The loss axis that holds all lines and bands with a little air."""
    values = np.concatenate(
        [np.concatenate([x.slice.loss, x.slice.loss + x.slice.stderr]) for x in found]
        + [x.slice.loss - x.slice.stderr for x in found if not log]
    )
    values = np.clip(values[np.isfinite(values)], -LARGEST, LARGEST)
    return with_air(float(values.min()), float(values.max()), log=log)


def _signed_percent(found: list[LayerSlice]) -> tuple[float, float]:
    """The axis that holds all accuracies and 0, which differences are on either side of."""
    values = 100 * np.concatenate([x.slice.accuracy for x in found])
    values = values[np.isfinite(values)]
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def _rug(found: list[LayerSlice], across: Along) -> None:
    """Ticks along the lower edge where the cut crosses the grid: how fine the data are."""
    corner, size = implot.get_plot_pos(), implot.get_plot_size()
    bottom, draw = corner.y + size.y, implot.get_plot_draw_list()
    implot.push_plot_clip_rect()
    for one in found:
        places = across.of(one.slice.crossings)
        if len(places) > size.x / 4:
            continue  # as fine as the screen: nothing to tell
        for x in places:
            column = implot.plot_to_pixels(float(x), 1.0).x
            ends = ImVec2(column, bottom - em(0.4)), ImVec2(column, bottom)
            draw.add_line(*ends, u32(slice_color(one), 0.6))
    implot.pop_plot_clip_rect()


def _names(across: Along) -> None:
    """A and B at the ends, as in the viewport, and what runs along the axis."""
    corner, width = implot.get_plot_pos(), implot.get_plot_size().x
    draw = implot.get_plot_draw_list()
    room = imgui.calc_text_size(across.label)
    bottom = corner.y + implot.get_plot_size().y - room.y - em(0.45)
    at = ImVec2(corner.x + width - room.x - em(0.5), bottom)
    end = ImVec2(at.x + room.x, at.y + room.y)
    draw.add_rect_filled(at, end, u32(palette().panel, 0.8))  # a line may pass below it
    draw.add_text(at, u32(palette().muted), across.label)
    length = float(np.hypot(*across.cut.direction))
    for name, at in (("A", 0.0), ("B", length)):
        x = implot.plot_to_pixels(float(across.of(at)), 1.0).x
        if not corner.x - 1 <= x <= corner.x + width + 1:
            continue
        place = min(max(x - em(0.3), corner.x + em(0.3)), corner.x + width - em(0.9))
        draw.add_text(ImVec2(place, corner.y + em(0.15)), u32(palette().muted), name)
