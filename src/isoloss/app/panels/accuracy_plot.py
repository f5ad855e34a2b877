"""Accuracy against ε, or certified accuracy against the radius, with exact intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from imgui_bundle import ImVec2, imgui, implot
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.accuracy_curves import (
    AXES,
    AccuracyCurve,
    Axis,
    judged,
    percent,
    radius_text,
    stretched,
)
from isoloss.app.evaluations import OpenEvaluation
from isoloss.app.panels.plotting import band, plot
from isoloss.app.panels.strokes import Stroke, draw_line, draw_mark, draw_whisker, strokes_of
from isoloss.app.theme import palette, u32
from isoloss.app.widgets import em, muted, wrapped
from isoloss.tables import Curve, Row

DODGE, CROWDED = 0.3, 0.3
"""By so many em curves stand beside each other where their values are the same; all of them
together by this share of the way to the next radius at most."""
LIT, UNLIT = 0.26, 0.15
"""How opaque the intervals between points are, of the curve pointed at and of the others."""
LOW = 12.0
"""Below this height, in em, the axis has no line of its own for what it means."""
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
        axes: list[Axis] = sorted({c.axis for c in curves}) or [_asked_axis(evaluation)]
        gap = imgui.get_style().item_spacing.x
        width = (size.x - gap * (len(axes) - 1)) / len(axes)
        was, self.pointed, self.clicked, self.points = self.pointed, None, None, []
        for k, axis in enumerate(axes):
            if k:
                imgui.same_line()
            own = [c for c in curves if c.axis == axis]
            self._plot(evaluation, axis, own, ImVec2(width, size.y), was)

    def _plot(
        self,
        evaluation: OpenEvaluation,
        axis: Axis,
        curves: list[AccuracyCurve],
        size: ImVec2,
        was: Pointed | None,
    ) -> None:
        places = _places(evaluation, axis, curves)
        key = (evaluation, tuple(places))
        fit, self._fitted[axis] = key != self._fitted.get(axis), key
        with plot(f"{id(evaluation)} {axis}", size) as visible:
            if not visible:
                return
            cond = int(implot.Cond_.always if fit else implot.Cond_.once)
            _set_up(axis, places, size, cond)
            if evaluation.chance is not None and axis != "radius":
                _draw_chance(evaluation.chance)
            self._draw_curves(evaluation, curves, places, was)
            if axis != "radius":
                _draw_break(places)
            if implot.is_plot_hovered():
                self._point(evaluation)
                if imgui.is_mouse_double_clicked(0):
                    self._fitted.pop(axis)

    def _draw_curves(
        self,
        evaluation: OpenEvaluation,
        curves: list[AccuracyCurve],
        places: dict[float, float],
        was: Pointed | None,
    ) -> None:
        strokes = dict(zip([c.key for c in curves], strokes_of(curves), strict=True))
        shown = [c for c in curves if c.key not in evaluation.hidden]
        lit = self.highlighted or (was.curve.key if was is not None else None)
        lit = lit if any(c.key == lit for c in shown) else None
        # What is pointed at lies over the others.
        ordered = sorted(enumerate(shown), key=lambda pair: pair[1].key == lit)
        step = _dodge(places, len(shown))
        signs: list[tuple[float, float]] = []
        for k, curve in ordered:
            strength = 1.0 if lit in (None, curve.key) else 0.22
            shift = step * (k - (len(shown) - 1) / 2)
            xs = np.array([places[row.eps] for row in curve.rows]) + shift
            accuracy, low, high = curve.values(evaluation.judged)
            stroke = strokes[curve.key]
            emphasis = LIT if curve.key == lit else UNLIT
            band(f"{curve.key}", xs, low, high, stroke.color, emphasis * strength)
            points = [_pixel(x, y) for x, y in zip(xs, accuracy, strict=True)]
            ends = [(_pixel(0, a)[1], _pixel(0, b)[1]) for a, b in zip(low, high, strict=True)]
            implot.push_plot_clip_rect(em(0.3))
            self._draw_curve(points, ends, stroke, strength)
            implot.pop_plot_clip_rect()
            self.points += [
                (x, y, Pointed(curve, row)) for (x, y), row in zip(points, curve.rows, strict=True)
            ]
            if curve.doubts:
                signs.append(points[-1])
        _draw_signs(signs)

    def _draw_curve(
        self,
        points: list[tuple[float, float]],
        ends: list[tuple[float, float]],
        stroke: Stroke,
        strength: float,
    ) -> None:
        if len(points) > 1:
            draw_line(points, stroke, em(0.12), 0.95 * strength)
        for (x, y), (low, high) in zip(points, ends, strict=True):
            draw_whisker(x, low, high, stroke.color, 0.8 * strength)
            draw_mark(x, y, stroke, em(0.25), strength)

    def _point(self, evaluation: OpenEvaluation) -> None:
        """Find what the cursor points at, tell it, and notice whether it is clicked."""
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
        _tell(evaluation, near[2])


def _asked_axis(evaluation: OpenEvaluation) -> Axis:
    settings = evaluation.followed.run.settings
    if settings.kind == "certify":
        return "radius"
    return "l2" if getattr(settings, "norm", "") == "l2" else "linf"


def _places(
    evaluation: OpenEvaluation, axis: Axis, curves: Sequence[AccuracyCurve]
) -> dict[float, float]:
    """Where the radii stand: those asked for from the start, so that the axis does not move."""
    radii = {row.eps for c in curves for row in c.rows}
    if axis == _asked_axis(evaluation):
        radii |= set(evaluation.radii)
    if axis == "radius":  # lengths in the space of images: to scale
        return {radius: radius for radius in sorted(radii)}
    return stretched(sorted(radii))


def _set_up(axis: Axis, places: dict[float, float], size: ImVec2, cond: int) -> None:
    ends = list(places.values())
    span = (ends[-1] - ends[0]) or 1.0
    flags = implot.AxisFlags_.no_label if size.y < em(LOW) else implot.AxisFlags_.none
    implot.setup_axes(AXES[axis], "", int(flags), int(implot.AxisFlags_.none))
    implot.setup_axis_format(implot.ImAxis_.y1, "%g %%")
    implot.setup_axis_limits(implot.ImAxis_.x1, -0.05 * span, ends[-1] + 0.05 * span, cond)
    implot.setup_axis_limits(implot.ImAxis_.y1, -4, 104, cond)
    labels = _labels(places, size.x / (1.1 * span))
    implot.setup_axis_ticks(implot.ImAxis_.x1, ends, labels)
    implot.setup_finish()
    if size.y < em(LOW):
        _write_inside(AXES[axis])


def _write_inside(text: str) -> None:
    """What the axis means, where there is no line for it below: at the left, below the curves."""
    corner, extent = implot.get_plot_pos(), implot.get_plot_size()
    at = ImVec2(corner.x + em(0.3), corner.y + extent.y / 2 - em(0.5))
    imgui.get_window_draw_list().add_text(at, u32(palette().muted, 0.85), text)


def _labels(places: dict[float, float], scale: float) -> list[str]:
    """What stands at the ticks: as many as have room beside each other, both ends first."""
    texts = {place: radius_text(radius) for radius, place in places.items()}
    order = [*places.values()]
    order = [order[0], order[-1], *order[1:-1]] if len(order) > 1 else order
    kept: dict[float, float] = {}
    for place in order:
        half = imgui.calc_text_size(texts[place]).x / 2 + em(0.2)
        if all(abs(place - other) * scale > half + room for other, room in kept.items()):
            kept[place] = half
    return [texts[place] if place in kept else "" for place in places.values()]


def _draw_chance(chance: float) -> None:
    y = 100 * chance
    corner, extent = implot.get_plot_pos(), implot.get_plot_size()
    at = _pixel(0, y)[1]
    implot.push_plot_clip_rect()
    draw, color = imgui.get_window_draw_list(), u32(palette().muted, 0.8)
    x, step = corner.x, em(0.35)
    while x < corner.x + extent.x:
        draw.add_line(ImVec2(x, at), ImVec2(x + step / 2, at), color, 1.0)
        x += step
    text = "chance"
    size = imgui.calc_text_size(text)
    lo = ImVec2(corner.x + em(0.3), at - size.y - em(0.05))
    draw.add_rect_filled(lo, ImVec2(lo.x + size.x, lo.y + size.y), u32(palette().panel, 0.8))
    draw.add_text(lo, color, text)
    implot.pop_plot_clip_rect()


def _draw_break(places: dict[float, float]) -> None:
    """Two strokes across the axis between 0 and the smallest radius, which no scale connects."""
    if len(places) < 2 or 0.0 not in places:
        return
    first, second = list(places.values())[:2]
    x = _pixel((first + second) / 2, 0)[0]
    corner, extent = implot.get_plot_pos(), implot.get_plot_size()
    y = corner.y + extent.y
    if not corner.x < x < corner.x + extent.x:
        return
    draw, p, h = imgui.get_window_draw_list(), palette(), em(0.28)
    draw.add_line(ImVec2(x - h, y), ImVec2(x + h, y), u32(p.panel), 3.0)
    for dx in (-h, h):
        a, b = ImVec2(x + dx - h / 2, y + h), ImVec2(x + dx + h / 2, y - h)
        draw.add_line(a, b, u32(p.muted), 1.2)


def _draw_signs(places: list[tuple[float, float]]) -> None:
    """A warning sign over the last point of each curve that a doubt is about."""
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


def _tell(evaluation: OpenEvaluation, pointed: Pointed) -> None:
    curve, row = pointed.curve, pointed.row
    p = palette()
    imgui.begin_tooltip()
    imgui.push_text_wrap_pos(em(22))
    imgui.text_unformatted(curve.name)
    for name, value in readout(row):
        muted(name)
        imgui.same_line(em(7))
        imgui.text_unformatted(value)
    for doubt in curve.doubts:
        imgui.separator()
        wrapped(f"{fa.ICON_FA_TRIANGLE_EXCLAMATION}  {sentence(doubt.message)}", p.caution)
    if evaluation.index is not None and row.attack != "certificate":
        muted("Click to see images at this point")
    imgui.pop_text_wrap_pos()
    imgui.end_tooltip()


def readout(row: Row) -> list[tuple[str, str]]:
    """What is told of a point, name by name."""
    told = [("L2 radius" if row.attack == "certificate" else "ε", radius_text(row.eps))]
    first = f"{row.correct:,} of {row.samples:,}"
    if row.votes and row.attack != "certificate":
        told.append((f"majority of {row.votes:,}", _interval(row, "majority")))
        if np.isfinite(row.single_accuracy):
            told.append(("single draw", _interval(row, "single")))
        if np.isfinite(row.worst_accuracy):
            told.append(("worst draw", _interval(row, "worst")))
    else:
        told.append(("accuracy", _interval(row, "majority")))
    told.append(("images right", first))
    if row.attack == "certificate":
        told.append(("draws", f"{row.votes:,}"))
        told.append(("abstained", f"{row.abstained:,}"))
    if row.without_gradient:
        told.append(("no gradient", f"{row.without_gradient:,}"))
    return told


def sentence(message: str) -> str:
    """A check's message as a sentence of its own."""
    return f"{message[:1].upper()}{message[1:]}".rstrip(".") + "."


def _interval(row: Row, by) -> str:
    share = judged(row, by)
    return f"{percent(share.accuracy)}  ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _pixel(x: float, y: float) -> tuple[float, float]:
    at = implot.plot_to_pixels(float(x), float(y))
    return at.x, at.y


def _dodge(places: dict[float, float], count: int) -> float:
    """From curve to curve, in the units of the axis."""
    ends = list(places.values())
    closest = min((b - a for a, b in pairwise(ends)), default=1.0)
    a, b = _pixel(0, 0)[0], _pixel(1, 0)[0]
    usual = em(DODGE) / (b - a) if b > a else 0.0
    return min(usual, CROWDED * closest / max(count - 1, 1))
