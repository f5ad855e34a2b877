"""The curve panel: the loss along one direction with its error, and the accuracy."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui, implot
from imgui_bundle import icons_fontawesome_6 as fa
from numpy.typing import NDArray

from isoloss.app.curves import OpenCurve
from isoloss.app.findings import findings_badge
from isoloss.app.readouts import plain
from isoloss.app.theme import Color, palette, u32, vec
from isoloss.app.widgets import em, hint, icon_button, muted, right_edge, shortened, stroke
from isoloss.app.workspace import Workspace
from isoloss.geometry.curve import Curve
from isoloss.geometry.findings import findings_of

Array = NDArray[np.float64]

_AXES = {True: implot.Scale_.log10, False: implot.Scale_.linear}


class CurvePanel:
    """Draws the curve that is shown, and chooses among those that are open."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.pointed: int | None = None
        self._fitted: object = None

    def draw(self) -> None:
        """Draw the panel's content."""
        shown = self.workspace.curves.shown
        if shown is None:
            muted("A probe of a line or an interpolation appears here.")
            return
        self._bar(shown)
        curve = self.workspace.curves.shown
        if curve is not None:
            self._plot(curve)

    def _bar(self, shown: OpenCurve) -> None:
        """Which curve it is, and how its loss is scaled."""
        curves, side = self.workspace.curves, imgui.get_frame_height()
        room = imgui.get_content_region_avail().x
        if len(curves.open) > 1:
            names = [c.name for c in curves.open]
            imgui.set_next_item_width(min(em(18), room / 2))
            changed, k = imgui.combo("##curve", curves.open.index(shown), names)
            if changed:
                curves.show(curves.open[k])
        else:
            imgui.align_text_to_frame_padding()
            imgui.text_unformatted(shortened(shown.surface.title or shown.name, room / 2))
            hint(str(shown.source) if shown.source else shown.name)
        findings = findings_of(shown.surface.meta)
        if findings:
            imgui.same_line(0, em(0.6))
            findings_badge(findings)
        imgui.same_line(0, em(1.5))
        _legend(shown.curve)
        if shown.curve.scale.kind == "log":
            imgui.same_line(0, em(1.5))
            changed, log = imgui.checkbox("Log scale", shown.is_log)
            if changed:
                shown.log = log
        imgui.same_line(right_edge() - side)
        if icon_button(fa.ICON_FA_XMARK, "close", "Close this curve", color=palette().muted):
            self.workspace.close_curve(shown)

    def _plot(self, shown: OpenCurve) -> None:
        curve, log = shown.curve, shown.is_log
        key = (shown, shown.version, log)
        fit, self._fitted = key != self._fitted, key
        flags = implot.Flags_.no_menus | implot.Flags_.no_box_select | implot.Flags_.no_mouse_text
        flags |= implot.Flags_.no_legend
        implot.push_style_var(implot.StyleVar_.plot_padding, ImVec2(em(0.4), em(0.3)))
        implot.push_style_var(implot.StyleVar_.plot_min_size, ImVec2(em(8), em(5)))
        # A name of its own for each curve and scale: ImPlot keeps their limits apart.
        if implot.begin_plot(f"##{id(shown)} {log}", ImVec2(-1, -1), int(flags)):
            _set_up(curve, log=log, fit=fit)
            _draw_values(curve, log=log)
            _draw_landmarks(curve)
            self.pointed = _draw_pointed(curve) if implot.is_plot_hovered() else None
            implot.end_plot()
        implot.pop_style_var(2)


def _legend(curve: Curve) -> None:
    """What the colours mean, in the line above the plot, where it hides nothing."""
    loss_color, accuracy_color = palette().series[:2]
    entries = [("loss ± 1.96 standard errors" if curve.has_band else "loss", loss_color)]
    if curve.has_accuracy:
        entries.append(("accuracy", accuracy_color))
    for k, (label, color) in enumerate(entries):
        if k:
            imgui.same_line(0, em(1.2))
        stroke(color)
        imgui.same_line(0, em(0.5))
        imgui.align_text_to_frame_padding()
        muted(label)


