"""A batch: what a step of a training loop is given, tensors in whatever they are nested in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from isoloss.compute.data.dataset import as_inputs

Batch = Any
"""`(inputs, targets)` mostly; a longer tuple, a mapping or a bare tensor."""
# What libraries of graphs call the number of samples in a batch.
_COUNTS = ("num_graphs", "batch_size")


def mapped(function: Callable[[Tensor], Any], batch: Batch) -> Batch:
    """The same nesting with `function` of each tensor; what is no tensor stays."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, Mapping):
        return {k: mapped(function, v) for k, v in cast("Mapping[Any, Any]", batch).items()}
    if isinstance(batch, tuple):
        parts = [mapped(function, part) for part in cast("tuple[Any, ...]", batch)]
        return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)
    if isinstance(batch, list):
        return [mapped(function, part) for part in cast("list[Any]", batch)]
    return batch


def leaves(batch: Batch) -> Iterator[Any]:
    """All that is nested in a batch, in order."""
    if isinstance(batch, Mapping):
        batch = tuple(cast("Mapping[Any, Any]", batch).values())
    if isinstance(batch, tuple | list):
        for part in cast("Sequence[Any]", batch):
            yield from leaves(part)
    else:
        yield batch


def tensors(batch: Batch) -> list[Tensor]:
    """All tensors in a batch, in order."""
    return [leaf for leaf in leaves(batch) if isinstance(leaf, Tensor)]


def is_of_own_class(batch: Batch) -> bool:
    """Whether it says itself how it is moved to a device."""
    return hasattr(batch, "to") and not isinstance(batch, Mapping | Tensor)


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on `device`; a batch of a class of its own says how itself."""
    if is_of_own_class(batch):
        return batch.to(device)
    return mapped(lambda tensor: tensor.to(device), batch)


def size_of(batch: Batch) -> int:
    """The number of samples; 0 where nothing says it."""
    lengths = {len(tensor) for tensor in tensors(batch) if tensor.ndim}
    if len(lengths) == 1:
        return lengths.pop()
    if isinstance(batch, tuple) and len(batch) > 1:
        second = cast("tuple[Any, ...]", batch)[1]
        if isinstance(second, list) or (isinstance(second, Tensor) and second.ndim):
            return len(cast("list[Any]", second))
    if lengths:
        return next(len(tensor) for tensor in tensors(batch) if tensor.ndim)
    found = (getattr(batch, name, None) for name in _COUNTS)
    return next((count for count in found if isinstance(count, int)), 0)


def can_be_cut(batch: Batch) -> bool:
    """Whether it consists of nothing but tensors with a row for each sample."""
    n = size_of(batch)
    rows = all(isinstance(leaf, Tensor) and leaf.ndim and len(leaf) == n for leaf in leaves(batch))
    # A list as long as the batch may have an entry for each sample, whatever lies in it.
    return rows and not (isinstance(batch, tuple) and any(_lists(batch, n)))


def _lists(batch: Batch, n: int) -> Iterator[bool]:
    if isinstance(batch, Mapping):
        batch = tuple(cast("Mapping[Any, Any]", batch).values())
    if isinstance(batch, tuple | list):
        yield isinstance(batch, list) and len(cast("list[Any]", batch)) == n
        for part in cast("Sequence[Any]", batch):
            yield from _lists(part, n)


def kind_of(batch: Batch) -> Any:
    """What batches must share to be joined: nesting, and shapes and types but for the rows."""
    return mapped(lambda tensor: (tensor.shape[1:], tensor.dtype, tensor.device), batch)


def can_be_joined(batches: Sequence[Batch]) -> bool:
    """Whether all can be cut and are of one kind."""
    first = kind_of(batches[0])
    return all(can_be_cut(batch) and kind_of(batch) == first for batch in batches)


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of all samples, where `can_be_joined`."""
    if len(batches) == 1:
        return batches[0]
    columns = zip(*map(tensors, batches), strict=True)
    whole = iter([torch.cat(parts) for parts in columns])
    return mapped(lambda _: next(whole), batches[0])


def rows(batch: Batch, which: Any) -> Batch:
    """The samples at `which`, an index of the first axis of all tensors."""
    return mapped(lambda tensor: tensor[which], batch)


def as_network_takes(batch: Batch) -> Batch:
    """The batch with its inputs as a network is given them: bytes are images (`as_inputs`)."""
    if isinstance(batch, Tensor):
        return as_inputs(batch)
    if isinstance(batch, tuple) and batch:
        inputs, *others = cast("tuple[Any, ...]", batch)
        return (mapped(as_inputs, inputs), *others)
    return batch
