"""What a user gives as data, read into batches: a `DataLoader`, a `Dataset`, a list…"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from isoloss.compute.data.batch import (
    Batch,
    can_be_joined,
    joined,
    leaves,
    mapped,
    rows,
    size_of,
    tensors,
)
from isoloss.compute.data.dataset import shuffled
from isoloss.compute.machine.memory import is_out_of_memory
from isoloss.errors import IsolossError

# Data without a length may have no end: no more is read than so many batches, or half the memory.
MOST_BATCHES = 500_000
ENDLESS = 2**53
"""The number of samples of data without an end."""
# What a mapping calls its targets, as Hugging Face's networks take them.
LABELS = "labels"
# The target that does not count, as F.cross_entropy has it.
IGNORED = -100


@dataclass(frozen=True)
class GivenBatches:
    """Data as they were read.

    Attributes:
        batches: of tensors, in whatever they are nested in.
        population: how many samples there are, read or not.
        own: whether they are the batches that the data came in, not single samples or all of them.
    """

    batches: list[Batch]
    population: int
    own: bool = True

    def in_batches(self, size: int, seed: int) -> GivenBatches:
        """The same samples in batches: their own, else of `size`, in the order `seed` gives."""
        if self.own or not can_be_joined(self.batches):
            return self
        whole = joined(self.batches)
        parts = shuffled(size_of(whole), seed).split(size)
        return replace(self, batches=[rows(whole, part) for part in parts], own=True)


def read_batches(data: Any, samples: int | None = None, seed: int = 0) -> GivenBatches:
    """Read data whole, or as much as is needed for `samples`.

    Of a dataset so many are drawn by `seed`. What has no length may have no end: its first ones are
    taken, and stand for infinitely many.

    Args:
        data: an iterable of batches (`(inputs, targets)`, longer tuples, mappings or bare tensors,
            of tensors, NumPy arrays and numbers); a `Dataset`, or anything else that gives samples
            by their index; a single batch as a tuple or a mapping; all inputs as one tensor.

    Raises:
        IsolossError: if it is none of these, is empty, or does not fit into the memory.
    """
    try:
        given = _read(data, samples, seed)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise IsolossError("the data do not fit into the memory: give fewer of them") from error
    if not given.batches:
        raise IsolossError("there is no data to evaluate on: the iterable is empty")
    return given


def _read(data: Any, samples: int | None, seed: int) -> GivenBatches:
    if _is_one_batch(data):
        batches = list(_checked([data]))
        return GivenBatches(batches, sum(map(size_of, batches)), own=False)
    if _is_indexed(data):
        return _drawn(data, samples, seed)
    if not hasattr(data, "__iter__"):
        raise IsolossError(
            f"data must be an iterable of batches, or a Dataset, not a {type(data).__name__}"
        )
    single = isinstance(data, IterableDataset)
    endless = not _has_length(data)
    batches: list[Batch] = []
    read = held = 0
    for batch in _checked(data, single):
        batches.append(batch)
        read += size_of(batch)
        if endless and samples is not None and read >= samples:
            return GivenBatches(batches, ENDLESS, own=not single)
        if endless:
            held += sum(tensor.nbytes for tensor in tensors(batch))
            if len(batches) >= MOST_BATCHES or held > _half_the_memory():
                raise IsolossError(
                    f"the data have given {len(batches):,} batches and go on: say how many samples "
                    "to take (--samples), or give data that end"
                )
    return GivenBatches(batches, read, own=not single)


def _checked(data: Any, single: bool = False) -> Iterator[Batch]:
    """Batches of tensors, without empty ones; single samples become batches of one."""
    kind = None
    for item in data:
        batch = _of_tensors(item)
        if single or _is_sample(batch):
            batch = mapped(lambda tensor: tensor[None], batch)
        if isinstance(batch, Tensor):
            _refuse_parts_of_a_batch(kind, batch)
            kind = batch
        elif not isinstance(batch, tuple | Mapping) and size_of(batch) == 0:
            raise IsolossError(
                "data must give (inputs, targets) pairs, longer tuples, mappings or tensors, not a "
                f"{type(item).__name__}"
            )
        if size_of(batch) > 0:
            yield batch
        elif not any(tensor.ndim and len(tensor) == 0 for tensor in tensors(batch)):
            raise IsolossError(
                "a batch of the data has no tensor that says how many samples it has"
            )


def _refuse_parts_of_a_batch(before: Tensor | None, batch: Tensor) -> None:
    if batch.ndim == 0 or (
        before is not None and (before.dtype, before.ndim) != (batch.dtype, batch.ndim)
    ):
        raise IsolossError(
            "data must be an iterable of batches: put a single one into a list, [(inputs, targets)]"
        )


def _drawn(data: Any, samples: int | None, seed: int) -> GivenBatches:
    """Samples by their index, as batches of one."""
    population = len(data)
    places = torch.arange(population)
    if samples is not None and samples < population:
        places = shuffled(population, seed)[:samples]
    items = (data[k] for k in places.tolist())
    return GivenBatches(list(_checked(items, single=True)), population, own=False)


def _is_one_batch(data: Any) -> bool:
    """Whether data are a batch and not an iterable of batches."""
    if isinstance(data, Tensor | np.ndarray | Mapping):
        return True
    if isinstance(data, tuple) and len(cast("tuple[Any, ...]", data)) > 1:
        return isinstance(cast("tuple[Any, ...]", data)[1], Tensor | np.ndarray)
    if isinstance(data, list) and len(cast("list[Any]", data)) == 2:
        # As a DataLoader gives it. Two batches of bare inputs would be of one kind.
        first, second = cast("list[Any]", data)
        both = isinstance(first, Tensor | np.ndarray) and isinstance(second, Tensor | np.ndarray)
        return both and (first.shape[1:], first.dtype) != (second.shape[1:], second.dtype)
    return False


def _is_indexed(data: Any) -> bool:
    """Whether data are samples by their index, as a map-style `Dataset` is."""
    by_index = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    return by_index and not isinstance(data, Sequence | IterableDataset)


def _has_length(data: Any) -> bool:
    with suppress(Exception):  # a user's length may raise anything
        return isinstance(data, Sized) and len(data) >= 0
    return False


def _is_sample(batch: Batch) -> bool:
    """Whether its target is one number, so that it is a single sample."""
    if isinstance(batch, tuple) and len(cast("tuple[Any, ...]", batch)) > 1:
        target = cast("tuple[Any, ...]", batch)[1]
    elif isinstance(batch, Mapping):
        target = cast("Mapping[Any, Any]", batch).get(LABELS)
    else:
        return False
    return isinstance(target, Tensor) and target.ndim == 0


def _of_tensors(batch: Any, depth: int = 0) -> Batch:
    """The same nesting with arrays and lists of numbers as tensors, and numbers that are parts of
    the batch itself; what lies deeper is the user's own."""
    if isinstance(batch, Tensor):
        return batch.detach()
    if isinstance(batch, np.ndarray | np.generic):
        return _of_array(np.asarray(batch))
    if isinstance(batch, Mapping):
        entries = cast("Mapping[Any, Any]", batch).items()
        return {k: _of_tensors(v, depth + 1) for k, v in entries}
    if depth == 1 and isinstance(batch, bool | int | float | complex):
        return torch.tensor(batch)
    if depth > 0 and isinstance(batch, list) and _is_of_numbers(cast("list[Any]", batch)):
        return torch.tensor(batch)
    if isinstance(batch, tuple | list):
        parts = [_of_tensors(part, depth + 1) for part in cast("Sequence[Any]", batch)]
        if hasattr(batch, "_fields"):
            return type(batch)(*parts)
        return tuple(parts) if depth == 0 or isinstance(batch, tuple) else parts
    return batch


def _is_of_numbers(batch: list[Any]) -> bool:
    """Whether it is a tensor written out: rows of one length, of numbers."""
    with suppress(ValueError, TypeError, RuntimeError):
        return not any(isinstance(leaf, Tensor) for leaf in leaves(batch)) and (
            torch.tensor(batch).numel() > 0
        )
    return False


def _of_array(array: np.ndarray[Any, Any]) -> Any:
    """The array as a tensor that shares no memory; what is of no type of PyTorch's stays."""
    if array.dtype.kind not in "biufc":
        return array
    # Nor has PyTorch all it can do for unsigned integers of more than a byte.
    wide = {"u2": np.int32, "u4": np.int64}.get(array.dtype.str[1:], array.dtype.newbyteorder("="))
    with suppress(TypeError):
        return torch.from_numpy(np.array(array, wide, order="C"))
    return array


def _half_the_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):  # Windows
        return 8 << 30
