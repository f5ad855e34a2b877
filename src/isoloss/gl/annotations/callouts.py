"""Labels of markers: a card beside each point, joined to it by a line, readable over anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.rect import Rect, is_free
from isoloss.gl.annotations.axes import AxisLabels
from isoloss.gl.device.drawn_view import View
from isoloss.gl.layers.overlays import marker_points
from isoloss.gl.primitives.fills import rectangle, stroke
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.scene.layer import Marker
from isoloss.scene.scene import Frame
from isoloss.scene.theme import Color

_SIZE = 0.92  # of the ordinary text
_LINE = 1.3  # em
_PAD = 0.5  # em
_DIRECTIONS = ((1, -1), (-1, -1), (1, 1), (-1, 1), (0, -1), (1, 0), (-1, 0), (0, 1))
"""Where a card is tried, seen from its point: above to the right is best."""
_ROOMY = (38, 28)
"""Width and height in em from which cards tell all."""
_DISTANCES = (1.1, 2.6, 4.6, 7.0, 10.0)
"""In em, one after the other."""


@dataclass(frozen=True)
class Callouts:
    """Laid out cards.

    Attributes:
        triangles: in clip coordinates.
        labels: their lines of text.
    """

    triangles: list[NDArray[np.void]] = field(default_factory=list[NDArray[np.void]])
    labels: list[Label] = field(default_factory=list[Label])


def callouts(
    markers: list[Marker],
    view: View,
    text: TextPass,
    frame: Frame,
    layout: AxisLabels,
    is_hidden: Callable[[Array], bool],
) -> Callouts:
    """A card for each labelled marker in sight, where `layout` has room for it.

    `is_hidden` says of a place in the box (3,) whether a surface hides it.
    """
    laid, cards = Callouts(), list[Rect]()
    labelled = [m for m in markers if m.label]
    if not labelled:
        return laid
    points = marker_points(tuple(labelled), frame) * (1.0, 1.0, frame.gain)
    places = view.pixels(points)
    inside = (places[:, :2] >= 0).all(axis=1) & (places[:, :2] <= view.size).all(axis=1)
    in_sight = inside & (places[:, 2] > 0)
    half = 0.5 * view.em
    for x, y, _ in places[in_sight]:
        layout.reserve((x - half, y - half, x + half, y + half))
    small = view.size[0] < _ROOMY[0] * view.em or view.size[1] < _ROOMY[1] * view.em
    for k in np.flatnonzero(in_sight):
        marker, (x, y, _) = labelled[k], places[k]
        lines = marker.label.split("\n")
        # In a small picture the place is left to be seen, the values are written.
        written = lines[1:] if small and len(lines) > 1 else lines
        at, hidden = (float(x), float(y)), is_hidden(points[k])
        cards.append(_card(written, at, hidden, view, text, layout, laid, cards))
    return laid


def _card(
    lines: list[str],
    point: tuple[float, float],
    hidden: bool,
    view: View,
    text: TextPass,
    layout: AxisLabels,
    laid: Callouts,
    others: list[Rect],
) -> Rect:
    em, theme = view.em, view.theme
    width = max(text.measure(line, em, _SIZE)[0] for line in lines) + 2 * _PAD * em
    height = (_LINE * (len(lines) - 1) + 0.8 + 2 * _PAD) * em
    rect = _place(point, (width, height), view, layout, others)
    layout.reserve(rect)
    left, top, right, bottom = rect
    rim = max(1.0, view.scale)
    near = min(max(point[0], left), right), min(max(point[1], top), bottom)
    edge = (left - rim, top - rim, right + rim, bottom + rim)
    ink = theme.quiet_ink if hidden else theme.ink
    laid.triangles.extend(_leader(view, point, near, ink, dashed=hidden))
    laid.triangles.append(rectangle(view, edge, theme.box))
    laid.triangles.append(rectangle(view, rect, (*theme.path_casing[:3], 1.0)))
    for k, line in enumerate(lines):
        y = top + (_PAD + 0.4 + _LINE * k) * em
        laid.labels.append(Label(line, left + _PAD * em, y, ink, (0.0, 0.5), _SIZE))
    return rect


def _leader(
    view: View, start: tuple[float, float], end: tuple[float, float], ink: Color, *, dashed: bool
) -> list[NDArray[np.void]]:
    """The line from a point to its card."""
    a, b = np.array(start), np.array(end)
    count = max(1, round(float(np.hypot(*(b - a))) / (0.6 * view.em))) if dashed else 1
    steps = np.linspace(0, 1, 2 * count)
    ends = [
        (a + s * (b - a), a + e * (b - a)) for s, e in zip(steps[::2], steps[1::2], strict=True)
    ]
    return [stroke(view, tuple(s), tuple(e), 1.4 * view.scale, ink) for s, e in ends]


def _place(
    point: tuple[float, float],
    size: tuple[float, float],
    view: View,
    layout: AxisLabels,
    others: list[Rect],
) -> Rect:
    """The first place around `point` that is inside and free, of other cards if of nothing more."""
    inside: list[Rect] = []
    for distance in _DISTANCES:
        for across, down in _DIRECTIONS:
            away = distance * view.em
            left = point[0] + across * away - (0.5 - 0.5 * across) * size[0]
            top = point[1] + down * away - (0.5 - 0.5 * down) * size[1]
            rect = (left, top, left + size[0], top + size[1])
            if min(left, top) >= 2 and rect[2] < view.size[0] - 2 and rect[3] < view.size[1] - 2:
                inside.append(rect)
    apart = [r for r in inside if is_free(r, others)]
    free = next((r for r in apart if layout.is_free(r)), None)
    fallback = [*apart, *inside, (point[0], point[1], point[0] + size[0], point[1] + size[1])]
    return free or fallback[0]
