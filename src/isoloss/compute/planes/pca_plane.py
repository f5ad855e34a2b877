"""The plane of a trajectory's principal components, found exactly though it fits into no memory.

Li, Xu, Taylor, Studer, Goldstein 2018, "Visualizing the Loss Landscape of Neural Nets", section 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from isoloss.compute.networks.checkpoints import (
    Checkpoint,
    as_state,
    checkpoints_in,
    only_tensors,
)
from isoloss.compute.networks.reals import as_reals, can_move
from isoloss.compute.planes.checkpoint_matrix import Array, CheckpointMatrix, Piece
from isoloss.compute.planes.plane import Plane, PlaneInputs
from isoloss.compute.planes.selection import Parameters, select
from isoloss.errors import IsolossError
from isoloss.settings.plane_kinds import plane_kind

Checkpoints = Iterable[Checkpoint] | Checkpoint
# Below this fraction of the first component's variance the second is rounding.
_NOISE = 1e-12


def build(inputs: PlaneInputs) -> Plane:
    """The plane of principal components that a probe asks for."""
    first, *others = inputs.trajectories
    asked = inputs.settings.parameters
    # What is frozen by now may have moved before.
    parameters = "all" if asked == "auto" else asked
    return pca_plane(inputs.model, first, *others, parameters=parameters)


def pca_plane(
    model: nn.Module,
    checkpoints: Checkpoints,
    *others: Checkpoints,
    parameters: Parameters = "all",
    key: str | None = None,
) -> Plane:
    """The plane of the two leading principal components of trajectories, through the first's end.

    Rows θ_i − θ_n for all checkpoints; entries of parameters with ndim ≤ 1 count as zero;
    mean-centred. The components are unit vectors, found exactly while the checkpoints stream from
    disk, so that memory does not grow with their number. Signs: the first checkpoint has
    coordinates ≥ 0.

    Args:
        checkpoints: any iterable of paths, state dicts (nested ones too) and networks, in order,
            or a folder, a training run's folder or a pattern such as `"ckpts/*.pt"`, of which the
            files come in the natural order of their names; the last is the plane's origin.
        others: further trajectories of the same network, to be seen in the same plane: their
            checkpoints are rows like the first's.
        parameters: which have entries, as in `random_plane`; those of all others count as zero.
        key: which network, where a checkpoint holds several.

    Raises:
        IsolossError: if there are fewer than three different checkpoints, or one is of another
            network or not finite.

    Source: Li et al. 2018, section 7.
    """
    first, *further = (checkpoints_in(given) for given in (checkpoints, *others))
    everything = [c for trajectory in (first, *further) for c in trajectory]
    plane_kind("pca").check_enough(len(everything))
    if not first:
        raise IsolossError("the first trajectory is empty: its last checkpoint is to be the origin")
    last = str(first[-1]) if isinstance(first[-1], str | Path) else "the last checkpoint"
    whole = only_tensors(as_state(first[-1], model, label=last, key=key))
    origin = {k: v.detach().cpu().clone() for k, v in whole.items()}
    moving = select(model, parameters)
    movable = {k: p for k, p in model.named_parameters() if can_move(p)}
    matrix = CheckpointMatrix(everything, origin, moving.names, model, key)
    delta, eta, fractions = principal_components(matrix, movable)
    return Plane(origin, delta, eta, "pca", fractions, moving.in_words)


def principal_components(
    matrix: CheckpointMatrix, like: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor], Array]:
    """The two leading principal components of a matrix's rows, and their fractions of the variance.

    The n×n Gram matrix of the centred rows has the covariance's eigenvalues, and a component is a
    combination of the rows: two passes over the files, however many parameters. The products are
    float64, since the Gram matrix squares the ratio of the two components' lengths: float32 would
    lose a second component that is a thousandth of the first.

    Args:
        like: {name: tensor}: the shapes and types of the components. What is not in the matrix is
            zero in them.

    Returns:
        (δ, η, fractions): unit vectors, such that the first row's coordinates are ≥ 0, and (2,)
        float64.

    Raises:
        IsolossError: if the rows lie on a line, or are not finite.
    """
    gram = sum(matrix.map(_gram), np.zeros((matrix.height, matrix.height)))
    broken = np.flatnonzero(~np.isfinite(np.diag(gram)))
    if len(broken) == matrix.height:
        raise IsolossError(
            "the last checkpoint has weights that are not finite: its training diverged, and no "
            "plane passes through its end"
        )
    if len(broken):
        raise IsolossError(
            f"checkpoint {broken[0]} has weights that are not finite: its training diverged there, "
            "and a plane of principal components needs them all"
        )
    centring = np.eye(matrix.height) - 1 / matrix.height
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
                reals = as_reals(direction[piece.name]).view(-1)
                reals[piece.place] = torch.from_numpy(stretch)

    for _ in matrix.map(combine):
        pass
    return delta, eta, variance[:2] / variance.clip(0).sum()


def _gram(pieces: Iterator[Piece]) -> Array:
    return sum((p.rows @ p.rows.T for p in pieces), np.zeros(()))
