"""Contour lines: where a surface crosses given levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import contourpy
import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array


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
    """The level sets of one grid, level by level: marching squares (contourpy).

    What all levels have in common is worked out once, so that a few levels at a time cost no more
    than all of them together. Cells that touch NaN or ±inf are left out.
    """

    def __init__(self, alpha: Array, beta: Array, values: Array) -> None:
        self._generator: contourpy.ContourGenerator | None = None
        if min(values.shape) >= 2:
            self._generator = contourpy.contour_generator(
                alpha,
                beta,
                np.ma.masked_invalid(values.T),
                name="serial",
                line_type=contourpy.LineType.ChunkCombinedOffset,
            )

    def at(self, level: float) -> LevelSet:
        """The lines at one level; a grid thinner than 2×2 has none."""
        found: Any = self._generator.lines(float(level)) if self._generator else ([None], [None])
        (points,), (offsets,) = found
        if points is None:
            return LevelSet(np.empty((0, 2)), np.empty(0, np.int64))
        return LevelSet(points, offsets[:-1].astype(np.int64))
