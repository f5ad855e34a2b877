"""What a plane's directions tell of it: their angle, their scale, and what lies outside."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.networks.reals import as_reals, can_move
from isoloss.compute.planes.plane import Direction, Plane
from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import number_label
from isoloss.geometry.trajectory import Trajectory

# Weights in bf16 hold a norm to about this.
_NORM_TOLERANCE = 0.02


def chance_cosine(plane: Plane) -> float:
    """The |cosine| to expect if every entry of the directions had a random sign.

    The mean of |N(0, s²)| with s² = Σ δᵢ²ηᵢ² / (Σ δᵢ² Σ ηᵢ²): √(2/(πn)) where all n entries are of
    one scale, and more where a few large filters make up most of the directions.
    """
    both = delta = eta = 0.0
    for name, tensor in plane.delta.items():
        if name in plane.eta:
            d, e = (as_reals(t).double().square() for t in (tensor, plane.eta[name]))
            both += float((d * e).sum())
            delta += float(d.sum())
            eta += float(e.sum())
    return math.sqrt(2 / math.pi * both / (delta * eta)) if delta * eta > 0 else 0.0


def normalization(plane: Plane) -> Literal["filter", "layer", "none"]:
    """Which normalization a plane's directions have had, by their norms (Li et al. 2018)."""
    if _keeps(plane, _of_filters):
        return "filter"
    return "layer" if _keeps(plane, _of_tensor) else "none"


def _keeps(plane: Plane, norms: Callable[[Tensor], Tensor]) -> bool:
    ratios = [_ratios(d, plane.origin, norms) for d in (plane.delta, plane.eta)]
    return bool((np.abs(np.concatenate(ratios) - 1) < _NORM_TOLERANCE).all())


def filter_ratios(direction: Direction, origin: dict[str, Tensor]) -> Array:
    """(k,) norms of a direction's filters, in units of the network's own; zero filters left out."""
    return _ratios(direction, origin, _of_filters)


def directions_in_words(plane: Plane) -> str:
    """Where the directions come from, how long they are and how far they are from orthogonal."""
    delta, eta = (number_label(norm, 4) for norm in plane.norms)
    said = f"{plane.read_from}: ‖δ‖ = {delta}"
    if math.isnan(plane.cosine):
        return said
    angle = math.degrees(math.acos(min(max(plane.cosine, -1.0), 1.0)))
    return f"{said}, ‖η‖ = {eta}, {number_label(angle, 4)}° between them"


def fraction_off_plane(plane: Plane, trajectory: Trajectory) -> float:
    """Fraction in [0, 1] of the checkpoints' squared distances to the origin that is off the plane.

    NaN where a checkpoint is not finite.
    """
    a, b = trajectory.alpha, trajectory.beta
    delta, eta = plane.norms
    cosine = plane.cosine if delta and eta else 0.0
    inside = (a * delta) ** 2 + (b * eta) ** 2 + 2 * a * b * delta * eta * cosine
    outside = float(np.square(trajectory.off_plane).sum())
    total = float(inside.sum()) + outside
    return outside / total if total != 0 else 0.0


def _ratios(
    direction: Direction, origin: dict[str, Tensor], norms: Callable[[Tensor], Tensor]
) -> Array:
    ratios = [np.zeros(0)]
    for name, tensor in direction.items():
        if tensor.ndim > 1 and tensor.numel() and can_move(origin[name]):
            moved, own = norms(tensor), norms(origin[name])
            there = (moved > 0) & (own > 0)
            ratios.append((moved[there] / own[there]).numpy())
    return np.concatenate(ratios)


def _of_filters(tensor: Tensor) -> Tensor:
    return torch.linalg.vector_norm(as_reals(tensor).flatten(1), dim=1, dtype=torch.float64)


def _of_tensor(tensor: Tensor) -> Tensor:
    return torch.linalg.vector_norm(as_reals(tensor), dtype=torch.float64).reshape(1)
