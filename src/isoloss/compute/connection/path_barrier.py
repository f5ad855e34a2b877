"""The barrier along a path beside that of the straight line, and by how much it is lower.

Both are found on the same samples: their difference is that of each sample, so that what samples
have in common has no part in its error.
"""

from __future__ import annotations

import numpy as np

from isoloss.compute.curvature.barrier import Rise, losses_at, mean_of, straight_rise
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.planes.bezier import beside
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface


def measure(surface: Surface, evaluator: Evaluator, last: int, population: int) -> None:
    """Keep both barriers with the curve, and their difference.

    Args:
        last: samples that are seen.
        population: of which these are drawn.

    Source: Garipov et al. 2018, "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs",
    section 4.
    """
    straight = straight_rise(surface, evaluator, last)
    if straight is None:
        return

    def along(t: float) -> Array:
        (place,) = beside(np.array([t]))
        return losses_at(evaluator, (float(place[0]), float(place[1])), last)

    loss, computed = surface.columns["path"][:, 0], surface.computed[:, 0]
    path = Rise.along(surface.alpha, loss, computed, along)
    surface.columns["path_barrier"] = path.above[:, None]
    if straight.place is None or path.place is None:
        return
    surface.meta["barrier"] = straight.kept(population)
    surface.meta["path_barrier"] = path.kept(population)
    # Nowhere above the line is no barrier, of any sample.
    own = [r.own if r.own.mean() > 0 else np.zeros(len(r.own)) for r in (straight, path)]
    lower = mean_of(own[0] - own[1], population)
    low, high = lower.interval
    surface.meta["lower_by"] = {"value": lower.value, "low": low, "high": high}
