"""Batch-norm statistics measured anew, where weights are not those that they were measured with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

Batch = TypeVar("Batch")
KEPT = 1 << 28
"""Bytes of statistics that are kept."""


def recalibrate(
    network: nn.Module, compute: Callable[[Batch], object], batches: Iterable[Batch]
) -> None:
    """Have the statistics of a network's batch norms be their average over `batches`; all else of
    it is in eval mode, or as it is.

    Args:
        compute: runs the network on a batch.
    """
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
    if not norms:
        return
    momenta = [m.momentum for m in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
    counting = [norm.register_forward_pre_hook(_AverageOfBatches()) for norm in norms]
    try:
        for batch in batches:
            compute(batch)
    finally:
        for hook in counting:
            hook.remove()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


class KnownStatistics:
    """The statistics of a network's batch norms at places where it comes again: as many as there is
    room for, the first ones."""

    def __init__(self, network: nn.Module) -> None:
        norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
        self._own = [buffer for norm in norms for buffer in norm.buffers()]
        self._most = KEPT // max(sum(b.nbytes for b in self._own), 1)
        self._known: dict[Hashable, list[Tensor]] = {}

    def put_back(self, place: Hashable) -> bool:
        """Have the batch norms use those of a place, if they are known."""
        known = self._known.get(place)
        if known is None:
            return False
        for own, there in zip(self._own, known, strict=True):
            own.copy_(there)
        return True

    def keep(self, place: Hashable) -> None:
        """Remember those in use as those of a place."""
        if len(self._known) < self._most:
            self._known[place] = [own.clone() for own in self._own]


class _AverageOfBatches:
    """Has a batch norm's statistics be the plain average over what it has seen. With a momentum of
    None it would count that itself, on the device, and wait for the count every time."""

    def __init__(self) -> None:
        self._seen = 0

    def __call__(self, norm: Any, inputs: object) -> None:
        self._seen += 1
        norm.momentum = 1 / self._seen
