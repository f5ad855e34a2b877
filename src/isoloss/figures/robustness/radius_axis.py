"""The axis of ε: where radii stand on it, and which of them are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RadiusAxis:
    """asinh(ε / ε₁), ε₁ being the smallest radius above 0: near 0 it is linear, so that the clean
    accuracy has its place, and beyond ε₁ logarithmic, so that radii that grow by factors, as they
    are chosen, stand about evenly and neither end is squeezed.

    Attributes:
        first: ε₁.
        last: the largest radius.
    """

    first: float
    last: float

    @classmethod
    def of(cls, radii: Sequence[float]) -> RadiusAxis:
        """That of some radii, ascending."""
        return cls(next((radius for radius in radii if radius > 0), 1.0), radii[-1])

    @property
    def ends(self) -> tuple[float, float]:
        """The radii at its ends, with a little air."""
        start, length = self._range
        return self._radius(start), self._radius(start + length)

    def place(self, radius: float) -> float:
        """Where a radius stands, from 0 to 1 between the ends."""
        start, length = self._range
        return (math.asinh(radius / self.first) - start) / length

    @property
    def _range(self) -> tuple[float, float]:
        span = math.asinh(self.last / self.first) or 1.0
        return -0.045 * span, 1.09 * span

    def _radius(self, stretched: float) -> float:
        return self.first * math.sinh(stretched)


def written(places: Sequence[float], widths: Sequence[float], air: float) -> list[int]:
    """Which of several labels are written, so that none touch: both ends first, then from the
    last on.

    Args:
        places: of their middles, in the unit of `widths` and of the `air` between two.
    """
    chosen: list[int] = []
    for k in dict.fromkeys((0, len(places) - 1, *range(len(places) - 2, 0, -1))):
        apart = ((widths[k] + widths[c]) / 2 + air for c in chosen)
        if all(abs(places[k] - places[c]) > least for c, least in zip(chosen, apart, strict=True)):
            chosen.append(k)
    return chosen
