"""The spectral density of a curvature, by stochastic Lanczos quadrature.

Of a random unit vector v the method of Lanczos gives the quadrature of Gauss for vᵀf(A)v, whose
mean over vectors is the mean of f over all eigenvalues (Ubaru, Chen, Saad 2017; Ghorbani, Krishnan,
Xiao 2019). Vectors are kept and made orthogonal as far as memory goes; without that an eigenvalue
comes several times and its weight is shared out, which changes the quadrature little (Chen 2024,
section 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from isoloss.compute.curvature.lanczos import Product


@dataclass(frozen=True)
class Quadrature:
    """Attributes: (M, S) `nodes`, approximate eigenvalues, and `weights`, which add up to 1, of M
    random vectors."""

    nodes: Tensor
    weights: Tensor


def quadrature(
    product: Product, starts: Tensor, steps: int, *, keep: bool = True
) -> Iterator[Quadrature]:
    """What is known after each step.

    Args:
        product: of (M, P) vectors with the matrix.
        starts: (M, P) random vectors.
        steps: products, of all vectors at once.
        keep: whether the vectors of all steps are kept, M·S·P numbers.
    """
    current = starts / torch.linalg.vector_norm(starts, dim=1, keepdim=True)
    before = torch.zeros_like(current)
    probes, steps = len(starts), min(steps, starts.shape[1])
    diagonal = torch.zeros(probes, steps, dtype=torch.float64)
    beside = torch.zeros(probes, steps, dtype=torch.float64)
    kept: list[Tensor] = []
    for step in range(steps):
        if keep:
            kept.append(current)
        found = product(current)
        along = (found * current).sum(1)
        diagonal[:, step] = along.cpu()
        found = found - along[:, None] * current
        if step:
            found -= beside[:, step - 1, None].to(found) * before
        for earlier in (*kept, *kept):
            found -= (found * earlier).sum(1, keepdim=True) * earlier
        left = torch.linalg.vector_norm(found, dim=1)
        beside[:, step] = left.cpu()
        yield _of_tridiagonal(diagonal[:, : step + 1], beside[:, :step])
        scale = diagonal[:, : step + 1].abs().amax(1)
        if bool((beside[:, step] <= torch.finfo(found.dtype).eps * scale).all()):
            return
        before, current = current, found / left.clamp(min=torch.finfo(found.dtype).tiny)[:, None]


def _of_tridiagonal(diagonal: Tensor, beside: Tensor) -> Quadrature:
    matrix = torch.diag_embed(diagonal)
    if beside.shape[1]:
        matrix = matrix + torch.diag_embed(beside, 1) + torch.diag_embed(beside, -1)
    nodes, vectors = torch.linalg.eigh(matrix)
    return Quadrature(nodes, vectors[:, 0].square())
