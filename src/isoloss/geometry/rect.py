"""Rectangles on a page or a screen, for what must not lie over each other."""

from __future__ import annotations

from collections.abc import Iterable

Rect = tuple[float, float, float, float]
"""The lower and then the upper ends: (x0, y0, x1, y1); in pictures left, top, right, bottom."""


def around(x: float, y: float, width: float, height: float) -> Rect:
    """The rectangle of this size with its centre at a point."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def extent(rect: Rect) -> tuple[float, float]:
    """(width, height)."""
    return rect[2] - rect[0], rect[3] - rect[1]


def overlap(a: Rect, b: Rect) -> bool:
    """Whether two rectangles have more than an edge in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def is_free(rect: Rect, taken: Iterable[Rect]) -> bool:
    """Whether `rect` overlaps none of `taken`."""
    return not any(overlap(rect, other) for other in taken)
