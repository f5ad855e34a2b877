"""Accuracy against ε, or certified accuracy against the radius, with exact intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui, implot
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.plots.accuracy_axes import (
    Places,
    asked_axis,
    dodge,
    draw_break,
    draw_chance,
    last_place,
    pixel,
    places_of,
    set_up,
)
from isoloss.app.panels.plots.curve_strokes import (
    Stroke,
    draw_line,
    draw_mark,
    draw_whisker,
    strokes_of,
)
from isoloss.app.panels.plots.plotting import band, plot, stairs
from isoloss.app.panels.plots.reference_lines import draw_references
from isoloss.app.state.readouts import plain
from isoloss.app.state.runs.accuracy_curves import AccuracyCurve, Axis, place_among
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.ui.spots import mark
from isoloss.app.ui.style import palette, u32
from isoloss.app.ui.widgets import em, muted, wrapped
from isoloss.naming import percent, sentence
from isoloss.results.readout import readout
from isoloss.results.tables import Curve, Row

LIT, UNLIT = 0.26, 0.15
"""How opaque the intervals between points are, of the curve pointed at and of the others."""
NEAR = 1.1
"""In em: the cursor points at what is as near as that."""
DRAG = 4.0
"""In pixels: a press that moves farther moves the plot."""


@dataclass(frozen=True)
class Pointed:
    """A point of a curve."""

    curve: AccuracyCurve
    row: Row


class AccuracyPlot:
    """One plot for each kind of axis.

    Attributes:
        pointed: what the cursor points at.
        clicked: that, in the frame in which it has been clicked.
        highlighted: the curve that the cursor points at elsewhere.
        points: where the points of all curves are on the screen.
    """

    def __init__(self) -> None:
        self.pointed: Pointed | None = None
        self.clicked: Pointed | None = None
        self.highlighted: Curve | None = None
        self.points: list[tuple[float, float, Pointed]] = []
        self._fitted: dict[Axis, object] = {}
        self._pressed: ImVec2 | None = None

    def draw(self, evaluation: OpenEvaluation, size: ImVec2) -> None:
        """Draw the plots of a run beside each other."""
        curves = evaluation.curves
        axes: list[Axis] = sorted({c.axis for c in curves}) or [asked_axis(evaluation)]
        gap = imgui.get_style().item_spacing.x
        width = (size.x - gap * (len(axes) - 1)) / len(axes)
        was, self.pointed, self.clicked, self.points = self.pointed, None, None, []
        for k, axis in enumerate(axes):
            if k:
                imgui.same_line()
            own = [c for c in curves if c.axis == axis]
            self._plot(evaluation, axis, own, ImVec2(width, size.y), was)
            mark("radius" if axis == "radius" else "accuracies")

    def _plot(
        self,
        evaluation: OpenEvaluation,
        axis: Axis,
        curves: list[AccuracyCurve],
        size: ImVec2,
        was: Pointed | None,
    ) -> None:
        places = places_of(evaluation, axis, curves)
        key = (evaluation, tuple(places))
        fit, self._fitted[axis] = key != self._fitted.get(axis), key
        with plot(f"{id(evaluation)} {axis}", size) as visible:
            if not visible:
                return
            cond = int(implot.Cond_.always if fit else implot.Cond_.once)
            last = last_place(evaluation, axis, places)
            set_up(axis, places, last, size, cond)
            if evaluation.chance is not None and axis != "radius":
                draw_chance(evaluation.chance)
            if evaluation.has_references and axis == asked_axis(evaluation):
                to_scale = axis == "radius"
                draw_references(
                    evaluation.references,
                    lambda eps: (
                        (eps if eps <= last else None) if to_scale else place_among(eps, places)
                    ),
                )
            self._draw_curves(evaluation, curves, places, last, was)
            if axis != "radius":
                draw_break(places)
            if implot.is_plot_hovered():
                self._point(evaluation)
                if axis == "radius" and self.pointed is None:
                    _read_across([c for c in curves if c.key not in evaluation.hidden])
                if imgui.is_mouse_double_clicked(0):
                    self._fitted.pop(axis)

    def _draw_curves(
        self,
        evaluation: OpenEvaluation,
        curves: list[AccuracyCurve],
        places: Places,
        last: float,
        was: Pointed | None,
    ) -> None:
        strokes = dict(zip([c.key for c in curves], strokes_of(curves), strict=True))
        shown = [c for c in curves if c.key not in evaluation.hidden]
        lit = self.highlighted or (was.curve.key if was is not None else None)
        lit = lit if any(c.key == lit for c in shown) else None
        # What is pointed at lies over the others, and the worst case behind them.
        ordered = sorted(shown, key=lambda c: (c.key == lit, not c.is_worst_case))
        beside = [c for c in shown if not c.is_worst_case]
        step = dodge(places, len(beside))
        signs: list[tuple[float, float]] = []
        for curve in ordered:
            strength = 1.0 if lit in (None, curve.key) else 0.22
            shift = 0.0
            if not curve.is_worst_case:
                shift = step * (beside.index(curve) - (len(beside) - 1) / 2)
            xs = np.array([places[row.eps] for row in curve.rows]) + shift
            accuracy, low, high = curve.values(evaluation.criterion)
            stroke = strokes[curve.key]
            if curve.axis == "radius":
                _draw_steps(curve, max(places), stroke, 0.95 * strength)
            else:
                fill = (LIT if curve.key == lit else UNLIT) * strength
                band(f"{curve.key}", xs, low, high, stroke.color, fill)
            points = [pixel(x, y) for x, y in zip(xs, accuracy, strict=True)]
            ends = [(pixel(0, a)[1], pixel(0, b)[1]) for a, b in zip(low, high, strict=True)]
            implot.push_plot_clip_rect(em(0.3))
            if curve.axis != "radius":
                draw_line(points, stroke, em(0.12), 0.95 * strength)
            _draw_points(points, ends, stroke, strength)
            implot.pop_plot_clip_rect()
            self.points += [
                (x, y, Pointed(curve, row)) for (x, y), row in zip(points, curve.rows, strict=True)
            ]
            if curve.warnings:
                seen = [p for p, x in zip(points, xs, strict=True) if x <= last + step]
                signs.append((seen or points)[-1])
        _draw_signs(signs)

    def _point(self, evaluation: OpenEvaluation) -> None:
        """Find what the cursor points at, show its values, and notice whether it is clicked."""
        mouse = imgui.get_mouse_pos()
        near = min(
            self.points, key=lambda p: (p[0] - mouse.x) ** 2 + (p[1] - mouse.y) ** 2, default=None
        )
        if imgui.is_mouse_clicked(0):
            self._pressed = ImVec2(mouse.x, mouse.y)
        released = imgui.is_mouse_released(0)
        pressed, self._pressed = self._pressed, None if released else self._pressed
        if near is None or max(abs(near[0] - mouse.x), abs(near[1] - mouse.y)) > em(NEAR):
            return
        self.pointed = near[2]
        imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
        if released and pressed is not None:
            moved = abs(mouse.x - pressed.x) + abs(mouse.y - pressed.y)
            self.clicked = near[2] if moved < DRAG else None
        implot.push_plot_clip_rect(em(0.3))
        color = u32(palette().text)
        imgui.get_window_draw_list().add_circle(
            ImVec2(near[0], near[1]), em(0.45), color, 0, em(0.1)
        )
        implot.pop_plot_clip_rect()
        _draw_readout(near[2].curve, near[2].row, has_images=evaluation.index is not None)


def _draw_steps(curve: AccuracyCurve, farthest: float, stroke: Stroke, alpha: float) -> None:
    """The fraction at every radius; without all certificates only that at the points is known."""
    if curve.steps is None:
        return
    radii, fractions = curve.steps
    radii = np.append(radii, max(farthest, radii[-1]))
    percents = 100 * np.append(fractions, fractions[-1])
    stairs(f"{curve.key}", radii, percents, stroke.color, em(0.12), alpha)


def _read_across(curves: Sequence[AccuracyCurve]) -> None:
    """A line at the cursor, and how many images of each curve are certified as far out."""
    radius = implot.get_plot_mouse_pos().x
    found = [(c.name, c.certified_within(radius)) for c in curves]
    known = [(name, percent(share)) for name, share in found if share is not None]
    if radius < 0 or not known:
        return
    corner, size = implot.get_plot_pos(), implot.get_plot_size()
    x = imgui.get_mouse_pos().x
    imgui.get_window_draw_list().add_line(
        ImVec2(x, corner.y), ImVec2(x, corner.y + size.y), u32(palette().accent), em(0.1)
    )
    imgui.begin_tooltip()
    imgui.text_unformatted(f"Certified within {radius:.2f}")
    room = max(imgui.calc_text_size(name).x for name, _ in known) + em(1)
    for name, share in known:
        muted(name)
        imgui.same_line(room)
        imgui.text_unformatted(share)
    imgui.end_tooltip()


def _draw_points(
    points: list[tuple[float, float]],
    ends: list[tuple[float, float]],
    stroke: Stroke,
    strength: float,
) -> None:
    for (x, y), (low, high) in zip(points, ends, strict=True):
        draw_whisker(x, low, high, stroke.color, 0.8 * strength)
        draw_mark(x, y, stroke, em(0.25), strength)


def _draw_signs(places: list[tuple[float, float]]) -> None:
    """A warning sign over the last point of each curve that an evaluation warning is about."""
    sign, height = fa.ICON_FA_TRIANGLE_EXCLAMATION, em(0.95)
    draw, color = imgui.get_window_draw_list(), u32(palette().caution)
    taken: list[tuple[float, float]] = []
    for x, y in sorted(places):
        y -= em(1.15)
        while any(abs(x - tx) < em(0.8) and abs(y - ty) < height for tx, ty in taken):
            y -= height
        taken.append((x, y))
        width = imgui.calc_text_size(sign).x
        draw.add_text(ImVec2(x - width / 2, y - em(0.5)), color, sign)


def _draw_readout(curve: AccuracyCurve, row: Row, *, has_images: bool) -> None:
    """A tooltip with all that is known of a point, and what speaks against its curve."""
    imgui.begin_tooltip()
    imgui.push_text_wrap_pos(em(22))
    imgui.text_unformatted(curve.name)
    for name, value in readout(row):
        muted(name)
        imgui.same_line(em(7))
        imgui.text_unformatted(plain(value))
    for warning in curve.warnings:
        imgui.separator()
        text = f"{fa.ICON_FA_TRIANGLE_EXCLAMATION}  {sentence(warning.message)}"
        wrapped(text, palette().caution)
    if has_images and not (row.is_certificate or row.is_worst_case):
        muted("Click to see images at this point")
    imgui.pop_text_wrap_pos()
    imgui.end_tooltip()
