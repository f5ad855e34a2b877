"""The plane of two directions of the user's own."""

from __future__ import annotations

import torch
from torch import nn

from isoloss.compute.planes.plane import Direction, Plane, state_of
from isoloss.errors import IsolossError


def custom_plane(model: nn.Module, delta: Direction, eta: Direction) -> Plane:
    """The plane of two directions of the user's own through the parameters of `model`.

    Args:
        delta, eta: {parameter name: tensor of its shape}; parameters left out stay put.

    Raises:
        IsolossError: if a name or a shape is not the model's.
    """
    whole = []
    parameters = {k: p.detach().cpu() for k, p in model.named_parameters()}
    for label, direction in (("delta", delta), ("eta", eta)):
        for name, tensor in direction.items():
            if name not in parameters:
                raise IsolossError(f"{label} has {name!r}, which is no parameter of the model")
            if tensor.shape != parameters[name].shape:
                raise IsolossError(
                    f"{label}[{name!r}] is {tuple(tensor.shape)}, the parameter is "
                    f"{tuple(parameters[name].shape)}"
                )
        whole.append(
            {
                k: direction[k].detach().cpu().to(p.dtype).clone()
                if k in direction
                else torch.zeros_like(p)
                for k, p in parameters.items()
            }
        )
    return Plane(state_of(model), *whole)
