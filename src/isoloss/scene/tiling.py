"""How viewports divide the room they have."""

from __future__ import annotations

from isoloss.geometry.rect import Rect, extent

_TALL = 1.6


def places(rect: Rect, count: int) -> list[Rect]:
    """`rect` divided among 1, 2 or 4 viewports, row by row, in whole pixels."""
    (x, y), (width, height) = rect[:2], extent(rect)
    columns, rows = division(count, width, height)
    xs = [float(round(x + width * k / columns)) for k in range(columns + 1)]
    ys = [float(round(y + height * k / rows)) for k in range(rows + 1)]
    return [(xs[i], ys[j], xs[i + 1], ys[j + 1]) for j in range(rows) for i in range(columns)]


def division(count: int, width: float, height: float) -> tuple[int, int]:
    """How many columns and rows 1, 2 or 4 viewports make in a room of this size.

    Two are side by side, where heights are compared best, unless the room is very tall.
    """
    columns, rows = {1: (1, 1), 2: (2, 1), 4: (2, 2)}[count]
    return (rows, columns) if count == 2 and height > _TALL * width else (columns, rows)
