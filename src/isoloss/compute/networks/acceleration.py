"""Networks made faster without another result: memory layout, weights in bf16, fitting batches."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_MULTIPLIES = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@torch.no_grad()
def in_fast_layout(network: nn.Module, try_out: Callable[[], object]) -> nn.Module:
    """`network` with channels last, in which convolutions are faster, unless it does not take that,
    as where it flattens an image by a view.

    Args:
        try_out: runs the network on a few samples.
    """
    if not any(p.ndim == 4 for p in network.parameters()):
        return network
    mode = network.training
    _lay_out(network, torch.channels_last)
    network.eval()
    try:
        try_out()
    except RuntimeError:
        _lay_out(network, torch.contiguous_format)
    network.train(mode)
    return network


def _lay_out(network: nn.Module, layout: torch.memory_format) -> None:
    """What has four axes; `Module.to` fails where there is anything of five beside it."""
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.to(memory_format=layout)


def keep_weights_in_bf16(network: nn.Module) -> None:
    """Turn into bf16, once and in place, what autocast would turn into bf16 at every batch."""
    for module in network.modules():
        # Only these very classes: what derives from them may do other things with its weights.
        if type(module) in _MULTIPLIES and module.weight.dtype == torch.float32:
            module.to(torch.bfloat16)


@contextmanager
def watched_outputs(
    network: nn.Module, see: Callable[[nn.Module, Tensor], None]
) -> Generator[None]:
    """Inside, `see` is called with every module that gives a tensor, and with that tensor."""

    def hook(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            see(module, output)

    hooks = [
        module.register_forward_hook(hook)
        for module in network.modules()
        if not isinstance(module, torch.jit.ScriptModule)  # they take none
    ]
    try:
        yield
    finally:
        for each in hooks:
            each.remove()
