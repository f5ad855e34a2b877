"""The trace of a curvature, in all and of each parameter tensor.

Hutch++ (Meyer, Musco, Musco, Woodruff 2021): along a few directions in which most of the matrix
acts it is computed, in the rest estimated by random signs (Hutchinson 1990).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.curvature.products import Curvature, Matrix
from isoloss.compute.curvature.sampling import BLOCKS, two_way
from isoloss.geometry.arrays import Array
from isoloss.results.estimates import Estimate

SKETCHED = 6
"""Directions along which the trace is computed; the matrix has chosen them, from random ones."""


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
    matrix: Matrix = "hessian",
    together: int = 8,
) -> Generator[int, None, Trace]:
    """Both, with their errors; yields the number of products so far.

    Args:
        population: of which the samples are drawn.
        probes: random directions, of which each costs one product, as twice `SKETCHED` others do.
        together: so many products are taken in one pass over the samples.
    """
    sketched = min(SKETCHED, curvature.size)
    acted = curvature.times(random_signs(sketched, curvature, generator), matrix)
    inside = torch.linalg.qr(acted.T)[0].T.contiguous()
    yield sketched
    parts = [_by_group(curvature, inside, matrix)]
    yield 2 * sketched
    for first in range(0, probes, together):
        signs = random_signs(min(together, probes - first), curvature, generator)
        signs -= (signs @ inside.T) @ inside
        parts.append(_by_group(curvature, signs, matrix))
        yield 2 * sketched + first + len(signs)
    sizes = np.array([last - first for first, last in curvature.cuts(BLOCKS)], float)
    products = np.concatenate(parts, 1)
    found = products[:, sketched:] + products[:, :sketched].sum(1, keepdims=True)
    groups = {
        group.name: two_way(found[..., k], sizes, population)
        for k, group in enumerate(curvature.groups)
    }
    return Trace(two_way(found.sum(-1), sizes, population), groups)


def random_signs(count: int, curvature: Curvature, generator: torch.Generator) -> Tensor:
    """(count, P) of −1 and 1; the same on every device."""
    bits = torch.randint(0, 2, (count, curvature.size), generator=generator, dtype=torch.int8)
    return (2 * bits - 1).to(curvature.device, curvature.dtype)


def _by_group(curvature: Curvature, vectors: Tensor, matrix: Matrix) -> Array:
    """(B, K, G) of each block of samples what each vector's product with itself is, tensor by
    tensor."""
    blocks = [
        torch.stack([(vectors * product)[:, g.place].double().sum(1) for g in curvature.groups], 1)
        for _, product in curvature.blocks(vectors, BLOCKS, matrix)
    ]
    return torch.stack(blocks).cpu().numpy()
