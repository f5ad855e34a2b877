"""The slice panel: the loss of the shown surfaces along the cut, with its error and accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from imgui_bundle import ImVec2, imgui, implot
from imgui_bundle import icons_fontawesome_6 as fa
from numpy.typing import NDArray

from isoloss.app.pointing import Place
from isoloss.app.readouts import place_facts, value_facts
from isoloss.app.slicing import LayerSlice, Slicing
from isoloss.app.theme import Color, palette, u32, vec
from isoloss.app.widgets import (
    em,
    hint,
    icon_button,
    muted,
    primary_button,
    right_edge,
    shortened,
    stroke,
    wrapped,
)
from isoloss.app.workspace import Workspace
from isoloss.geometry.slices import along
from isoloss.scene.cut import Cut

Array = NDArray[np.float64]

_AXES = {True: implot.Scale_.log10, False: implot.Scale_.linear}
_NEAR = 0.04
"""Share of the box within which the cursor on a surface is shown in the plot."""
_WIDE = 42
"""Width in em from which on all controls are in one line."""


@dataclass(frozen=True)
class _Along:
    """The horizontal axis: α or β where the cut runs along it, else the distance from A."""

    cut: Cut

    @property
    def label(self) -> str:
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
        length = float(np.hypot(*self.cut.direction))
        lo, hi = sorted((float(self.of(0.0)), float(self.of(length))))
        return lo, hi


class SlicePanel:
    """Plots the slices, and lays the cut."""

    def __init__(self, workspace: Workspace, slicing: Slicing) -> None:
        self.workspace, self.slicing = workspace, slicing
        self.log: bool | None = None
        self.accuracy = True
        self.pointed: float | None = None
        self.path, self._asked = "", False
        self._fitted: object = None

    def draw(self) -> None:
        """Draw the panel's content."""
        cut = self.slicing.cut
        if cut is None:
            self._invitation()
            return
        found = [x for x in self.slicing.slices if x.slice.has_values]
        self._bar(cut, found)
        self.pointed = None
        if not found:
            muted("The cut meets no surface.")
            return
        self._plot(cut, found)

    def open_export(self) -> None:
        """Ask where the table is to go."""
        name = Path(self.slicing.slices[0].layer.name).name if self.slicing.slices else "surface"
        self.path, self._asked = f"{name}-slice.csv", True

    # -- above the plot ----------------------------------------------------------------------

    def _invitation(self) -> None:
        wrapped("A slice shows the loss along a line through the plane.", palette().muted)
        imgui.begin_disabled(not self.workspace.scene.shown)
        if imgui.button("Slice the surface###slice"):
            self.slicing.toggle()
        imgui.end_disabled()
        imgui.same_line()
        muted("X")

    def _bar(self, cut: Cut, found: list[LayerSlice]) -> None:
        side = imgui.get_frame_height()
        imgui.begin_disabled(not self.workspace.scene.shown)
        if imgui.button(f"{fa.ICON_FA_SCISSORS}  Lay###lay"):
            imgui.open_popup("presets")
        hint("Lay the cut along an axis, through the minimum or along the trajectory")
        imgui.end_disabled()
        wide = imgui.get_window_width() > em(_WIDE)
        self._presets(None if wide else cut)
        if wide:
            imgui.same_line()
            self._coordinates(cut)
        imgui.same_line(0, em(1.0))
        changed, log = imgui.checkbox("Log", self._is_log(found))
        if changed:
            self.log = log
        hint("Logarithmic loss axis")
        if any(x.slice.has_accuracy for x in found):
            imgui.same_line(0, em(1.0))
            self.accuracy = imgui.checkbox("Accuracy", self.accuracy)[1]
            if len(found) == 1:
                imgui.same_line(0, em(0.4))
                stroke(palette().series[1])
        self._legend(found, room=right_edge() - 2 * side - em(1.5))
        imgui.same_line(right_edge() - 2 * side)
        imgui.begin_disabled(not found)
        if icon_button(fa.ICON_FA_FILE_CSV, "export", "Export as CSV…", color=palette().muted):
            self.open_export()
        imgui.end_disabled()
        if self._asked:
            self._asked = False
            imgui.open_popup("export slice")
        self._export()
        imgui.same_line(0, 0)
        if icon_button(fa.ICON_FA_XMARK, "close", "No slice (X)", color=palette().muted):
            self.slicing.toggle()

    def _presets(self, cut: Cut | None) -> None:
        """Ways to lay the cut, and its ends as numbers where the line above the plot is short."""
        if not imgui.begin_popup("presets"):
            return
        slicing = self.slicing
        for label, lay, possible in (
            ("Along α", slicing.along_alpha, True),
            ("Along β", slicing.along_beta, True),
            ("Through the minimum", slicing.through_minimum, slicing.has_minimum),
            ("Along the trajectory", slicing.along_trajectory, slicing.has_trajectory),
        ):
            if imgui.menu_item(label, "", False, possible)[0]:
                lay()
        if cut is not None:
            imgui.separator()
            self._coordinates(cut)
        imgui.end_popup()

    def _coordinates(self, cut: Cut) -> None:
        """Both ends as numbers, to be typed or dragged."""
        frame = self.workspace.scene.frame()
        widest = max(frame.alpha[1] - frame.alpha[0], frame.beta[1] - frame.beta[0])
        ends = [list(cut.start), list(cut.end)]
        for k, name in enumerate("AB"):
            if k:
                imgui.same_line(0, em(0.6))
            imgui.align_text_to_frame_padding()
            muted(name)
            imgui.same_line(0, em(0.3))
            imgui.set_next_item_width(em(7.6))
            changed, value = imgui.drag_float2(f"##{name}", ends[k], widest / 400, 0, 0, "%.3g")
            hint(f"α and β of {name}; drag, or double-click to type")
            if changed and np.isfinite(value).all():
                ends[k] = [
                    min(max(float(v), lo), hi)
                    for v, (lo, hi) in zip(value, (frame.alpha, frame.beta), strict=True)
                ]
                if ends[0] != ends[1]:
                    start, end = ((e[0], e[1]) for e in ends)
                    self.workspace.document.cut = Cut(start, end)

    def _legend(self, found: list[LayerSlice], room: float) -> None:
        """What the colours mean, in the line above the plot, where it hides nothing."""
        several = len(found) > 1
        entries: list[tuple[str, Color]] = []
        for one in found:
            entries.append((one.layer.name if several else "loss", _color(one)))
        told = "The band is ± 1 standard error" if any(x.slice.has_band for x in found) else ""
        told += "\nThin lines are accuracies" if several and self.accuracy else ""
        for label, color in entries:
            imgui.same_line(0, em(1.2))
            left = room - imgui.get_cursor_pos_x() - em(1.5)
            if left < em(3):
                imgui.dummy(ImVec2(0, 0))
                return
            stroke(color)
            imgui.same_line(0, em(0.5))
            imgui.align_text_to_frame_padding()
            muted(shortened(label, left))
            hint(told.strip())

    def _export(self) -> None:
        imgui.set_next_window_size(ImVec2(em(30), 0))
        if not imgui.begin_popup("export slice"):
            return
        if imgui.is_window_appearing():
            imgui.set_keyboard_focus_here()
        imgui.set_next_item_width(-em(6))
        flags = imgui.InputTextFlags_.enter_returns_true
        entered, path = imgui.input_text("##path", self.path, flags)
        self.path = path
        imgui.same_line()
        imgui.begin_disabled(not path.strip())
        wanted = primary_button("Export", ImVec2(-1, 0)) or (entered and bool(path.strip()))
        imgui.end_disabled()
        if wanted and self.slicing.export(Path(path.strip()).expanduser()):
            imgui.close_current_popup()
        imgui.end_popup()

    # -- the plot ----------------------------------------------------------------------------

    def _is_log(self, found: list[LayerSlice]) -> bool:
        """Whether the loss axis is logarithmic: as the heights are, unless chosen otherwise."""
        lowest = min((float(np.nanmin(x.slice.loss)) for x in found), default=0.0)
        wanted = self.workspace.scene.frame().scale.kind == "log" if self.log is None else self.log
        return wanted and lowest > 0

    def _plot(self, cut: Cut, found: list[LayerSlice]) -> None:
        log, across = self._is_log(found), _Along(cut)
        flags = implot.Flags_.no_menus | implot.Flags_.no_box_select | implot.Flags_.no_mouse_text
        flags |= implot.Flags_.no_legend
        key = (cut, log, self.accuracy, tuple((x.layer, x.layer.version) for x in found))
        fit, self._fitted = key != self._fitted, key
        implot.push_style_var(implot.StyleVar_.plot_padding, ImVec2(em(0.4), em(0.3)))
        implot.push_style_var(implot.StyleVar_.plot_min_size, ImVec2(em(8), em(5)))
        if implot.begin_plot(f"##slice {log}", ImVec2(-1, -1), int(flags)):
            limits = _limits(found, log=log)
            self._set_up(across, limits, found, log=log, fit=fit)
            for one in found:
                self._values(one, across, floor=limits[0], log=log, several=len(found) > 1)
            _rug(found, across)
            _names(across)
            self._cursor(cut, found, across)
            implot.end_plot()
        implot.pop_style_var(2)

    def _set_up(
        self,
        across: _Along,
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
        implot.setup_axis_scale(implot.ImAxis_.y1, int(_AXES[log]))
        implot.setup_axis_limits(implot.ImAxis_.y1, *limits, cond)
        if self.accuracy and any(x.slice.has_accuracy for x in found):
            flags = implot.AxisFlags_.aux_default | implot.AxisFlags_.no_label
            implot.setup_axis(implot.ImAxis_.y2, "accuracy", int(flags))
            implot.setup_axis_format(implot.ImAxis_.y2, "%g %%")
            implot.setup_axis_limits(implot.ImAxis_.y2, -2.0, 102.0, cond)

    def _values(
        self, one: LayerSlice, across: _Along, floor: float, *, log: bool, several: bool
    ) -> None:
        cut, color = one.slice, _color(one)
        x = across.of(cut.at)
        if self.accuracy and cut.has_accuracy:
            implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y2)
            shade = (*color[:3], 0.55) if several else palette().series[1]
            _line(f"accuracy {one.index}", x, 100 * cut.accuracy, shade, 1.2 if several else 2.0)
            implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y1)
        if cut.has_band:
            spec = implot.Spec()
            spec.fill_color, spec.fill_alpha = vec(color), 0.3
            bottom = floor if log else -np.inf
            for run in _unbroken(cut.loss):
                low = np.maximum(cut.loss[run] - cut.stderr[run], bottom)
                high = np.maximum(cut.loss[run] + cut.stderr[run], bottom)
                implot.plot_shaded(f"error {one.index}", _packed(x[run]), low, high, spec=spec)
        _line(f"loss {one.index}", x, cut.loss, color, 2.0)
        if len(cut.samples):
            spec = implot.Spec()
            spec.marker, spec.marker_size = int(implot.Marker_.circle), 2.6
            spec.marker_fill_color, spec.marker_line_color = vec(palette().panel), vec(color)
            k = cut.samples
            implot.plot_scatter(f"grid {one.index}", _packed(x[k]), _packed(cut.loss[k]), spec=spec)

    def _cursor(self, cut: Cut, found: list[LayerSlice], across: _Along) -> None:
        """The values at the cursor, be it over the plot or over a surface."""
        at: float | None = None
        over_plot = implot.is_plot_hovered()
        if over_plot:
            at = across.back(float(implot.get_plot_mouse_pos().x))
        elif self.workspace.pointing.on_surface is not None:
            at = self._near(cut, self.workspace.pointing.on_surface)
        length = float(np.hypot(*cut.direction))
        if at is None or not 0 <= at <= length:
            return
        k = found[0].slice.nearest(at)
        self.pointed = float(found[0].slice.at[k])
        place = float(found[0].slice.alpha[k]), float(found[0].slice.beta[k])
        if over_plot:
            self.workspace.pointing.at_plot(place)
        self._cross_hair(float(across.of(self.pointed)), found)
        if over_plot:
            mouse, top = imgui.get_io().mouse_pos, implot.get_plot_pos().y
            # Above the plot, which is low, and not over what it tells of.
            above = ImVec2(mouse.x + em(0.8), top - em(0.3))
            imgui.set_next_window_pos(above, int(imgui.Cond_.always), ImVec2(0, 1))
            imgui.begin_tooltip()
            _told(found, place, self.pointed)
            imgui.end_tooltip()

    def _near(self, cut: Cut, place: Place) -> float | None:
        """How far along the cut a place is, if it is near enough to it."""
        at = along(*place, cut.start, cut.end)
        share = at / (float(np.hypot(*cut.direction)) or 1.0)
        frame = self.workspace.scene.frame()
        apart = 0.0
        for k, (lo, hi) in enumerate((frame.alpha, frame.beta)):
            on_it = cut.start[k] + share * cut.direction[k]
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
                draw.add_circle_filled(at, em(0.3), u32(_color(one)))
                draw.add_circle(at, em(0.3), u32(p.panel))
        implot.pop_plot_clip_rect()


