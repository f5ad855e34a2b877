"""Principal components of checkpoints that do not fit into memory, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.planes.stack import Array, Piece, Stack
from isoloss.errors import IsolossError

# Below this share of the first component's variance the second is rounding.
_NOISE = 1e-12


def principal_components(
    stack: Stack, like: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor], Array]:
    """The two leading principal components of a stack's rows, and their shares of the variance.

    The n×n Gram matrix of the centred rows has the covariance's eigenvalues, and a component is a
    combination of the rows: two passes over the files, however many parameters. The products are
    float64, since the Gram matrix squares the ratio of the two components' lengths: float32 would
    lose a second component that is a thousandth of the first.

    Args:
        like: {name: tensor}: the shapes and types of the components. What is not in the stack is
            zero in them.

    Returns:
        (δ, η, shares): unit vectors, such that the first row's coordinates are ≥ 0; (2,) float64.

    Raises:
        IsolossError: if the rows lie on a line, or are not finite.
    """
    gram = sum(stack.map(_gram), np.zeros((stack.height, stack.height)))
    broken = np.flatnonzero(~np.isfinite(np.diag(gram)))
    if len(broken) == stack.height:
        raise IsolossError(
            "the last checkpoint has weights that are not finite: its training diverged, and no "
            "plane passes through its end"
        )
    if len(broken):
        raise IsolossError(
            f"checkpoint {broken[0]} has weights that are not finite: its training diverged there, "
            "and a plane of principal components needs them all"
        )
    centring = np.eye(stack.height) - 1 / stack.height
    values, vectors = np.linalg.eigh(centring @ gram @ centring)
    variance, components = values[::-1], vectors[:, ::-1]
    if variance[1] <= _NOISE * max(variance[0], 1e-300):
        raise IsolossError("the trajectory is a point or a straight line: it spans no plane")
    # A component is a combination of the centred rows; Xᵀv has norm √λ.
    weights = (centring @ components[:, :2] / np.sqrt(variance[:2])).T
    weights *= np.where(weights @ gram[0] < 0, -1.0, 1.0)[:, None]
    delta, eta = ({k: torch.zeros(t.shape, dtype=t.dtype) for k, t in like.items()} for _ in "δη")

    def combine(pieces: Iterator[Piece]) -> None:
        for piece in pieces:
            for direction, stretch in zip((delta, eta), weights @ piece.rows, strict=True):
                direction[piece.name].view(-1)[piece.place] = torch.from_numpy(stretch)

    for _ in stack.map(combine):
        pass
    return delta, eta, variance[:2] / variance.clip(0).sum()


def _gram(pieces: Iterator[Piece]) -> Array:
    return sum((p.rows @ p.rows.T for p in pieces), np.zeros(()))
