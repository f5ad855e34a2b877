"""Lines of a plot as they are on the screen: cut into dashes, and found by pointing at them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from isoloss.geometry.arrays import Array

Ends = tuple[tuple[float, float], tuple[float, float]]
"""Of both axes."""
Size = tuple[float, float]
"""Of the plot, in pixels."""

_UNSEEN, _PASSES = 0.2, 4
"""Pixels by which a line may be off in each pass that leaves points out."""


class Lines:
    """Many lines, of which the nearest to a point is found at once."""

    def __init__(self, lines: Sequence[tuple[Array, Array]], *, is_log: bool = False) -> None:
        """Args:
        lines: (N,) xs and (N,) ys of each; NaN where one breaks.
        is_log: whether the axis upwards is logarithmic.
        """
        self._is_log = is_log
        pieces = [_pieces(xs, _scaled(ys, is_log)) for xs, ys in lines]
        self._pieces = np.concatenate([*pieces, np.empty((0, 4))])
        self._owner = np.repeat(np.arange(len(pieces)), [len(p) for p in pieces])

    def nearest(
        self, at: tuple[float, float], ends: Ends, size: Size, most: float, among: Collection[int]
    ) -> int | None:
        """The index of the line nearest to a point; None where all are farther than `most`.

        Args:
            at: in pixels, from the left and the top of the plot.
            most: pixels.
            among: the indices of the lines that can be seen.
        """
        seen = np.isin(self._owner, list(among))
        if not seen.any():
            return None
        (x0, x1), ys = ends[0], _scaled(np.array(ends[1]), self._is_log)
        ax, ay, bx, by = self._pieces[seen].T
        ax, bx = ((x - x0) / (x1 - x0) * size[0] - at[0] for x in (ax, bx))
        ay, by = ((ys[1] - y) / (ys[1] - ys[0]) * size[1] - at[1] for y in (ay, by))
        dx, dy = bx - ax, by - ay
        along = np.clip(-(ax * dx + ay * dy) / np.maximum(dx * dx + dy * dy, 1e-12), 0, 1)
        squares = (ax + along * dx) ** 2 + (ay + along * dy) ** 2
        best = int(np.argmin(squares))
        return int(self._owner[seen][best]) if squares[best] <= most**2 else None


def dashes(
    xs: Array, ys: Array, ends: Ends, size: Size, lengths: tuple[float, float], *, is_log: bool
) -> tuple[Array, Array]:
    """The dashes along a line: (2 M,) xs and ys, from where to where for each.

    Args:
        lengths: of a dash and of the gap behind it, in pixels.
        is_log: whether the axis upwards is logarithmic.
    """
    known = np.isfinite(ys) & ((ys > 0) | (not is_log))
    xs, heights = xs[known], _scaled(ys[known], is_log)
    low, high = _scaled(np.array(ends[1]), is_log)
    dx = np.diff(xs) / (ends[0][1] - ends[0][0]) * size[0]
    dy = np.diff(heights) / (high - low) * size[1]
    walked = np.concatenate([[0.0], np.cumsum(np.hypot(dx, dy))])
    if len(xs) < 2 or walked[-1] <= 0:
        return np.empty(0), np.empty(0)
    period = max(sum(lengths), walked[-1] / 2000)
    starts = np.arange(0.0, walked[-1], period)
    stops = np.minimum(starts + period * lengths[0] / sum(lengths), walked[-1])
    at = np.column_stack([starts, stops]).ravel()
    found = np.interp(at, walked, heights)
    return np.interp(at, walked, xs), 10**found if is_log else found


def thinned(xs: Array, ys: Array, ends: Ends, size: Size, *, is_log: bool) -> tuple[Array, Array]:
    """A line without the points that nobody could see are missing: fewer of them cost less to draw.

    Where a value is missing both its neighbours stay.
    """
    low, high = _scaled(np.array(ends[1]), is_log)
    across = xs / (ends[0][1] - ends[0][0]) * size[0]
    up = _scaled(ys, is_log) / (high - low) * size[1]
    kept = np.arange(len(xs))
    for _ in range(_PASSES):
        if len(kept) < 3:
            break
        x, y = across[kept], up[kept]
        span = np.maximum(x[2:] - x[:-2], 1e-12)
        off = np.abs(y[:-2] + (y[2:] - y[:-2]) * (x[1:-1] - x[:-2]) / span - y[1:-1])
        goes = np.concatenate([[False], off < _UNSEEN, [False]])
        goes[::2] = False  # no two beside each other at once
        if not goes.any():
            break
        kept = kept[~goes]
    return xs[kept], ys[kept]


def _pieces(xs: Array, ys: Array) -> Array:
    """(M, 4) from (x, y) to (x, y); a single point is a piece of no length."""
    if len(xs) == 1:
        xs, ys = np.repeat(xs, 2), np.repeat(ys, 2)
    pieces = np.column_stack([xs[:-1], ys[:-1], xs[1:], ys[1:]])
    return pieces[np.isfinite(pieces).all(axis=1)]


def _scaled(values: Array, is_log: bool) -> Array:
    if not is_log:
        return values
    return np.log10(np.where(values > 0, values, np.nan))
