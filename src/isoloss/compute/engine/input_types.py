"""Inputs in the type of a network's weights, where it takes no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from isoloss.compute.data.batch import Batch, mapped
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.data.reading import LABELS
from isoloss.errors import IsolossError
from isoloss.naming import dtype_name

_SAID = ("dtype", "scalar type", "input type", "should be the same")
"""What PyTorch says where types do not fit together."""


def wanted_type(network: nn.Module, error: Exception) -> torch.dtype | None:
    """The type of a network's weights, where `error` is that it was given another; else None."""
    text = str(error).lower()
    if not isinstance(error, RuntimeError | TypeError) or not any(said in text for said in _SAID):
        return None
    types = {p.dtype for p in network.parameters() if p.is_floating_point()}
    return types.pop() if len(types) == 1 else None


def in_type(batch: Batch, dtype: torch.dtype, *, exactly: bool = False) -> Batch:
    """The batch with its inputs in a floating type; complex ones stay, and of mappings integers.

    Args:
        exactly: refuse what that would round.

    Raises:
        IsolossError: if it would be rounded.
    """

    def convert(tensor: Tensor) -> Tensor:
        given = tensor if tensor.dtype.is_complex else as_inputs(tensor).to(dtype)
        of_bytes = tensor.dtype == torch.uint8
        if exactly and not of_bytes and not torch.equal(given.to(tensor.dtype), tensor):
            types = f"{dtype_name(tensor.dtype)} and the network's weights {dtype_name(dtype)}"
            raise IsolossError(
                f"the inputs are {types}: convert the inputs (.float()), or the network (.double())"
            )
        return given

    if isinstance(batch, Mapping):
        return {
            k: v if k == LABELS else mapped(lambda t: convert(t) if t.is_floating_point() else t, v)
            for k, v in cast("Mapping[Any, Any]", batch).items()
        }
    if isinstance(batch, tuple):
        inputs, *others = cast("tuple[Any, ...]", batch)
        return (mapped(convert, inputs), *others)
    return mapped(convert, batch)
