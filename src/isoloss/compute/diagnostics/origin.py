"""The loss at a plane's origin: what a surface says there, and what the network itself says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from isoloss.compute.engine.evaluator import Evaluator
from isoloss.geometry.growing import standard_error
from isoloss.geometry.surface import Surface

Cell = tuple[int, int]
# The network's own loss is measured on at most so many samples.
ENOUGH = 2048


@dataclass(frozen=True)
class Origin:
    """The loss at a plane's origin, measured beside the surface.

    Attributes:
        own: of the network as it came, in fp32 and apart from what evaluates the surface.
        shown: what the surface has there; what evaluates it gives there, where no cell is.
        error: standard error of `shown`, as the surface's cells have one.
        apart: standard error of own − shown; 0 where both come from the same samples.
    """

    own: float
    shown: float
    error: float = 0.0
    apart: float = 0.0


def cell_at_origin(surface: Surface) -> Cell | None:
    """The computed grid point at α = β = 0, if there is one."""
    nearest: list[int] = []
    for axis in (surface.alpha, surface.beta):
        k = int(np.abs(axis).argmin())
        # An axis of `linspace` may miss zero by a rounding error.
        if abs(axis[k]) > 1e-9 * np.abs(axis).max():
            return None
        nearest.append(k)
    i, j = nearest
    return (i, j) if surface.computed[i, j] else None


def measure_origin(
    surface: Surface,
    evaluator: Evaluator,
    plain: Evaluator,
    samples: int,
    population: int,
    *,
    planes: int = 1,
) -> Origin:
    """Evaluate the network at the origin.

    Args:
        surface: with the "tolerance" it was computed to in its `meta`, or the mean of several.
        evaluator: what evaluated the surface, or the last of several.
        plain: the network as it came.
        samples: those that a cell may have seen.
        population: those of which the loss is the mean.
        planes: the number of planes that the surface is the mean over.
    """
    rough, cell = surface.meta.get("tolerance") is not None, cell_at_origin(surface)
    seen = samples if cell is None else int(surface.count[cell]) // planes
    last = min(seen, ENOUGH)
    # Without a tolerance a cell is the mean of what it has seen, to a tolerance an estimate.
    own, error = _mean(plain, last, population if rough else seen)
    if cell is None:
        evaluator.move_to(0.0, 0.0)
        return Origin(own, _mean(evaluator, last, last)[0], error)
    shown, its_error = float(surface.loss[cell]), float(np.nan_to_num(surface.loss_stderr[cell]))
    # Each further plane has seen other samples.
    within = planes == 1 and not rough
    return Origin(own, shown, its_error, error if within else math.hypot(error, its_error))


def _mean(evaluator: Evaluator, last: int, population: int) -> tuple[float, float]:
    """(mean loss of the first `last` samples where the network is, its standard error); the error
    of a single sample is anything."""
    losses = evaluator.evaluate(0, last)[0].cpu().double()
    total, squares = float(losses.sum()), float(losses.square().sum())
    error = standard_error(total, squares, last, population)
    return total / last, math.inf if math.isnan(error) else error
