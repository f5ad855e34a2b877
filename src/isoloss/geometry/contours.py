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


def contour_lines(
    alpha: Array, beta: Array, values: Array, levels: Array | list[float]
) -> list[ContourLine]:
    """Marching squares (contourpy) over `values` (A, B); cells that touch NaN or ±inf are left out.

    Returns the lines in the order of `levels`; a grid thinner than 2×2 has none.
    """
    if min(values.shape) < 2:
        return []
    generator = contourpy.contour_generator(
        alpha,
        beta,
        np.ma.masked_invalid(values.T),
        name="serial",
        line_type=contourpy.LineType.Separate,
    )
    lines: list[ContourLine] = []
    for level in levels:
        pieces: list[Array] = generator.lines(float(level))  # type: ignore[assignment]
        lines += [ContourLine(float(level), piece) for piece in pieces]
    return lines


def nice_levels(scale: HeightScale, count: int) -> Array:
    """`count` values strictly inside the scale, evenly spaced in displayed height."""
    return scale.invert((np.arange(count) + 1) / (count + 1))
