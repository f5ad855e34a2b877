"""How many samples suitably go through a network at once, from what one of them takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

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

    if isinstance(network, torch.jit.ScriptModule):  # nobody sees its modules from outside
        with torch.no_grad(), _Operations() as operations:
            run()
        widest, products = operations.widest, operations.get_total_flops() // 2
    else:
        with torch.no_grad(), watched_outputs(network, see):
            run()
    return widest // samples, products // samples


class _Operations(FlopCounterMode):
    """Inside, the operations are counted, whoever calls them.

    Attributes:
        widest: bytes of the largest tensor that one has given.
    """

    def __init__(self) -> None:
        super().__init__(display=False)
        self.widest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # pyright does not know that a FlopCounterMode is a mode.
        output = super().__torch_dispatch__(  # pyright: ignore[reportAttributeAccessIssue]
            func, types, args, kwargs
        )
        if isinstance(output, Tensor):
            self.widest = max(self.widest, output.nelement() * output.element_size())
        return output


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
