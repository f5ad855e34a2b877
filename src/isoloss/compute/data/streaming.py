"""Data that do not fit on a GPU: they stay in the computer's memory, and the next batch is copied
while the one before is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isoloss.compute.data.batch import Batch, is_of_own_class, mapped, moved, rows, tensors
from isoloss.compute.data.dataset import Split
from isoloss.compute.machine.memory import free_bytes

# Data may take so many times less than what is free; the rest is for what is done with them.
SHARE_OF_FREE = 2


def fits(data: Iterable[Tensor], device: torch.device, share: float = 1.0) -> bool:
    """Whether data, or a share of them, may lie on a device, beside all that is computed there."""
    free = free_bytes(device)
    size = share * sum(tensor.nbytes for tensor in data if tensor.device.type != device.type)
    return free is None or size <= free // SHARE_OF_FREE


def in_words(data: Iterable[Tensor]) -> str:
    """What is said of data that do not fit."""
    size = sum(tensor.nbytes for tensor in data) / 1e9
    return (
        f"{size:.3g} GB of data are too many for the GPU: they stay in the computer's memory, and "
        "are copied batch by batch while it computes"
    )


def taken(batch: Batch, order: Tensor) -> Batch:
    """The samples at the places `order`, where a GPU can fetch them by itself, as far as the system
    allows so much memory of that kind."""

    def pinned(tensor: Tensor) -> Tensor:
        shape = (len(order), *tensor.shape[1:])
        out = torch.empty(shape, dtype=tensor.dtype, pin_memory=True)
        return torch.index_select(tensor, 0, order, out=out)

    try:
        return mapped(pinned, batch)
    except RuntimeError:
        return rows(batch, order)


def streamed(pieces: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """Each of `pieces` on `device`; on NVIDIA GPUs the next is copied meanwhile."""
    if device.type != "cuda":
        yield from (moved(piece, device) for piece in pieces)
        return
    here, aside = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    try:
        waiting: tuple[Batch, Any] | None = None
        for piece in pieces:
            following = _begun(piece, device, here, aside)
            if waiting is not None:
                here.wait_event(waiting[1])
                yield waiting[0]
            waiting = following
        if waiting is not None:
            here.wait_event(waiting[1])
            yield waiting[0]
    finally:
        # What was copied for nobody is not given to others before it is there.
        here.wait_stream(aside)


def _begun(
    piece: Batch, device: torch.device, here: torch.cuda.Stream, aside: torch.cuda.Stream
) -> tuple[Batch, Any]:
    """A batch that is being copied `aside`, and the event that says that it is there.

    Its memory is of the stream that computes: what that has done with it before comes first, and
    it is free again in that stream's order.
    """
    if is_of_own_class(piece):
        return moved(piece, device), here.record_event()
    places = [torch.empty_like(tensor, device=device) for tensor in tensors(piece)]
    aside.wait_stream(here)
    with torch.cuda.stream(aside):
        for place, tensor in zip(places, tensors(piece), strict=True):
            place.copy_(tensor, non_blocking=True)
    left = iter(places)
    return mapped(lambda _: next(left), piece), aside.record_event()


@dataclass(frozen=True)
class StreamedSplit(Split):
    """A split in the computer's memory, of which samples come on a device."""

    place: torch.device

    @property
    def device(self) -> torch.device:
        """Where its samples are computed with."""
        return self.place

    def take(self, order: Tensor) -> Split:
        """The samples at the places `order`, (n,) int64, on the device."""
        (found,) = self.each([order])
        return Split(*found)

    def sample(self, n: int | None, seed: int) -> Split:
        """As of any split, on the device."""
        chosen = super().sample(n, seed)
        return self.take(torch.arange(len(self))) if chosen is self else chosen

    def each(self, orders: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """(inputs, targets) at each of several places."""
        held = self.inputs, self.targets
        yield from streamed((taken(held, order.cpu()) for order in orders), self.place)

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(inputs, targets) of at most `size` samples, in order."""
        yield from self.each(torch.arange(len(self)).split(size))


def on_device(split: Split, device: torch.device) -> Split:
    """A split on `device`, or what comes there batch by batch where it does not fit."""
    if fits(split.tensors(), device):
        return split.to(device)
    return StreamedSplit(split.inputs, split.targets, device)
