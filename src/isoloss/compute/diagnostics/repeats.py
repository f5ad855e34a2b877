"""Whether a sample loses the same whenever it is evaluated, and beside whichever others."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.engine.evaluator import Evaluator
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface

# Rounding moves the loss of a sample by less than this fraction of it, or of a hundredth.
ROUNDING = 1e-3
FEW = 8
# Samples that are evaluated twice at each cell, of a network that draws at random.
PAIRED = 32
REPEATS = 16
# Of independent draws the variance of a mean over a batch hardly ever comes out so many times
# larger than it is.
SHARED = 3.0


def draws_at_random(evaluator: Evaluator) -> bool:
    """Whether the same samples, evaluated twice where the network is, lose something else."""
    last = evaluator.data.cut(FEW)
    return _difference(*(evaluator.evaluate(0, last)[0] for _ in range(2))) > ROUNDING


def dependence_on_batch(evaluator: Evaluator) -> float:
    """By which fraction of their losses samples lose something else in a smaller batch, where that
    is more than rounding; else 0."""
    n = min(FEW, len(evaluator.data))
    if n < 2 or not evaluator.data.can_be_cut:
        return 0.0
    kept = evaluator.batch_size
    try:
        evaluator.batch_size = n
        whole = evaluator.evaluate(0, n)[0]
        evaluator.batch_size = n // 2
        parts = evaluator.evaluate(0, n)[0]
    finally:
        evaluator.batch_size = kept
    found = _difference(whole, parts)
    return found if found > ROUNDING else 0.0


def variance_of_draws(evaluator: Evaluator) -> float:
    """n times the variance that draws give to the mean loss of n samples, where the network is.

    Where all samples of a batch share a draw, as of noise in the weights, it is as many times that
    of a sample.
    """
    last = evaluator.data.cut(min(evaluator.batch_size, len(evaluator.data)))
    runs = torch.stack([evaluator.evaluate(0, last)[0] for _ in range(REPEATS)]).double()
    of_samples = float(runs.var(0).mean())
    of_batches = last * float(runs.mean(1).var())
    return of_batches if of_batches > SHARED * of_samples else of_samples


def errors_of_draws(surface: Surface, evaluator: Evaluator) -> Array:
    """(A, B) the standard error that draws give to each loss of a surface, whatever it has seen."""
    evaluator.move_to(0.0, 0.0)
    last = evaluator.data.cut(min(PAIRED, len(evaluator.data)))
    at_origin = _paired(evaluator, last)
    # Draws that a batch shares are shared everywhere.
    shared = variance_of_draws(evaluator) / at_origin if at_origin > 0 else 1.0
    errors = np.zeros(surface.shape)
    for i, j in zip(*np.nonzero(surface.computed), strict=True):
        evaluator.move_to(float(surface.alpha[i]), float(surface.beta[j]))
        variance = max(shared, 1.0) * _paired(evaluator, last)
        errors[i, j] = np.sqrt(variance / surface.count[i, j])
    return errors


def _paired(evaluator: Evaluator, last: int) -> float:
    """The variance that draws give to the loss of a sample, over the first `last`."""
    one, other = (evaluator.evaluate(0, last)[0].double() for _ in range(2))
    return float((one - other).square().mean() / 2)


def _difference(one: Tensor, other: Tensor) -> float:
    """The largest difference of two losses of a sample, as a fraction of them."""
    one, other = one.cpu().double(), other.cpu().double()
    difference = (one - other).abs() / (one.abs() + 0.01)
    return float(difference.nan_to_num(0.0, 0.0).max())
