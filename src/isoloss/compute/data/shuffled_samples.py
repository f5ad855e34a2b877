"""The samples a surface is the mean over, in one shuffled order that all its cells share."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch

from isoloss.compute.data.batch import (
    Batch,
    as_network_takes,
    can_be_joined,
    joined,
    moved,
    rows,
    size_of,
    tensors,
)
from isoloss.compute.data.dataset import shuffled
from isoloss.compute.data.streaming import fits, in_words, streamed, taken
from isoloss.errors import IsolossError

UNEQUAL = "tolerance and samples need samples of one shape, which these are not"


class ShuffledSamples:
    """Samples on a device, ready to be evaluated in pieces.

    Tensors of one shape are cut anywhere; batches of anything else stay the batches they were,
    and `cuts` says where they end. What does not fit on the device comes there batch by batch.
    """

    def __init__(
        self,
        batches: Sequence[Batch],
        cuts: Sequence[int] | None,
        streamed_to: torch.device | None = None,
    ) -> None:
        self._batches = batches
        self._cuts = cuts
        self._streamed_to = streamed_to

    @classmethod
    def of_batches(
        cls,
        batches: Sequence[Batch],
        seed: int,
        device: torch.device,
        *,
        samples: int | None = None,
        whole: bool = False,
    ) -> ShuffledSamples:
        """At most `samples` of those in `batches`, in the order `seed` gives.

        Args:
            whole: each batch counts as one sample, for losses that are one number for a batch.

        Raises:
            IsolossError: if only some samples are asked for, and the batches cannot be cut.
        """
        if not whole and can_be_joined(batches):
            return cls._drawn(joined(batches), samples, seed, device)
        mixed = [batches[i] for i in shuffled(len(batches), seed).tolist()]
        sizes = [1 if whole else size_of(batch) for batch in mixed]
        if samples is not None and samples < sum(sizes):
            if max(sizes) > 1:
                raise IsolossError(UNEQUAL)
            mixed, sizes = mixed[:samples], sizes[:samples]
        cuts = torch.tensor(sizes).cumsum(0).tolist()
        if not fits(chain.from_iterable(map(tensors, mixed)), device):
            return cls(mixed, cuts, device)
        return cls([moved(batch, device) for batch in mixed], cuts)

    @classmethod
    def _drawn(
        cls, whole: Batch, samples: int | None, seed: int, device: torch.device
    ) -> ShuffledSamples:
        order = shuffled(size_of(whole), seed)[:samples]
        share = len(order) / max(size_of(whole), 1)
        if not fits(tensors(whole), device, share):
            return cls([taken(whole, order)], None, device)
        return cls([moved(rows(whole, order), device)], None)

    def __len__(self) -> int:
        return size_of(self._batches[0]) if self._cuts is None else self._cuts[-1]

    @property
    def can_be_cut(self) -> bool:
        """Whether the order can be cut anywhere."""
        return self._cuts is None or len(self._cuts) == self._cuts[-1]

    @property
    def stays_in_batches(self) -> bool:
        """Whether batches are evaluated as they came, however large."""
        return self._cuts is not None

    def batch_count(self, size: int) -> int:
        """How many `batches` of at most `size` samples, where they can be cut, all of them are."""
        return math.ceil(len(self) / size) if self._cuts is None else len(self._cuts)

    def cut(self, n: int) -> int:
        """The first place at or after `n` samples where the order can be cut."""
        if n <= 0 or n >= len(self) or self._cuts is None:
            return min(n, len(self))
        return self._cuts[bisect_left(self._cuts, n)]

    def in_order(self, order: Sequence[int]) -> ShuffledSamples:
        """The same samples, or batches where they cannot be cut, in another order.

        Args:
            order: for each place the place where what comes there is by now.
        """
        if self._cuts is None:
            take = rows if self._streamed_to is None else taken
            batches = [take(self._batches[0], torch.tensor(order))]
            return ShuffledSamples(batches, None, self._streamed_to)
        sizes = np.diff([0, *self._cuts])[order]
        cuts = np.cumsum(sizes).tolist()
        return ShuffledSamples([self._batches[i] for i in order], cuts, self._streamed_to)

    @property
    def streaming(self) -> str | None:
        """What there is to say where the data do not fit on the device."""
        if self._streamed_to is None:
            return None
        return in_words(chain.from_iterable(map(tensors, self._batches)))

    def pieces(self) -> Iterator[Batch]:
        """The samples one by one; batches that cannot be cut, one by one."""
        for batch in self.batches(0, len(self), 1024):
            if self._cuts is None:
                yield from (rows(batch, slice(k, k + 1)) for k in range(size_of(batch)))
            else:
                yield batch

    def batches(self, first: int, last: int, size: int) -> Iterator[Batch]:
        """The samples from `first` up to `last`, both cuts, at most `size` at a time where they
        can be cut; uint8 inputs are images and become floats in [0, 1]."""
        pieces = self._pieces(first, last, size)
        if self._streamed_to is not None:
            pieces = streamed(pieces, self._streamed_to)
        # Kept as bytes: as floats they would take four times the memory.
        yield from map(as_network_takes, pieces)

    def _pieces(self, first: int, last: int, size: int) -> Iterator[Batch]:
        if self._cuts is None:
            whole = self._batches[0]
            for start in range(first, last, size):
                yield rows(whole, slice(start, min(start + size, last)))
            return
        for batch, end in zip(self._batches, self._cuts, strict=True):
            if first < end <= last:
                yield batch
