"""How many samples suitably go through a network at once, from what one of them takes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from isoloss.compute.networks.acceleration import watched_outputs

# On a CPU a batch is as large as keeps the widest layer's activations in the last-level cache.
CACHE_BYTES = 16 << 20
SMALLEST_BATCH, LARGEST_BATCH = 8, 1024


def effort(network: nn.Module, run: Callable[[], object], samples: int) -> tuple[int, int]:
    """(bytes of the widest activation, multiplications in matrix products) for one sample.

    Args:
        run: runs the network on so many `samples`.
    """
    widest = products = 0

    def see(module: nn.Module, output: Tensor) -> None:
        nonlocal widest, products
        if list(module.children()):
            return
        widest = max(widest, output.nelement() * output.element_size())
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim > 1:
            products += output.nelement() * weight[0].numel()

    if isinstance(network, torch.jit.ScriptModule):
        from isoloss.compute.engine.operations import effort_of_operations

        widest, products = effort_of_operations(run)
    else:
        with torch.no_grad(), watched_outputs(network, see):
            run()
    return widest // samples, products // samples


def suitable_batch_size(widest: int, device: torch.device) -> int:
    """On a CPU by the size of the activations; elsewhere large, and halved if out of memory.

    Args:
        widest: bytes of the widest activation for one sample.
    """
    if device.type != "cpu":
        return LARGEST_BATCH
    fitting = CACHE_BYTES // max(widest, 1)
    power_of_two = 1 << max(fitting.bit_length() - 1, 0)
    return min(max(power_of_two, SMALLEST_BATCH), LARGEST_BATCH)
