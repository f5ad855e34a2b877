"""The state of an optimizer in a file of tensors, beside others."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from isoloss.compute.networks.checkpoint_files import read


def tensors_of(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state of an optimizer."""
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, entries in optimizer.state_dict()["state"].items()
        for name, value in entries.items()
        if value is not None
    }


def load_optimizer(path: Path, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Give an optimizer its state in a file; returns what else is there."""
    state: dict[int, dict[str, Tensor]] = {}
    own: dict[str, Tensor] = {}
    for key, tensor in read(path).items():
        index, _, name = key.partition(".")
        if index.isdecimal():
            state.setdefault(int(index), {})[name] = tensor
        else:
            own[key] = tensor
    content = optimizer.state_dict()
    content["state"] = state
    optimizer.load_state_dict(content)
    return own
