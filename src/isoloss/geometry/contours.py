"""Contour lines: where a surface crosses given levels."""

from __future__ import annotations

from dataclasses import dataclass

import contourpy
import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.height import HeightScale

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ContourLine:
    """One connected piece of a level set.

    Attributes:
        level: the value along the line.
        points: (n, 2) float64, its (α, β); the first point is repeated last when it is closed.
    """

    level: float
    points: Array

    @property
    def is_closed(self) -> bool:
        """Whether the line returns to where it began."""
        return len(self.points) > 2 and bool((self.points[0] == self.points[-1]).all())


class LevelSets:
    """The contour lines of one grid, level by level: marching squares (contourpy).

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
                line_type=contourpy.LineType.Separate,
            )

    def at(self, level: float) -> list[ContourLine]:
        """The lines at one level; a grid thinner than 2×2 has none."""
        if self._generator is None:
            return []
        pieces: list[Array] = self._generator.lines(float(level))  # type: ignore[assignment]
        return [ContourLine(float(level), piece) for piece in pieces]


def contour_lines(
    alpha: Array, beta: Array, values: Array, levels: Array | list[float]
) -> list[ContourLine]:
    """The lines of `values` (A, B) at `levels`, in their order; see `LevelSets`."""
    sets = LevelSets(alpha, beta, values)
    return [line for level in levels for line in sets.at(float(level))]


def nice_levels(scale: HeightScale, count: int) -> Array:
    """`count` values strictly inside the scale, evenly spaced in displayed height."""
    return scale.invert((np.arange(count) + 1) / (count + 1))
