"""How accuracy curves are told apart, in plots and beside their names: colours, marks, dashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from imgui_bundle import ImVec2, imgui

from isoloss.app.state.runs.accuracy_curves import AccuracyCurve
from isoloss.app.ui.style import Color, palette, u32
from isoloss.app.ui.widgets import em
from isoloss.settings.attack_kinds import Hue, Mark

Points = Sequence[tuple[float, float]]

_PLACES: dict[Hue, int] = {"blue": 0, "orange": 1, "green": 2, "purple": 3, "magenta": 3}
"""Of hues in the palette's series, which has no two that are as near as purple and magenta."""
PALER = 0.42
"""How much nearer to the panel's colour that of each further defense is."""
THICK, OPACITY = 3.0, 0.72
"""How many times as wide as others the line of the worst case is, and how opaque: one of the same
colour is seen on it."""

_PLUS = [(-0.4, -1.1), (0.4, -1.1), (0.4, -0.4), (1.1, -0.4), (1.1, 0.4), (0.4, 0.4),
         (0.4, 1.1), (-0.4, 1.1), (-0.4, 0.4), (-1.1, 0.4), (-1.1, -0.4), (-0.4, -0.4)]  # fmt: skip


@dataclass(frozen=True)
class Stroke:
    """How one curve is drawn.

    Attributes:
        dashed, hollow: of undefended networks beside defended ones.
        thick: of the worst case over all attacks, which has a line alone.
    """

    color: Color
    mark: Mark
    dashed: bool = False
    hollow: bool = False
    thick: bool = False


def strokes_of(curves: Sequence[AccuracyCurve]) -> list[Stroke]:
    """One for each curve; the same attack looks the same in every run."""
    among = any(c.is_defended for c in curves)
    found = []
    for curve in curves:
        is_plain = among and not curve.is_defended
        color = hue_color(curve.hue, curve.alike)
        found.append(Stroke(color, curve.mark, is_plain, is_plain, curve.is_worst_case))
    return found


def hue_color(hue: Hue, alike: int = 0) -> Color:
    """The palette's colour for a hue, paler where so many curves have it already."""
    neutral = palette().muted if hue == "grey" else palette().text
    color = palette().series[_PLACES[hue]] if hue in _PLACES else neutral
    for _ in range(min(alike, 2)):
        color = _mixed(color, palette().panel, PALER)
    return color


def draw_line(points: Points, stroke: Stroke, width: float, alpha: float) -> None:
    """A line through pixels of the screen."""
    if stroke.thick:
        width, alpha = THICK * width, OPACITY * alpha
    draw, color = imgui.get_window_draw_list(), u32(stroke.color, alpha)
    if stroke.dashed:
        for a, b in _dashes(points, em(0.5), em(0.3)):
            draw.add_line(ImVec2(*a), ImVec2(*b), color, width)
    else:
        draw.add_polyline([ImVec2(*p) for p in points], color, width, 0)


def draw_whisker(x: float, low: float, high: float, color: Color, alpha: float) -> None:
    """An interval, from `low` to `high` on the screen."""
    draw, packed, width = imgui.get_window_draw_list(), u32(color, alpha), max(1.0, em(0.08))
    cap = em(0.16)
    draw.add_line(ImVec2(x, low), ImVec2(x, high), packed, width)
    for y in (low, high):
        draw.add_line(ImVec2(x - cap, y), ImVec2(x + cap, y), packed, width)


def draw_mark(x: float, y: float, stroke: Stroke, radius: float, alpha: float) -> None:
    """The mark at a point; a thick line has none."""
    if stroke.thick:
        return
    draw, p = imgui.get_window_draw_list(), palette()
    color = u32(stroke.color, alpha)
    inside = u32(p.panel) if stroke.hollow else color
    if stroke.mark == "circle":
        draw.add_circle_filled(ImVec2(x, y), radius, inside)
        if stroke.hollow:
            draw.add_circle(ImVec2(x, y), radius, color, 0, max(1.0, em(0.1)))
        return
    r = radius * 1.15
    corners = {
        "square": [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)],
        "diamond": [(0, -1.1), (1.1, 0), (0, 1.1), (-1.1, 0)],
        "plus": _PLUS,
        "down": [(-1.05, -0.75), (1.05, -0.75), (0, 1.05)],
        "up": [(0, -1.05), (1.05, 0.75), (-1.05, 0.75)],
    }[stroke.mark]
    draw.add_concave_poly_filled([ImVec2(x + r * a, y + r * b) for a, b in corners], inside)
    if stroke.hollow:
        closed = [*corners, corners[0]]
        draw.add_polyline(
            [ImVec2(x + r * a, y + r * b) for a, b in closed], color, max(1.0, em(0.1)), 0
        )


def draw_sample(x: float, y: float, stroke: Stroke, alpha: float) -> None:
    """A short piece of a curve, `em(1.6)` wide, centred on a line of text at `y`."""
    ends = [(x, y), (x + em(1.6), y)]
    draw_line(ends, stroke, em(0.13), alpha)
    draw_mark(x + em(0.8), y, stroke, em(0.27), alpha)


def _mixed(one: Color, other: Color, fraction: float) -> Color:
    r, g, b = (a + fraction * (c - a) for a, c in zip(one[:3], other[:3], strict=True))
    return r, g, b, one[3]


def _dashes(points: Points, on: float, off: float):
    """(from, to) of each dash along a line."""
    walked = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        at = 0.0
        while at < length:
            phase = (walked + at) % (on + off)
            end = min(at + (on - phase if phase < on else on + off - phase), length)
            if phase < on:
                a, b = at / length, end / length
                yield (
                    (x0 + a * (x1 - x0), y0 + a * (y1 - y0)),
                    (x0 + b * (x1 - x0), y0 + b * (y1 - y0)),
                )
            at = max(end, at + 1e-3)
        walked += length
