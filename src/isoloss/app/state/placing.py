"""Where a card stands that speaks of something on the screen: beside it, never over it."""

from __future__ import annotations

from collections.abc import Sequence

from isoloss.geometry.rect import Rect, around, extent

Point = tuple[float, float]


def place_beside(
    size: tuple[float, float], target: Rect, area: Rect, keep_free: Sequence[Rect], gap: float
) -> Rect:
    """Where a card of this size covers the least of what is to be kept free: beside its target
    where there is room, else at an edge or a corner of the area.

    Args:
        target: what the card speaks of, which is kept free too.
        area: all that there is.
        keep_free: what it may not cover either.
        gap: between card and target, in pixels.
    """
    width, height = size
    x, y = (target[0] + target[2]) / 2, (target[1] + target[3]) / 2
    beside = [
        centre
        for left, top, right, bottom in (target, *keep_free)
        for centre in (
            (left - gap - width / 2, y),
            (x, top - gap - height / 2),
            (right + gap + width / 2, y),
            (x, bottom + gap + height / 2),
        )
    ]
    edges = [
        (area[0] + across * (area[2] - area[0]), area[1] + down * (area[3] - area[1]))
        for down in (0.0, 0.5, 1.0)
        for across in (0.0, 0.5, 1.0)
    ]
    found = [_within(around(*centre, width, height), area) for centre in [*beside, *edges]]
    free = [target, *keep_free]
    return min(found, key=lambda rect: round(sum(_common(rect, other) for other in free)))


def arrow_between(card: Rect, target: Rect) -> tuple[Point, Point] | None:
    """From the edge of a card to the nearest point of its target; None where they touch."""
    middle = (target[0] + target[2]) / 2, (target[1] + target[3]) / 2
    tip = _nearest(target, _nearest(card, middle))
    start = _nearest(card, tip)
    return None if start == tip else (start, tip)


def _within(rect: Rect, area: Rect) -> Rect:
    """The rectangle moved into an area; at its left and top where it is too large for it."""
    width, height = extent(rect)
    x = max(min(rect[0], area[2] - width), area[0])
    y = max(min(rect[1], area[3] - height), area[1])
    return x, y, x + width, y + height


def _common(a: Rect, b: Rect) -> float:
    """The area that two rectangles share."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)


def _nearest(rect: Rect, point: Point) -> Point:
    """The point of a rectangle that is nearest to another."""
    return min(max(point[0], rect[0]), rect[2]), min(max(point[1], rect[1]), rect[3])
