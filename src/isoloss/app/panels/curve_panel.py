"""The curve panel: the loss along one direction with its error, and the accuracy."""

from __future__ import annotations

from functools import partial

import numpy as np
from imgui_bundle import ImVec2, imgui, implot
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.menus.probe_again import ProbeAgain
from isoloss.app.panels.plots.plot_axes import PlotAxes
from isoloss.app.panels.plots.plotting import (
    band,
    finish_set_up,
    line,
    plot,
    set_up_accuracy,
    set_up_loss,
)
from isoloss.app.state.readouts import plain
from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.app.ui.findings_badge import findings_badge
from isoloss.app.ui.panel import Surroundings
from isoloss.app.ui.style import Color, palette, u32, vec
from isoloss.app.ui.widgets import em, hint, icon_button, muted, right_edge, shortened, stroke
from isoloss.geometry.analysis.curve import CONFIDENCE, Curve
from isoloss.geometry.findings import findings_of

_LOG = "Log scale"
MOST_BESIDE = 2
"""Quantities that have colours of their own."""


class CurvePanel:
    """Draws the curve that is shown, and chooses among those that are open."""

    def __init__(self, parts: Surroundings) -> None:
        self.workspace, self._again = parts.workspace, ProbeAgain(parts)
        self.pointed: int | None = None
        self._fitted: object = None
        self._axes = PlotAxes()

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
            findings_badge(findings, shown.name, partial(self._again.offer, shown.source))
        gap, end = em(1.5), right_edge() - side
        entries, has_choice = _entries(shown.curve), shown.curve.scale.kind == "log"
        needed = gap + sum(em(2.7) + imgui.calc_text_size(label).x for label, _ in entries)
        if has_choice:
            needed += gap + em(3) + imgui.calc_text_size(_LOG).x
        imgui.same_line(0, gap)
        if imgui.get_cursor_pos_x() + needed < end:
            _legend(entries)
            imgui.same_line(0, gap)
        if has_choice:
            changed, log = imgui.checkbox(_LOG, shown.is_log)
            if changed:
                shown.log = log
            imgui.same_line()
        imgui.set_cursor_pos_x(end)
        if icon_button(fa.ICON_FA_XMARK, "close", "Close this curve", color=palette().muted):
            self.workspace.close_curve(shown)

    def _plot(self, shown: OpenCurve) -> None:
        curve, log = shown.curve, shown.is_log
        key = (shown, shown.version, log)
        fit, self._fitted = key != self._fitted, key
        # A name of its own for each curve and scale: ImPlot keeps their limits apart.
        with plot(f"{id(shown)} {log}") as visible:
            if visible:
                self._set_up(curve, log=log, fit=fit)
                _draw_values(curve, log=log)
                _draw_landmarks(curve)
                self.pointed = _draw_pointed(curve) if implot.is_plot_hovered() else None

    def _set_up(self, curve: Curve, *, log: bool, fit: bool) -> None:
        cond = int(implot.Cond_.always if fit else implot.Cond_.once)
        limits = curve.limits(log=log)
        implot.setup_axes("α", "loss", int(implot.AxisFlags_.no_label))
        implot.setup_axis_limits(implot.ImAxis_.x1, *curve.span, cond)
        set_up_loss(limits, cond, log=log)
        if curve.has_accuracy:
            set_up_accuracy(cond)
        self._axes.set_up(curve.span, limits, log=log, fit=fit)
        finish_set_up()
        self._axes.look()


def _entries(curve: Curve) -> list[tuple[str, Color]]:
    """What the colours mean."""
    loss_color, accuracy_color = palette().series[:2]
    band = curve.called + (f" ± {CONFIDENCE:g} standard errors" if curve.has_band else "")
    found = [(band, loss_color), *([("accuracy", accuracy_color)] if curve.has_accuracy else [])]
    found += [(b.title, palette().series[2 + k]) for k, b in enumerate(curve.beside[:MOST_BESIDE])]
    if len(curve.barriers) == 1:
        found.append((f"barrier {curve.barrier}", palette().muted))
    elif curve.barriers:
        said = (f"{name} {value.partition(' at ')[0]}" for name, value in curve.barriers.items())
        found.append((f"barrier: {', '.join(said)}", palette().muted))
    return found


def _legend(entries: list[tuple[str, Color]]) -> None:
    """In the line above the plot, where it hides nothing."""
    for k, (label, color) in enumerate(entries):
        if k:
            imgui.same_line(0, em(1.2))
        stroke(color)
        imgui.same_line(0, em(0.5))
        imgui.align_text_to_frame_padding()
        muted(label)


def _draw_values(curve: Curve, *, log: bool) -> None:
    loss_color, accuracy_color = palette().series[:2]
    if curve.has_accuracy:
        implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y2)
        line("accuracy", curve.alpha, curve.accuracy, accuracy_color)
        implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y1)
    if curve.has_band:
        # What lies below a logarithmic axis ends at its lower edge.
        floor = curve.limits(log=True)[0] if log else -np.inf
        low, high = np.maximum(curve.low, floor), np.maximum(curve.high, floor)
        band("error", curve.alpha, low, high, loss_color, 0.35)
    line("loss", curve.alpha, curve.loss, loss_color)
    for k, other in enumerate(curve.beside[:MOST_BESIDE]):
        line(other.title, curve.alpha, other.loss, palette().series[2 + k])
    if curve.barrier is not None:
        along = np.linspace(0.0, 1.0, 101)
        first, last = curve.barrier.ends
        line("straight line", along, (1 - along) * first + along * last, palette().muted)


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