def _set_up(curve: Curve, *, log: bool, fit: bool) -> None:
    cond = int(implot.Cond_.always if fit else implot.Cond_.once)
    implot.setup_axes("α", "loss", int(implot.AxisFlags_.no_label))
    implot.setup_axis_limits(implot.ImAxis_.x1, *curve.span, cond)
    implot.setup_axis_scale(implot.ImAxis_.y1, int(_AXES[log]))
    implot.setup_axis_limits(implot.ImAxis_.y1, *curve.limits(log=log), cond)
    if curve.has_accuracy:
        implot.setup_axis(
            implot.ImAxis_.y2, "accuracy", implot.AxisFlags_.aux_default | implot.AxisFlags_.none
        )
        implot.setup_axis_format(implot.ImAxis_.y2, "%g %%")
        implot.setup_axis_limits(implot.ImAxis_.y2, -2.0, 102.0, cond)


def _draw_values(curve: Curve, *, log: bool) -> None:
    loss_color, accuracy_color = palette().series[:2]
    if curve.has_accuracy:
        implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y2)
        _line("accuracy", curve.alpha, curve.accuracy, accuracy_color)
        implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y1)
    if curve.has_band:
        # What lies below a logarithmic axis ends at its lower edge.
        floor = curve.limits(log=True)[0] if log else -np.inf
        spec = implot.Spec()
        spec.fill_color, spec.fill_alpha = vec(loss_color), 0.35
        for run in _unbroken(curve.loss):
            low, high = np.maximum(curve.low[run], floor), np.maximum(curve.high[run], floor)
            implot.plot_shaded("error", _packed(curve.alpha[run]), low, high, spec=spec)
    _line("loss", curve.alpha, curve.loss, loss_color)


def _line(label: str, xs: Array, ys: Array, color: Color) -> None:
    """A line that breaks where a value is missing; a single value is a dot."""
    spec = implot.Spec()
    spec.line_color, spec.line_weight = vec(color), 2.0
    for run in _unbroken(ys):
        if run.stop - run.start == 1:
            dot = implot.Spec()
            dot.marker, dot.marker_size = int(implot.Marker_.circle), 2.5
            dot.marker_fill_color = dot.marker_line_color = vec(color)
            implot.plot_scatter(label, _packed(xs[run]), _packed(ys[run]), spec=dot)
        else:
            implot.plot_line(label, _packed(xs[run]), _packed(ys[run]), spec=spec)


def _draw_landmarks(curve: Curve) -> None:
    p, draw = palette(), implot.get_plot_draw_list()
    corner = implot.get_plot_pos()
    left, right = corner.x, corner.x + implot.get_plot_size().x
    for mark in curve.landmarks:
        spec = implot.Spec()
        spec.line_color, spec.line_weight = vec(p.muted, 0.7), 1.0
        implot.plot_inf_lines(f"##{mark.alpha}", np.array([mark.alpha]), spec=spec)
        x = implot.plot_to_pixels(mark.alpha, 1.0).x
        width = imgui.calc_text_size(mark.label).x
        # On the side of the line where there is room.
        place = x + em(0.4) if x + width + em(0.8) < right else x - em(0.4) - width
        if left <= x <= right:
            lo = ImVec2(place, corner.y + em(0.2))
            hi = ImVec2(place + width, lo.y + imgui.get_font_size())
            draw.add_rect_filled(lo, hi, u32(p.panel, 0.85))  # a line may pass below it
            draw.add_text(lo, u32(p.text), mark.label)


def _draw_pointed(curve: Curve) -> int | None:
    """Mark the point nearest to the cursor and tell its values; returns its index."""
    mouse = implot.get_plot_mouse_pos()
    index = curve.nearest(mouse.x)
    if index is None:
        return None
    p, draw = palette(), implot.get_plot_draw_list()
    implot.push_plot_clip_rect()
    for value, axis, color in (
        (curve.loss[index], implot.ImAxis_.y1, p.series[0]),
        (curve.accuracy[index], implot.ImAxis_.y2, p.series[1]),
    ):
        if np.isfinite(value) and (axis == implot.ImAxis_.y1 or curve.has_accuracy):
            at = implot.plot_to_pixels(
                float(curve.alpha[index]), float(value), implot.ImAxis_.x1, axis
            )
            draw.add_circle_filled(at, em(0.3), u32(color))
            draw.add_circle(at, em(0.3), u32(p.panel))
    implot.pop_plot_clip_rect()
    imgui.begin_tooltip()
    for name, value in curve.readout(index):
        muted(name)
        imgui.same_line(em(5))
        imgui.text_unformatted(plain(value))
    imgui.end_tooltip()
    return index


def _unbroken(values: Array) -> list[slice]:
    """The stretches without a missing value."""
    edges = np.flatnonzero(np.diff(np.isfinite(values).astype(np.int8), prepend=0, append=0))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _packed(values: Array) -> Array:
    return np.ascontiguousarray(values, np.float64)
