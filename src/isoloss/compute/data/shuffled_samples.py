"""The samples a surface is the mean over, in one shuffled order that all its cells share."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.data.dataset import Split, as_inputs
from isoloss.errors import IsolossError

Batch = tuple[Any, Any]


class ShuffledSamples:
    """Samples on a device, ready to be evaluated in pieces.

    Tensors of one shape are cut anywhere; batches of anything else stay the batches they were,
    and `cuts` says where they end.
    """

    def __init__(self, batches: Sequence[Batch], cuts: Sequence[int] | None) -> None:
        self._batches = batches
        self._cuts = cuts

    @classmethod
    def of_split(
        cls, split: Split, samples: int | None, seed: int, device: torch.device
    ) -> ShuffledSamples:
        """At most `samples` of `split`, in the order that `seed` gives."""
        n = len(split) if samples is None else min(samples, len(split))
        order = _order(len(split), seed)[:n]
        return cls([(split.inputs[order].to(device), split.targets[order].to(device))], None)

    @classmethod
    def of_batches(cls, data: Iterable[Batch], seed: int, device: torch.device) -> ShuffledSamples:
        """All samples in the (inputs, targets) batches of `data`, in the order `seed` gives.

        Raises:
            IsolossError: if there are none, or they come as something else.
        """
        batches = [_checked(batch) for batch in data]
        if sum(len(targets) for _, targets in batches) == 0:
            raise IsolossError("there is no data to evaluate on: the iterable is empty")
        if _can_be_joined(batches):
            inputs, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
            return cls.of_split(Split(inputs, targets), None, seed, device)
        mixed = [batches[i] for i in _order(len(batches), seed)]
        moved = [tuple(b.to(device) if isinstance(b, Tensor) else b for b in bt) for bt in mixed]
        cuts = torch.tensor([len(targets) for _, targets in mixed]).cumsum(0).tolist()
        return cls(moved, cuts)  # pyright: ignore[reportArgumentType]

    def __len__(self) -> int:
        return len(self._batches[0][1]) if self._cuts is None else self._cuts[-1]

    @property
    def can_be_cut(self) -> bool:
        """Whether the order can be cut anywhere."""
        return self._cuts is None

    def cut(self, n: int) -> int:
        """The first place at or after `n` samples where the order can be cut."""
        if n >= len(self) or self._cuts is None:
            return min(n, len(self))
        return self._cuts[bisect_left(self._cuts, n)]

    def in_order(self, order: Sequence[int]) -> ShuffledSamples:
        """The same samples, or batches where they cannot be cut, in another order.

        Args:
            order: for each place the place where what comes there is by now.
        """
        if self._cuts is None:
            inputs, targets = self._batches[0]
            return ShuffledSamples([(inputs[order], targets[order])], None)
        batches = [self._batches[i] for i in order]
        cuts = np.cumsum([len(targets) for _, targets in batches]).tolist()
        return ShuffledSamples(batches, cuts)

    def batches(self, first: int, last: int, size: int) -> Iterator[Batch]:
        """The samples from `first` up to `last`, both cuts, at most `size` at a time where they
        can be cut; uint8 inputs are images and become floats in [0, 1]."""
        if self._cuts is None:
            inputs, targets = self._batches[0]
            for start in range(first, last, size):
                end = min(start + size, last)
                # Kept as bytes: as floats they would take four times the memory.
                yield as_inputs(inputs[start:end]), targets[start:end]
            return
        for (inputs, targets), end in zip(self._batches, self._cuts, strict=True):
            if first < end <= last:
                yield (as_inputs(inputs) if isinstance(inputs, Tensor) else inputs, targets)


def _order(n: int, seed: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def _checked(batch: Any) -> Batch:
    if not (isinstance(batch, tuple | list) and len(batch) == 2):
        raise IsolossError("data must give (inputs, targets) pairs")
    return batch[0], batch[1]


def _can_be_joined(batches: Sequence[Batch]) -> bool:
    kinds = {
        tuple((b.shape[1:], b.dtype, b.device) if isinstance(b, Tensor) and b.ndim else None
              for b in batch)
        for batch in batches
    }  # fmt: skip
    return len(kinds) == 1 and None not in next(iter(kinds))
