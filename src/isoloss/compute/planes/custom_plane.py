"""The plane of two directions of the user's own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from isoloss.compute.networks.reals import can_move
from isoloss.compute.planes.plane import Direction, Plane, state_of
from isoloss.errors import IsolossError


def custom_plane(model: nn.Module, delta: Direction, eta: Direction) -> Plane:
    """The plane of two directions of the user's own through the parameters of `model`.

    Args:
        delta, eta: {parameter name: tensor of its shape}; parameters left out stay put.

    Raises:
        IsolossError: if a name or a shape is not the model's.
    """
    origin = state_of(model)
    parameters = dict(model.named_parameters())
    for label, direction in (("delta", delta), ("eta", eta)):
        if not isinstance(direction, Mapping):
            raise IsolossError(
                f"{label} is a dict of tensors by parameters' names, not a "
                f"{type(direction).__name__}"
            )
        for name in direction:
            if name not in parameters:
                raise IsolossError(f"{label} has {name!r}, which is no parameter of the model")
    rest = {k: torch.zeros_like(origin[k]) for k, p in parameters.items() if can_move(p)}
    return Plane(origin, rest | in_types_of(origin, delta), rest | in_types_of(origin, eta))


def in_types_of(origin: Direction, direction: Direction) -> Direction:
    """Copies of a direction's tensors in the types of the origin's, on the CPU."""
    own = {k: torch.as_tensor(t).detach().cpu().clone() for k, t in direction.items()}
    return {
        k: t.to(origin[k].dtype) if can_move(origin[k]) and not t.is_complex() else t
        for k, t in own.items()
    }
