"""How far a loss rises near a network: at most within a ball, and in the mean under noise."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.curvature.products import Curvature
from isoloss.compute.curvature.sampling import BLOCKS, jackknife, two_way
from isoloss.geometry.arrays import Array
from isoloss.results.estimates import Estimate

ASCENTS = 5
"""Steps to the edge of the ball; the first is that of sharpness-aware minimization."""


def most(curvature: Curvature, population: int, radius: float, steps: int = ASCENTS) -> Estimate:
    """max L(θ + ε) − L(θ) over ‖ε‖ ≤ radius, as far as ascent finds it: a lower bound.

    The first step is that of SAM (Foret et al. 2021), radius·g/‖g‖; further ones go on from there
    and come back to the ball. With filters for a scale it is that of ASAM (Kwon et al. 2021).
    """
    before = curvature.losses()
    offset, best = torch.zeros(curvature.size).to(curvature.gradient()), None
    for _ in range(steps):
        gradient = curvature.gradient(offset)
        length = torch.linalg.vector_norm(gradient)
        if not length > 0:
            break
        offset = _within(offset + radius * gradient / length, radius)
        risen = curvature.losses(offset) - before
        if best is None or risen.mean() > best.mean():
            best = risen
    return mean_of_samples(
        curvature, torch.zeros_like(before) if best is None else best, population
    )


def gradient_norm(curvature: Curvature, population: int) -> Estimate:
    """That of the mean loss, from what it is without each block of samples: their mean is longer
    than that of all samples, by what is random in it."""
    whole = curvature.gradient()
    seen, length = len(curvature.data), float(whole.double().norm())
    if population <= seen:
        return Estimate(length, 0.0, 0.0, 0.0)
    sizes, without = [], []
    for size, own in curvature.gradients(BLOCKS):
        along, of_own = (float((own * g).double().sum()) for g in (whole, own))
        squared = (seen * length) ** 2 - 2 * seen * size * along + size**2 * of_own
        without.append(max(squared, 0.0) ** 0.5 / max(seen - size, 1))
        sizes.append(size)
    return jackknife(length, np.array(without), np.array(sizes, float), population)


def mean(
    curvature: Curvature, population: int, size: float, draws: int, generator: torch.Generator
) -> Estimate:
    """The mean of L(θ + size·d) − L(θ) over random directions d of which each filter is as long as
    the network's own (Li et al. 2018): no scale of the filters changes it.

    Args:
        curvature: with filters for a scale.
    """
    before = curvature.losses()
    found = [
        curvature.losses(size * curvature.random_filters(generator)) - before for _ in range(draws)
    ]
    return _in_blocks(curvature, torch.stack(found, 1), population)


def _within(offset: Tensor, radius: float) -> Tensor:
    return offset * (radius / torch.linalg.vector_norm(offset)).clamp(max=1)


def mean_of_samples(curvature: Curvature, values: Tensor, population: int) -> Estimate:
    """The mean of (n,) values, one of each sample."""
    return _in_blocks(curvature, values[:, None], population)


def _in_blocks(curvature: Curvature, risen: Tensor, population: int) -> Estimate:
    """The mean of (N, M) values, of M draws."""
    cuts = curvature.cuts(BLOCKS)
    values: Array = np.stack([risen[a:b].double().mean(0).cpu().numpy() for a, b in cuts])
    return two_way(values, np.array([b - a for a, b in cuts], float), population)
