"""The barrier between two networks: how far the loss rises above the straight line of their losses.

Of each sample the loss at the highest point is set against its own losses at either end, so that
what samples have in common has no part in the error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.compute.curvature.sampling import two_way
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface
from isoloss.results.estimates import Estimate

LossesAt = Callable[[float], Array]
"""(n,) the losses of the samples at a place from 0, one network, to 1, the other."""


@dataclass(frozen=True)
class Rise:
    """How far losses rise above the straight line of those at either end.

    Attributes:
        above: (A,) the mean at each point; NaN where it is not between the ends, or not computed.
        place: where it is highest; None where nothing is between the ends, or not finite.
        own: (n,) of each sample there.
        ends: the mean losses at the ends.
    """

    above: Array
    place: float | None
    own: Array
    ends: tuple[float, float]

    @classmethod
    def along(
        cls, alpha: Array, loss: Array, computed: NDArray[np.bool_], losses_at: LossesAt
    ) -> Rise:
        """Of losses at points, (A,) each, of which some are computed."""
        first, end = losses_at(0.0), losses_at(1.0)
        between = (alpha >= 0) & (alpha <= 1) & computed
        line = (1 - alpha) * first.mean() + alpha * end.mean()
        above = np.where(between, loss - line, np.nan)
        ends = float(first.mean()), float(end.mean())
        inside = between & (alpha > 0) & (alpha < 1)
        if not inside.any() or not np.isfinite(above[inside]).all():
            return cls(above, None, np.zeros(0), ends)
        place = float(alpha[int(np.where(inside, above, -np.inf).argmax())])
        return cls(above, place, losses_at(place) - (1 - place) * first - place * end, ends)

    def kept(self, population: int) -> dict[str, Any]:
        """The barrier, as a surface keeps it; at an end there is no rise: nowhere above the line is
        no barrier."""
        found = mean_of(self.own, population)
        low, high = (max(v, 0.0) for v in found.interval)
        return {
            "value": max(found.value, 0.0), "low": low, "high": high, "alpha": self.place,
            "ends": [*self.ends],
        }  # fmt: skip


def mean_of(own: Array, population: int) -> Estimate:
    """The mean over all samples of which some are seen."""
    return two_way(own[:, None], np.ones(len(own)), population)


def measure(surface: Surface, evaluator: Evaluator, last: int, population: int) -> None:
    """Keep the barrier with the curve of an interpolation, and of each point in between how far it
    lies above the line.

    Args:
        last: samples that are seen.
        population: of which these are drawn.

    Source: Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis",
    section 2.
    """
    rise = straight_rise(surface, evaluator, last)
    if rise is not None and rise.place is not None:
        surface.meta["barrier"] = rise.kept(population)


def straight_rise(surface: Surface, evaluator: Evaluator, last: int) -> Rise | None:
    """How far the loss rises on the straight line, of which each point is kept; None where the
    curve does not go from one network to the other."""
    alpha = surface.alpha
    if not (alpha[0] <= 0 and alpha[-1] >= 1):
        return None
    loss, computed = surface.loss[:, 0], surface.computed[:, 0]
    rise = Rise.along(alpha, loss, computed, lambda at: losses_at(evaluator, (at, 0.0), last))
    surface.columns["barrier"] = rise.above[:, None]
    return rise


def losses_at(evaluator: Evaluator, place: tuple[float, float], last: int) -> Array:
    """(n,) those of the first samples."""
    evaluator.move_to(*place)
    return evaluator.evaluate(0, last)[0].cpu().double().numpy()
