"""The trace of a curvature, in all and of each parameter tensor.

Hutch++ (Meyer, Musco, Musco, Woodruff 2021): along a few directions in which most of the matrix
acts it is computed, in the rest estimated by random signs (Hutchinson 1990).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.curvature.products import Curvature, Matrix
from isoloss.compute.curvature.sampling import BLOCKS, two_way
from isoloss.geometry.arrays import Array
from isoloss.results.estimates import Estimate


@dataclass(frozen=True)
class Trace:
    """Attributes: `total`, and `groups`, those of each parameter tensor by its name."""

    total: Estimate
    groups: dict[str, Estimate]


def trace(
    curvature: Curvature,
    population: int,
    generator: torch.Generator,
    *,
    probes: int = 16,
    known: Tensor | None = None,
    matrix: Matrix = "hessian",
    together: int = 8,
) -> Trace:
    """Both, with their errors.

    Args:
        population: of which the samples are drawn.
        probes: random directions, of which each costs one product.
        known: (K, P) orthonormal vectors along which the matrix acts most, as its eigenvectors;
            of more than a few a product each, too.
        together: so many products are taken in one pass over the samples.
    """
    signs = random_signs(probes, curvature, generator)
    inside = torch.zeros(0, curvature.size) if known is None else known
    inside = inside.to(signs)
    rest = signs - (signs @ inside.T) @ inside
    of_inside = _by_group(curvature, inside, matrix, together)
    of_rest = _by_group(curvature, rest, matrix, together)
    sizes = np.array([last - first for first, last in curvature.cuts(BLOCKS)], float)
    found = of_rest + of_inside.sum(1, keepdims=True)
    groups = {
        group.name: two_way(found[..., k], sizes, population)
        for k, group in enumerate(curvature.groups)
    }
    return Trace(two_way(found.sum(-1), sizes, population), groups)


def random_signs(count: int, curvature: Curvature, generator: torch.Generator) -> Tensor:
    """(count, P) of −1 and 1; the same on every device."""
    bits = torch.randint(0, 2, (count, curvature.size), generator=generator, dtype=torch.int8)
    return (2 * bits - 1).to(curvature.device, curvature.dtype)


def _by_group(curvature: Curvature, vectors: Tensor, matrix: Matrix, together: int) -> Array:
    """(B, K, G) of each block of samples what each vector's product with itself is, tensor by
    tensor."""
    parts: list[Array] = []
    for some in vectors.split(together) if len(vectors) else ():
        blocks = [
            torch.stack([(some * product)[:, g.place].double().sum(1) for g in curvature.groups], 1)
            for _, product in curvature.blocks(some, BLOCKS, matrix)
        ]
        parts.append(torch.stack(blocks).cpu().numpy())
    if parts:
        return np.concatenate(parts, 1)
    return np.zeros((len(curvature.cuts(BLOCKS)), 0, len(curvature.groups)))
