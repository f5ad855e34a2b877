"""The axes of accuracy plots: ε stretched so that radii can be told apart, or radii to scale."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from imgui_bundle import ImVec2, imgui, implot

from isoloss.app.panels.plots.plotting import finish_set_up
from isoloss.app.state.runs.accuracy_curves import AXES, AccuracyCurve, Axis, radius_text, stretched
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.ui.style import palette, u32
from isoloss.app.ui.widgets import em

Places = dict[float, float]
"""Where each radius stands on the axis, the smallest first."""

DODGE = 0.3
"""Em between the marks of two curves at one radius, which are drawn beside each other."""
CROWDED = 0.3
"""The largest width of all marks at one radius, as a fraction of the gap to the nearest radius."""
LOW = 12.0
"""Below this height, in em, the axis has no line of its own for what it means."""
LEAST = 4.5
"""Height of what is between the axes, in em, below which there is no room for words in it."""
AIR = 1.12
"""An axis of certified radii ends so many times as far out as any can be."""


def asked_axis(evaluation: OpenEvaluation) -> Axis:
    """The axis on which what the run was asked for belongs."""
    settings = evaluation.settings
    return "radius" if settings.is_certified else settings.norm


def places_of(evaluation: OpenEvaluation, axis: Axis, curves: Sequence[AccuracyCurve]) -> Places:
    """Where the radii stand: those asked for from the start, so that the axis does not move."""
    radii = {row.eps for c in curves for row in c.rows}
    if axis == asked_axis(evaluation):
        radii |= set(evaluation.radii)
    if axis == "radius":  # lengths in the space of images: to scale
        return {radius: radius for radius in sorted(radii)}
    return stretched(sorted(radii))


def last_place(evaluation: OpenEvaluation, axis: Axis, places: Places) -> float:
    """Where the axis ends, but for a little air: what nothing can reach is left out."""
    last = max(places.values())
    return min(last, AIR * evaluation.reach) if axis == "radius" and evaluation.reach > 0 else last


def set_up(axis: Axis, places: Places, last: float, size: ImVec2, cond: int) -> None:
    """Lay the axes out, from the first place to `last`.

    Args:
        cond: when to do so again: always, or only at first.
    """
    span = (last - min(places.values())) or 1.0
    seen = {radius: place for radius, place in places.items() if place <= last}
    flags = implot.AxisFlags_.no_label if size.y < em(LOW) else implot.AxisFlags_.none
    implot.setup_axes(AXES[axis], "", int(flags), int(implot.AxisFlags_.none))
    implot.setup_axis_format(implot.ImAxis_.y1, "%g %%")
    implot.setup_axis_limits(implot.ImAxis_.x1, -0.05 * span, last + 0.05 * span, cond)
    implot.setup_axis_limits(implot.ImAxis_.y1, -4, 104, cond)
    labels = _labels(seen, size.x / (1.1 * span))
    implot.setup_axis_ticks(implot.ImAxis_.x1, list(seen.values()), labels)
    finish_set_up()
    if size.y < em(LOW) and implot.get_plot_size().y > em(LEAST):
        _write_inside(AXES[axis])


def _write_inside(text: str) -> None:
    """What the axis means, where there is no line for it below: at the left, below the curves."""
    corner, extent = implot.get_plot_pos(), implot.get_plot_size()
    at = ImVec2(corner.x + em(0.3), corner.y + extent.y / 2 - em(0.5))
    imgui.get_window_draw_list().add_text(at, u32(palette().muted, 0.85), text)


def _labels(places: Places, scale: float) -> list[str]:
    """What stands at the ticks: as many as have room beside each other, both ends first."""
    texts = {place: radius_text(radius) for radius, place in places.items()}
    order = [*places.values()]
    order = [order[0], order[-1], *order[1:-1]] if len(order) > 1 else order
    written: dict[float, float] = {}
    for place in order:
        half = imgui.calc_text_size(texts[place]).x / 2 + em(0.2)
        if all(abs(place - other) * scale > half + room for other, room in written.items()):
            written[place] = half
    return [texts[place] if place in written else "" for place in places.values()]


def draw_chance(chance: float) -> None:
    """A dotted line at the accuracy of who guesses."""
    y = 100 * chance
    corner, extent = implot.get_plot_pos(), implot.get_plot_size()
    at = pixel(0, y)[1]
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


def draw_break(places: Places) -> None:
    """Two strokes across the axis between 0 and the smallest radius, which no scale connects."""
    if len(places) < 2 or 0.0 not in places:
        return
    first, second = list(places.values())[:2]
    x = pixel((first + second) / 2, 0)[0]
    corner, extent = implot.get_plot_pos(), implot.get_plot_size()
    y = corner.y + extent.y
    if not corner.x < x < corner.x + extent.x:
        return
    draw, p, h = imgui.get_window_draw_list(), palette(), em(0.28)
    draw.add_line(ImVec2(x - h, y), ImVec2(x + h, y), u32(p.panel), 3.0)
    for dx in (-h, h):
        a, b = ImVec2(x + dx - h / 2, y + h), ImVec2(x + dx + h / 2, y - h)
        draw.add_line(a, b, u32(p.muted), 1.2)


def dodge(places: Places, count: int) -> float:
    """How far beside each other curves stand, in the units of the axis."""
    ends = list(places.values())
    closest = min((b - a for a, b in pairwise(ends)), default=1.0)
    a, b = pixel(0, 0)[0], pixel(1, 0)[0]
    usual = em(DODGE) / (b - a) if b > a else 0.0
    return min(usual, CROWDED * closest / max(count - 1, 1))


def pixel(x: float, y: float) -> tuple[float, float]:
    """Where a point of the plot is on the screen."""
    at = implot.plot_to_pixels(float(x), float(y))
    return at.x, at.y
