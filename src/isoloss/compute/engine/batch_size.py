"""How many samples suitably go through a network at once, from what one of them takes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from isoloss.compute.machine.memory import free_bytes
from isoloss.compute.networks.acceleration import watched_outputs

# On a CPU a batch is as large as keeps the widest layer's activations in the last-level cache.
CACHE_BYTES = 16 << 20
SMALLEST_BATCH, LARGEST_BATCH = 8, 1024
# On a GPU its widest activations are large enough to keep it busy, and no more than a share of the
# memory that is free: what lies before and after them, workspaces and recordings take theirs.
BUSY_BYTES = {"cuda": 1 << 30, "mps": 256 << 20}
SHARE_OF_FREE = 8
LARGEST_BATCH_ON_GPU = 8192
# Kernels count elements, of two bytes at least, in 32 bits.
MOST_BYTES = 1 << 32


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
    """A power of two by the size of the activations: on a CPU that of its cache, on a GPU as large
    as keeps it busy, of the memory that is free.

    Args:
        widest: bytes of the widest activation for one sample.
    """
    smallest, largest, fitting = SMALLEST_BATCH, LARGEST_BATCH, CACHE_BYTES
    free = free_bytes(device)
    if free is not None:
        smallest, largest = 1, LARGEST_BATCH_ON_GPU
        fitting = min(BUSY_BYTES[device.type], free // SHARE_OF_FREE, MOST_BYTES - 1)
    power_of_two = 1 << max((fitting // max(widest, 1)).bit_length() - 1, 0)
    return min(max(power_of_two, smallest), largest)
