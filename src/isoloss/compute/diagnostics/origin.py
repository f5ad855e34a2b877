"""The loss at a plane's origin: what a surface says there, and what the network itself says."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from isoloss.compute.diagnostics.repeats import (
    dependence_on_batch,
    draws_at_random,
    errors_of_draws,
    variance_of_draws,
)
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
        accuracy: of the network, in [0, 1]; NaN where it is no classifier.
        answers: on how many samples.
        classes: which it tells apart; None where that is unknown.
        draws: whether the network draws at random.
        depends_on_batch: by which fraction of their losses samples lose something else in another
            batch.
    """

    own: float
    shown: float
    error: float = 0.0
    apart: float = 0.0
    accuracy: float = math.nan
    answers: int = 0
    classes: int | None = None
    draws: bool = False
    depends_on_batch: float = 0.0


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

    Where it draws at random, what that adds to the surface's standard errors is added to them.

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
    last = plain.data.cut(min(seen, ENOUGH))
    draws = draws_at_random(plain)
    drawn = 0.0
    if draws:
        drawn = math.sqrt(variance_of_draws(plain) * (1 / last + 1 / seen))
        surface.loss_stderr[:] = np.hypot(surface.loss_stderr, errors_of_draws(surface, evaluator))
    # Without a tolerance a cell is the mean of what it has seen, to a tolerance an estimate.
    own, error, accuracy = _mean(plain, last, population if rough else seen)
    found = Origin(
        own, own, error, accuracy=accuracy, answers=last, classes=plain.classes,
        draws=draws, depends_on_batch=0.0 if draws else dependence_on_batch(plain),
    )  # fmt: skip
    if cell is None:
        evaluator.move_to(0.0, 0.0)
        return replace(found, shown=_mean(evaluator, last, last)[0], apart=drawn)
    its_error = float(np.nan_to_num(surface.loss_stderr[cell]))
    # Each further plane has seen other samples.
    apart = error if planes == 1 and not rough else math.hypot(error, its_error)
    return replace(
        found, shown=float(surface.loss[cell]), error=its_error, apart=math.hypot(apart, drawn),
        accuracy=float(surface.accuracy[cell]), answers=seen,
    )  # fmt: skip


def _mean(evaluator: Evaluator, last: int, population: int) -> tuple[float, float, float]:
    """(mean loss of the first `last` samples where the network is, its standard error, the share
    of right answers); the error of a single sample is anything."""
    losses, hits = evaluator.evaluate(0, last)
    losses = losses.cpu().double()
    total, squares = float(losses.sum()), float(losses.square().sum())
    error = standard_error(total, squares, last, population)
    accuracy = evaluator.accuracy(int(hits.sum()), last)
    return total / last, math.inf if math.isnan(error) else error, accuracy