def _told(found: list[LayerSlice], place: Place, at: float) -> None:
    """The tooltip: where, and each surface's values there."""
    for name, value in place_facts(*place):
        muted(name)
        imgui.same_line(em(5))
        imgui.text_unformatted(value)
    for one in found:
        cut = one.slice
        k = cut.nearest(at)
        if len(found) > 1:
            imgui.text_colored(vec(_color(one)), one.layer.name)
        if not np.isfinite(cut.loss[k]):
            muted("not computed")
            continue
        values = float(cut.loss[k]), float(cut.stderr[k]), float(cut.accuracy[k])
        for name, value in value_facts(*values):
            muted(name)
            imgui.same_line(em(5))
            imgui.text_unformatted(value)
        if k in cut.samples:
            muted("a point of the grid")


def _color(one: LayerSlice) -> Color:
    """The colour of a layer; with one open, that of losses everywhere."""
    series = palette().series
    # The second is that of accuracies where there is one surface only: it comes last.
    order = (series[0], *series[2:], series[1])
    return order[one.index % len(order)]


def _limits(found: list[LayerSlice], *, log: bool) -> tuple[float, float]:
    """The loss axis that holds all lines and bands with a little air."""
    values = np.concatenate(
        [np.concatenate([x.slice.loss, x.slice.loss + x.slice.stderr]) for x in found]
        + [x.slice.loss - x.slice.stderr for x in found if not log]
    )
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    if log:
        air = max(high / low, 1.1) ** 0.06
        return low / air, high * air
    air = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    return low - air, high + air


def _rug(found: list[LayerSlice], across: _Along) -> None:
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
            draw.add_line(*ends, u32(_color(one), 0.6))
    implot.pop_plot_clip_rect()


def _names(across: _Along) -> None:
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


def _line(label: str, xs: Array, ys: Array, color: Color, weight: float) -> None:
    """A line that breaks where a value is missing."""
    spec = implot.Spec()
    spec.line_color, spec.line_weight = vec(color), weight
    for run in _unbroken(ys):
        implot.plot_line(label, _packed(xs[run]), _packed(ys[run]), spec=spec)


def _unbroken(values: Array) -> list[slice]:
    """The stretches without a missing value."""
    edges = np.flatnonzero(np.diff(np.isfinite(values).astype(np.int8), prepend=0, append=0))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _packed(values: Array) -> Array:
    return np.ascontiguousarray(values, np.float64)
