"""Contour lines: where a surface crosses given levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import contourpy
import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array

_ON_IT = 1e-9
"""Cells: as near as that, a line lies on one of the grid."""


@dataclass(frozen=True)
class LevelSet:
    """Where a surface has one value: any number of connected lines.

    Attributes:
        points: (n, 2) float64, the (α, β) of all lines, one after the other; of a closed one the
            first point is repeated last.
        first: (k,) where in `points` each line begins.
    """

    points: Array
    first: NDArray[np.int64]

    def thinned(self, shortest: float) -> LevelSet:
        """Without the points that follow another one of their line closer than `shortest`."""
        lengths = np.hypot(*np.diff(self.points, axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(lengths)])[: len(self.points)]
        step = np.floor((along - np.repeat(along[self.first], self._counts)) / shortest)
        keep = np.diff(step, prepend=-1.0) > 0
        keep[self.first] = True
        keep[np.append(self.first[1:], len(keep))[: len(self.first)] - 1] = True
        return LevelSet(self.points[keep], np.cumsum(keep)[self.first] - 1)

    @property
    def segments(self) -> tuple[Array, Array]:
        """(m, 2) starts and ends of the pieces of all lines."""
        within = np.ones(max(len(self.points) - 1, 0), np.bool_)
        within[self.first[1:] - 1] = False
        return self.points[:-1][within], self.points[1:][within]

    @property
    def _counts(self) -> NDArray[np.int64]:
        return np.diff(self.first, append=len(self.points))


class LevelSets:
    """The level sets of one grid, level by level, on the two triangles that each cell is drawn as
    (`DisplayMesh.triangles`): no line leaves the surface, whatever the saddle.

    Marching squares (contourpy) find the lines cell by cell; where one crosses the diagonal between
    the triangles it gets a corner. What all levels have in common is worked out once, so that a few
    levels at a time cost no more than all of them together. Cells that touch NaN or ±inf are left
    out.
    """

    def __init__(self, alpha: Array, beta: Array, values: Array) -> None:
        self._axes = alpha, beta
        self._shape, self._values = values.shape, np.ascontiguousarray(values).ravel()
        self._generator: contourpy.ContourGenerator | None = None
        if min(values.shape) >= 2:
            z = values.T
            self._generator = contourpy.contour_generator(
                z=z if np.isfinite(z).all() else np.ma.masked_invalid(z),
                name="serial",
                corner_mask=False,
                line_type=contourpy.LineType.ChunkCombinedOffset,
            )

    def at(self, level: float) -> LevelSet:
        """The lines at one level; a grid thinner than 2×2 has none."""
        found: Any = self._generator.lines(float(level)) if self._generator else ([None], [None])
        (places,), (offsets,) = found
        if places is None:
            return LevelSet(np.empty((0, 2)), np.empty(0, np.int64))
        bent = self._on_triangles(LevelSet(places, offsets[:-1].astype(np.int64)), float(level))
        points = [_placed(axis, at) for axis, at in zip(self._axes, bent.points.T, strict=True)]
        return LevelSet(np.stack(points, axis=1), bent.first)

    def _on_triangles(self, lines: LevelSet, level: float) -> LevelSet:
        """Lines of marching squares, places counted in cells, moved onto the triangles."""
        values, width = self._values, self._shape[1]
        x, y = np.ascontiguousarray(lines.points.T)
        middle_x, middle_y = (x[:-1] + x[1:]) / 2, (y[:-1] + y[1:]) / 2
        i = np.minimum(middle_x.astype(np.intp), self._shape[0] - 2)
        j = np.minimum(middle_y.astype(np.intp), width - 2)
        cell = i * width + j
        low, high = values[cell], values[cell + width + 1]
        within = np.ones(len(cell), np.bool_)
        within[lines.first[1:] - 1] = False  # from one line to the next
        within[_along_the_grid(x)] = within[_along_the_grid(y)] = False  # in neither of two cells
        is_low, is_high = low > level, high > level
        k = np.flatnonzero(within & (is_low != is_high))
        fraction = (level - low[k]) / (high[k] - low[k])
        corners = np.column_stack([i[k] + fraction, j[k] + fraction])
        bent = LevelSet(
            np.insert(lines.points, k + 1, corners, axis=0),
            lines.first + np.searchsorted(k, lines.first),
        )
        # Of a saddle the corners that the diagonal joins are never cut off.
        near_joined = (middle_x - i > 0.5) == (middle_y - j > 0.5)
        wrong = np.flatnonzero(within & near_joined & (is_low == is_high))
        others = (values[cell[wrong] + step] > level for step in (1, width))
        wrong = wrong[np.logical_and(*(other != is_low[wrong] for other in others))]
        wrong = wrong[np.argsort(cell[wrong], kind="stable")]
        is_pair = np.diff(cell[wrong], append=-1, prepend=-1) == 0
        wrong = wrong[is_pair[1:] | is_pair[:-1]]  # not where one is a point, at the level itself
        if not len(wrong):
            return bent
        return _exchanged(bent, wrong + np.searchsorted(k, wrong))


def _placed(axis: Array, at: Array) -> Array:
    """The places on an axis that are counted in cells."""
    cell = np.minimum(at.astype(np.intp), len(axis) - 2)
    return axis[cell] + (at - cell) * np.diff(axis)[cell]


def _along_the_grid(at: Array) -> NDArray[np.intp]:
    """The segments that lie on a line of the grid; `at` are places across it, in cells."""
    level = np.flatnonzero(np.abs(np.diff(at)) < _ON_IT)
    return level[np.abs(at[level] - np.rint(at[level])) < _ON_IT]


def _exchanged(lines: LevelSet, segments: NDArray[np.int64]) -> LevelSet:
    """Lines two and two of whose `segments`, told by their first points, exchange their ends."""
    last = np.append(lines.first[1:], len(lines.points)) - 1
    is_closed = (lines.points[lines.first] == lines.points[last]).all(axis=1)
    begins = np.zeros(len(lines.points), np.bool_)
    begins[lines.first] = begins[segments + 1] = True
    starts, piece = np.flatnonzero(begins), np.cumsum(begins) - 1
    lengths = np.diff(starts, append=len(lines.points))
    onward = np.full(len(starts), -1)
    closing = piece[last[is_closed]]
    onward[closing] = piece[lines.first[is_closed]]
    lengths[closing] -= 1  # the first point, repeated
    one, other = segments[::2], segments[1::2]
    onward[piece[one]], onward[piece[other]] = piece[other + 1], piece[one + 1]
    order, heads, is_ring = _chains(onward)
    places = np.append(0, np.cumsum(lengths[order]))
    shifts = starts[order] - places[:-1]
    index = np.repeat(shifts, lengths[order]) + np.arange(len(lines.points))[: places[-1]]
    first, beyond = places[heads], places[np.append(heads[1:], len(order))]
    points = np.insert(lines.points[index], beyond[is_ring], lines.points[index[first[is_ring]]], 0)
    return LevelSet(points, first + np.append(0, np.cumsum(is_ring)[:-1]))


def _chains(onward: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """What comes one after the other, where of each the next is known or -1.

    Returns:
        the order, where in it each chain begins, and whether that closes.
    """
    begun = np.ones(len(onward), np.bool_)
    begun[onward[onward >= 0]] = False
    following, done = onward.tolist(), -2
    order, heads, is_ring = list[int](), list[int](), list[bool]()
    for start in [*np.flatnonzero(begun).tolist(), *range(len(following))]:
        if following[start] == done:
            continue
        heads.append(len(order))
        at = start
        while at >= 0 and following[at] != done:
            order.append(at)
            following[at], at = done, following[at]
        is_ring.append(at >= 0)
    return np.array(order), np.array(heads), np.array(is_ring)
