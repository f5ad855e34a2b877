"""The outermost eigenvalues of a curvature, with their errors over samples.

The largest eigenvalue of a mean over some samples lies above that over all of them, in the mean:
its eigenvector fits these samples, and the largest eigenvalue is a convex function (Jensen 1906).
What it is without each block of samples tells by how much, and the error that is left
(`sampling.jackknife`). How much it is known only roughly: as found, the eigenvalue is too large in
the mean; with all of that taken off it strays farther than the error says. So the middle of both is
the estimate, and the interval reaches as far below the one as above the other.

Exactly, what it is without each block would be as many methods of Lanczos; so it is worked out
among the leading eigenvectors, and to second order outside.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import isotonic_regression
from torch import Tensor

from isoloss.compute.curvature.lanczos import Ritz, outermost
from isoloss.compute.curvature.products import Curvature, Matrix
from isoloss.compute.curvature.sampling import BLOCKS, jackknife
from isoloss.results.estimates import Estimate

ROUGH = 0.05
"""How well eigenvectors are known on a few samples, as a share of the largest eigenvalue."""
BESIDE = 3
"""Eigenvectors beside those that are wanted, among which they are found anew."""


def beginning(
    curvature: Curvature,
    random: Tensor,
    *,
    largest: int,
    smallest: int = 0,
    matrix: Matrix = "hessian",
) -> Tensor:
    """(P,) a vector from which the method of Lanczos comes to its end in fewer steps: what it finds
    on a few samples, and as much that is random, without which it might miss what these lack.

    Args:
        random: (P,) any vector.
    """
    random = random / torch.linalg.vector_norm(random)
    if curvature.few is None:
        return random
    *_, ritz = outermost(
        lambda vectors: curvature.times(vectors, matrix, curvature.few), random,
        largest=largest, smallest=smallest, tolerance=ROUGH,
    )  # fmt: skip
    found = ritz.vectors(ritz.wanted(largest, smallest)).sum(0)
    return random + found / torch.linalg.vector_norm(found)


def with_errors(
    curvature: Curvature,
    ritz: Ritz,
    population: int,
    *,
    largest: int,
    smallest: int,
    matrix: Matrix = "hessian",
) -> list[Estimate]:
    """So many largest eigenvalues, the largest first, and smallest, the smallest first.

    Args:
        ritz: what the method of Lanczos has found of the mean over all samples.
        population: of which the samples are drawn.
    """
    places = ritz.wanted(largest, smallest)
    values = ritz.values[places].tolist()
    if population <= len(curvature.data):
        return [Estimate(value, 0.0, 0.0, 0.0) for value in values]
    around = ritz.wanted(largest + BESIDE, smallest + BESIDE if smallest else 0)
    vectors, own = ritz.vectors(around), ritz.values[around].double()
    seen, sizes, without = len(curvature.data), [], []
    for size, product in curvature.blocks(vectors, BLOCKS, matrix):
        apart = product - own[:, None].to(vectors) * vectors
        inside = apart @ vectors.T
        outside = (apart - inside @ vectors).square().sum(1).cpu().double()
        share = size / (seen - size) if size < seen else 0.0
        symmetric = (inside + inside.T).cpu().double() / 2
        moved = torch.linalg.eigvalsh(torch.diag(own) - share * symmetric)
        bent = torch.where(own != 0, share**2 * outside / own, 0.0)
        at = {place: k for k, place in enumerate(around)}
        ends = [moved[-1 - k] for k in range(min(largest, len(places)))]
        ends += [moved[k] for k in range(len(places) - len(ends))]
        without.append([float(e + bent[at[p]]) for e, p in zip(ends, places, strict=True)])
        sizes.append(size)
    table, counts = np.array(without), np.array(sizes, float)
    found = [
        jackknife(v, table[:, k], counts, population, corrected=0.5) for k, v in enumerate(values)
    ]
    return [*in_order(found[:largest], rising=False), *in_order(found[largest:], rising=True)]


def in_order(estimates: list[Estimate], *, rising: bool) -> list[Estimate]:
    """Estimates of what is in order, which they need not be themselves: the nearest that are."""
    if not estimates:
        return []
    values = isotonic_regression([e.value for e in estimates], increasing=rising).x
    return [replace(e, value=float(v)) for e, v in zip(estimates, values, strict=True)]
