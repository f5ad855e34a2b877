"""The trace of a curvature, in all and of each parameter tensor.

Hutch++ (Meyer, Musco, Musco, Woodruff 2021): along a few directions in which most of the matrix
acts it is computed, in the rest estimated by random signs (Hutchinson 1990). Any directions that do
not depend on these signs will do: where there are many samples those are taken in which the
foremost of them act. Of these samples there are more random signs than of the others (strata,
Neyman 1934): they cost little, and are where most of the error is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.curvature.products import SHARE, Curvature, Matrix
from isoloss.compute.curvature.sampling import BLOCKS, two_way
from isoloss.geometry.arrays import Array
from isoloss.results.estimates import Estimate

SKETCHED = 6
"""Directions along which the trace is computed; the matrix has chosen them, from random ones."""
POWERS = 2
"""So often the matrix of the foremost samples acts on them."""
REPEATS = 4
"""Random signs of the foremost samples for each of the others."""
MANY = 8192
"""Samples of which no other order is copied as a whole."""


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
    """Both, with their errors; yields the number of products so far, or a few more.

    Args:
        population: of which the samples are drawn.
        probes: random directions; `products` says what they cost.
        together: so many products are taken in one pass over the samples.
    """
    blocks = 1 if population <= len(curvature.data) <= MANY else BLOCKS
    cuts = curvature.cuts(blocks)
    inside = _inside(curvature, generator, matrix)
    yield SKETCHED
    within = _by_group(curvature, inside, matrix, blocks, None)
    yield 2 * SKETCHED
    outside, done = [], 0
    for count in _pieces(probes, together):
        found = np.zeros(1)
        for places, repeats in _strata(curvature):
            of_each = [
                _by_group(
                    curvature, _beside(inside, random_signs(some, curvature, generator)),
                    matrix, blocks, places,
                )
                for some in _pieces(repeats * count, together)
            ]  # fmt: skip
            each = np.concatenate(of_each, 1)
            found = found + each.reshape(len(cuts), count, repeats, -1).mean(2)
        outside.append(found)
        done += count
        yield 2 * SKETCHED + products(done)
    sizes = np.array([last - first for first, last in cuts], float)
    found = np.concatenate(outside, 1) + within.sum(1, keepdims=True)
    groups = {
        group.name: two_way(found[..., k], sizes, population)
        for k, group in enumerate(curvature.groups)
    }
    return Trace(two_way(found.sum(-1), sizes, population), groups)


def products(probes: int) -> int:
    """What so many random directions cost at most, in products with all samples."""
    return -(-probes * (SHARE - 1 + REPEATS) // SHARE)


def _pieces(count: int, most: int) -> list[int]:
    return [min(most, count - first) for first in range(0, count, most)]


def random_signs(count: int, curvature: Curvature, generator: torch.Generator) -> Tensor:
    """(count, P) of −1 and 1; the same on every device."""
    bits = torch.randint(0, 2, (count, curvature.size), generator=generator, dtype=torch.int8)
    return (2 * bits - 1).to(curvature.device, curvature.dtype)


def _inside(curvature: Curvature, generator: torch.Generator, matrix: Matrix) -> Tensor:
    """(K, P) orthonormal directions in which the matrix acts."""
    found = random_signs(min(SKETCHED, curvature.size), curvature, generator)
    for _ in range(POWERS if curvature.foremost else 1):
        acted = curvature.times(found, matrix, curvature.few)
        found = torch.linalg.qr(acted.T)[0].T.contiguous()
    return found


def _beside(inside: Tensor, vectors: Tensor) -> Tensor:
    return vectors - (vectors @ inside.T) @ inside


def _strata(curvature: Curvature) -> list[tuple[list[int] | None, int]]:
    """The places of samples, None for all, and how many random signs of them a probe has."""
    foremost = set(curvature.foremost)
    if not foremost:
        return [(None, 1)]
    others = [k for k in range(len(curvature.data)) if k not in foremost]
    return [(curvature.foremost, REPEATS), (others, 1)]


def _by_group(
    curvature: Curvature,
    vectors: Tensor,
    matrix: Matrix,
    blocks: int,
    places: list[int] | None,
) -> Array:
    """(B, K, G) of each block of samples what each vector's product with itself is, tensor by
    tensor; of the samples at `places` what they have in it."""
    if places is None:
        parts = (product for _, product in curvature.blocks(vectors, blocks, matrix))
    else:
        parts = _shares(curvature, vectors, matrix, blocks, places)
    found = [
        torch.stack([(vectors * part)[:, g.place].double().sum(1) for g in curvature.groups], 1)
        for part in parts
    ]
    return torch.stack(found).cpu().numpy()


def _shares(
    curvature: Curvature,
    vectors: Tensor,
    matrix: Matrix,
    blocks: int,
    places: list[int],
) -> Iterator[Tensor]:
    """Of each block the (K, P) products that samples at `places` have in those of all of it."""
    for first, last in curvature.cuts(blocks):
        own = [k for k in places if first <= k < last]
        if not own:
            yield torch.zeros_like(vectors)
            continue
        found = curvature.times(vectors, matrix, curvature.data.in_order(own))
        yield found * (len(own) / (last - first))
