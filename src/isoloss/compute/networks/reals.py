"""Which tensors a plane can move, and complex ones as the reals they are made of."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from isoloss.errors import IsolossError


def can_move(tensor: Tensor) -> bool:
    """Whether a plane can move it: between integers there is nothing, between floats of eight bits
    too little, and of a sparse tensor not all is there."""
    dense = tensor.layout is torch.strided and not tensor.is_quantized
    return dense and (tensor.is_complex() or (tensor.is_floating_point() and tensor.itemsize > 1))


def as_reals(tensor: Tensor) -> Tensor:
    """(…, 2): the real and imaginary parts of a complex tensor, sharing its memory where that can
    be; any other tensor as it is."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def from_reals(reals: Tensor, like: Tensor) -> Tensor:
    """What `as_reals` was given: `reals` as a tensor that is complex if `like` is."""
    return torch.view_as_complex(reals) if like.is_complex() else reals


def widened(tensor: Tensor) -> Tensor:
    """In double precision."""
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def is_double(network: nn.Module) -> bool:
    """Whether all its parameters that can move are in double precision."""
    types = {p.dtype.to_real() for p in network.parameters() if can_move(p)}
    return types == {torch.float64}


def check_finite(state: Mapping[str, Tensor], whose: str) -> None:
    """Refuse a network of which some values that can move are not finite.

    Raises:
        IsolossError: naming the first of them.
    """
    for name, tensor in state.items():
        if can_move(tensor) and not bool(tensor.isfinite().all()):
            raise IsolossError(
                f"{name} of {whose} is not finite: its training diverged, take another"
            )
