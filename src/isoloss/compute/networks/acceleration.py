"""Networks made faster without another result: memory layout, weights in bf16, fitting batches."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.data.batch import tensors
from isoloss.compute.machine.memory import refuse_out_of_memory
from isoloss.compute.machine.randomness import random_numbers_kept

ROUNDING = 0.05
"""As a share of the largest value: what bf16 may make of sums in another order, and no more."""
_MULTIPLIES = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@torch.no_grad()
def in_fast_layout(network: nn.Module, try_out: Callable[[], object]) -> nn.Module:
    """`network` with channels last, in which convolutions are faster, unless it does not take that,
    as where it flattens an image by a view, or on a GPU then gives something else. On Apple's GPUs
    nothing is, where channels that come last begin within a storage
    (https://github.com/pytorch/pytorch/issues/174345).

    Args:
        try_out: runs the network on a few samples, and gives what it then gives.
    """
    kinds = _kinds_of(network)
    if not kinds:
        return network
    if "mps" in kinds:
        _lay_out(network, torch.contiguous_format)
        return network
    mode = network.training
    network.eval()
    expected = None if kinds == {"cpu"} else _given(try_out)
    _lay_out(network, torch.channels_last)
    try:
        if expected is None:
            try_out()
        takes_it = expected is None or _agree(_given(try_out), expected)
    except RuntimeError as error:
        refuse_out_of_memory(error)
        takes_it = False
    if not takes_it:
        _lay_out(network, torch.contiguous_format)
    network.train(mode)
    return network


def _kinds_of(network: nn.Module) -> set[str]:
    """Of the devices on which a network has parameters for images."""
    return {p.device.type for p in network.parameters() if p.ndim == 4}


def _given(try_out: Callable[[], object]) -> list[Tensor]:
    """What a network gives; random numbers stand afterwards where they stood."""
    with random_numbers_kept(), torch.no_grad():
        return [t.detach().float() for t in tensors(try_out()) if t.is_floating_point()]


def _agree(given: list[Tensor], expected: list[Tensor]) -> bool:
    """Whether they are the same but for rounding, in whatever precision."""
    return len(given) == len(expected) and all(
        bool(((g - e).abs() <= ROUNDING * e.abs().amax().clamp(min=ROUNDING)).all())
        for g, e in zip(given, expected, strict=True)
        if e.numel()
    )


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
