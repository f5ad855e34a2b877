"""The barrier between two networks: how far the loss rises above the straight line of their losses.

Of each sample the loss at the highest point is set against its own losses at either end, so that
what samples have in common has no part in the error.
"""

from __future__ import annotations

import numpy as np

from isoloss.compute.curvature.sampling import two_way
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface


def measure(surface: Surface, evaluator: Evaluator, last: int, population: int) -> None:
    """Keep the barrier with the curve of an interpolation, and of each point in between how far it
    lies above the line.

    Args:
        last: samples that are seen.
        population: of which these are drawn.

    Source: Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis",
    section 2.
    """
    alpha, loss = surface.alpha, surface.loss[:, 0]
    if not (alpha[0] <= 0 and alpha[-1] >= 1):
        return
    first, end = (_losses(evaluator, at, last) for at in (0.0, 1.0))
    between = (alpha >= 0) & (alpha <= 1) & surface.computed[:, 0]
    above = loss - ((1 - alpha) * first.mean() + alpha * end.mean())
    surface.columns["barrier"] = np.where(between, above, np.nan)[:, None]
    inside = between & (alpha > 0) & (alpha < 1)
    if not inside.any() or not np.isfinite(above[inside]).all():
        return
    highest = int(np.where(inside, above, -np.inf).argmax())
    place = float(alpha[highest])
    own = _losses(evaluator, place, last) - (1 - place) * first - place * end
    found = two_way(own[:, None], np.ones(len(own)), population)
    # At an end there is no rise: nowhere above the line is no barrier.
    low, high = (max(v, 0.0) for v in found.interval)
    surface.meta["barrier"] = {
        "value": max(found.value, 0.0), "low": low, "high": high, "alpha": place,
        "ends": [float(first.mean()), float(end.mean())],
    }  # fmt: skip


def _losses(evaluator: Evaluator, alpha: float, last: int) -> Array:
    """(n,) those of the first samples."""
    evaluator.move_to(alpha, 0.0)
    return evaluator.evaluate(0, last)[0].cpu().double().numpy()
