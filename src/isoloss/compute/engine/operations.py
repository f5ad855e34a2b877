"""What a network's operations take, seen from below: scripted networks hide their modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode


def effort_of_operations(run: Callable[[], object]) -> tuple[int, int]:
    """(bytes of the widest tensor, multiplications in matrix products) of all that `run` does."""
    with torch.no_grad(), _Operations() as operations:
        run()
    return operations.widest, operations.get_total_flops() // 2


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
