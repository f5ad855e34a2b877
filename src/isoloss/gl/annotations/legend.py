"""The legend as it is drawn: a line for each entry, in a corner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.rect import Rect
from isoloss.gl.device.buffers import joined
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.fills import rectangle
from isoloss.gl.primitives.flat_marks import flat_mark
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.naming import without_middle
from isoloss.scene.colormaps import shades
from isoloss.scene.legend import Entry

_LINE, _SIGN = 1.5, 2.0  # em: from line to line, and the width of a sign
_WIDEST = 0.4  # of the picture's width
_ROOMY = 30.0  # em: in a picture less wide it covers nothing
_RADIUS = 5.0
_STEPS = 24


@dataclass(frozen=True)
class Legend:
    """A laid out legend.

    Attributes:
        triangles: in clip coordinates.
        labels: one for each entry.
        rect: (left, top, right, bottom) where it is.
    """

    triangles: list[NDArray[np.void]]
    labels: list[Label]
    rect: Rect


def legend(
    view: View, text: TextPass, entries: list[Entry], is_free: Callable[[Rect], bool]
) -> Legend | None:
    """As many of the entries as half the picture's height has room for; None for none, and in a
    small picture that has no corner for them.

    `is_free` says whether a rectangle in pixels holds nothing else yet.
    """
    em = view.em
    line, beside = _LINE * em, (_SIGN + 0.6) * em
    shown = entries[: int(view.size[1] / 2 / line)]
    room = _WIDEST * view.size[0] - beside
    if not shown or room < 4 * em:
        return None
    names = [without_middle(e.text, lambda part: text.measure(part, em)[0] <= room) for e in shown]
    width = beside + max(text.measure(name, em)[0] for name in names)
    size = width, line * len(shown)
    corner = next((c for c in _corners(view, size) if is_free(_around(c, size, 0.0))), None)
    if corner is None and view.size[0] < _ROOMY * em:
        return None
    left, top = corner or _corners(view, size)[0]
    triangles, labels = list[NDArray[np.void]](), list[Label]()
    for k, (entry, name) in enumerate(zip(shown, names, strict=True)):
        y = top + (k + 0.5) * line
        triangles += _sign(view, entry, (left, y))
        labels.append(Label(name, left + beside, y, view.theme.ink, (0.0, 0.5)))
    return Legend([joined(triangles)], labels, _around((left, top), size, 0.4 * em))


def _sign(view: View, entry: Entry, at: tuple[float, float]) -> list[NDArray[np.void]]:
    """What stands before the text: its left end is `at`, in pixels."""
    (left, y), unit, width = at, view.scale, _SIGN * view.em
    casing = view.theme.path_casing
    made: list[NDArray[np.void]] = []
    if entry.palette is not None:
        edges = np.linspace(0, 1, _STEPS + 1)
        low, high = (shades(e, *entry.palette) for e in (edges[:-1], edges[1:]))
        for k in range(_STEPS):
            rect = left + edges[k] * width, y - 4 * unit, left + edges[k + 1] * width, y + 4 * unit
            made.append(rectangle(view, rect, np.stack([low[k], high[k], high[k], low[k]])))
    elif entry.line:
        for half, shade in ((1.2 * entry.line + 1.3, casing), (1.2 * entry.line, entry.color)):
            reach, edge = half * unit, (half - 1.2 * entry.line) * unit
            made.append(
                rectangle(view, (left - edge, y - reach, left + width + edge, y + reach), shade)
            )
    elif not entry.shapes:
        made.append(rectangle(view, (left, y - 4 * unit, left + width, y + 4 * unit), entry.color))
    count = len(entry.shapes)
    for k, shape in enumerate(entry.shapes):
        x = left + width * (k / (count - 1) if count > 1 else 0.5)
        made += flat_mark(view, (x, y), _RADIUS, shape, entry.color, casing)
    return made


def _corners(view: View, size: tuple[float, float]) -> list[tuple[float, float]]:
    """Left and top in the corners where it may be, the best first: at the bottom, or at the top
    right."""
    margin = 1.4 * view.em
    right, bottom = view.size[0] - margin - size[0], view.size[1] - 0.8 * margin - size[1]
    return [(margin, bottom), (right, bottom), (right, 0.5 * margin)]


def _around(corner: tuple[float, float], size: tuple[float, float], margin: float) -> Rect:
    left, top = corner[0] - margin, corner[1] - margin
    return left, top, left + size[0] + 2 * margin, top + size[1] + 2 * margin
