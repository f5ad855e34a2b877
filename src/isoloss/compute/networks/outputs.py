"""What the modules of a network give, seen in passing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def watched_outputs(
    network: nn.Module, see: Callable[[nn.Module, Tensor], None]
) -> Generator[None]:
    """Inside, `see` is called with every module that gives a tensor, and with that tensor."""

    def hook(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            see(module, output)

    hooks = [module.register_forward_hook(hook) for module in network.modules()]
    try:
        yield
    finally:
        for each in hooks:
            each.remove()
