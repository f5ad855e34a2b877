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
        self._alpha, self._beta, self._values = alpha, beta, values
        self._generator: contourpy.ContourGenerator | None = None
        if min(values.shape) >= 2:
            self._generator = contourpy.contour_generator(
                z=np.ma.masked_invalid(values.T),
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
        points = np.empty_like(bent.points)
        for k, axis in enumerate((self._alpha, self._beta)):
            points[:, k] = np.interp(bent.points[:, k], np.arange(len(axis)), axis)
        return LevelSet(points, bent.first)

    def _on_triangles(self, lines: LevelSet, level: float) -> LevelSet:
        """Lines of marching squares, places counted in cells, moved onto the triangles."""
        start, end = lines.points[:-1], lines.points[1:]
        middle = (start + end) / 2
        cells = np.minimum(middle.astype(np.int64), np.array(self._values.shape) - 2)
        i, j = cells.T
        within = np.ones(len(start), np.bool_)
        within[lines.first[1:] - 1] = False  # from one line to the next
        along = (np.abs(start - end) < _ON_IT) & (np.abs(start - np.rint(start)) < _ON_IT)
        within &= ~along.any(axis=1)  # in neither of two cells
        low, high = self._values[i, j], self._values[i + 1, j + 1]
        bent = within & ((low > level) != (high > level))
        # Of a saddle the corners that the diagonal joins are never cut off.
        near_joined = ((middle - cells) > 0.5) @ (1, 1) != 1
        astray = within & ~bent & near_joined & self._is_saddle(i, j, level)
        k = np.flatnonzero(bent)
        fraction = (level - low[k]) / (high[k] - low[k])
        points = np.insert(lines.points, k + 1, cells[k] + fraction[:, None], axis=0)
        first = lines.first + np.searchsorted(k, lines.first)
        if not astray.any():
            return LevelSet(points, first)
        wrong = np.flatnonzero(astray)
        wrong = wrong[np.lexsort((j[wrong], i[wrong]))]
        return _exchanged(LevelSet(points, first), wrong + np.searchsorted(k, wrong))

    def _is_saddle(self, i: NDArray[np.int64], j: NDArray[np.int64], level: float) -> Any:
        """Whether only the opposite corners of a cell lie on the same side of the level."""
        a, b = self._values[i, j] > level, self._values[i + 1, j] > level
        c, d = self._values[i + 1, j + 1] > level, self._values[i, j + 1] > level
        return (a == c) & (b == d) & (a != b)


def _exchanged(lines: LevelSet, segments: NDArray[np.int64]) -> LevelSet:
    """Lines two and two of whose `segments`, told by their first points, exchange their ends."""
    last = np.append(lines.first[1:], len(lines.points)) - 1
    is_closed = (lines.points[lines.first] == lines.points[last]).all(axis=1)
    one, other = segments[::2].tolist(), segments[1::2].tolist()
    onward = dict(zip([*one, *other], [k + 1 for k in [*other, *one]], strict=True))
    onward |= zip(last[is_closed].tolist(), lines.first[is_closed].tolist(), strict=True)
    repeated = set(last[is_closed].tolist())
    starts = np.union1d(lines.first, segments + 1)
    ends = np.append(starts[1:], len(lines.points)) - 1
    pieces = dict(zip(starts.tolist(), ends.tolist(), strict=True))
    begun = sorted(pieces.keys() - {onward.get(end) for end in pieces.values()})
    drawn: list[Array] = []
    for start in [*begun, *starts.tolist()]:
        line: list[Array] = []
        at: int | None = start
        while at in pieces:
            end = pieces.pop(at)
            line.append(lines.points[at : end + (end not in repeated)])
            at = onward.get(end)
        if line:
            closing = [] if at is None else [np.concatenate(line)[:1]]
            drawn.append(np.concatenate([*line, *closing]))
    first = np.cumsum([0, *map(len, drawn[:-1])])
    return LevelSet(np.concatenate(drawn), first)
