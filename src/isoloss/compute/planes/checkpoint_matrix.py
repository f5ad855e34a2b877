"""Many checkpoints as the rows of one matrix, read from disk piece by piece.

Of a hundred ResNet-50s it is 20 GB, and never whole in memory: threads read a block of its columns
from all files, make it float64 and hand it on in pieces that fit into the processor's cache.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from isoloss.compute.networks.checkpoints import State, as_state
from isoloss.compute.networks.reals import as_reals
from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array

Checkpoint = str | Path | Mapping[str, Tensor]
Result = TypeVar("Result")

# What one thread holds of all files at once: reads of each must stay long enough for the disk.
READ_BYTES = 1 << 26
# Columns worked on at a time: a hundred rows of float64 then stay in the processor's cache.
COLUMNS = 8192
THREADS = 8
_FLOATS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}
# Complex numbers lie there as pairs of reals.
_COMPLEX = {"C64": "F32"}


@dataclass(frozen=True)
class Piece:
    """A stretch of one tensor in all checkpoints, less the origin's; of a complex one the reals.

    Attributes:
        place: where the stretch lies in what `flattened` gives of the tensor.
        rows: (checkpoints, columns) float64; valid until the next piece.
    """

    name: str
    place: slice
    rows: Array


class CheckpointMatrix:
    """The tensors `names` of each checkpoint, less those of `origin`: a row for each checkpoint.

    Raises:
        IsolossError: if a checkpoint cannot be read or has not these tensors in these shapes.
    """

    def __init__(
        self, checkpoints: Sequence[Checkpoint], origin: State, names: Iterable[str]
    ) -> None:
        # In the order in which safetensors lays them out, so that files are read front to back.
        self._origin = {k: flattened(origin[k]) for k in sorted(names)}
        shapes = {k: _shape(origin[k]) for k in self._origin}
        self._sources = [_source(c, shapes) for c in checkpoints]

    @property
    def height(self) -> int:
        """The number of checkpoints."""
        return len(self._sources)

    def map(self, work: Callable[[Iterator[Piece]], Result]) -> Iterator[Result]:
        """`work` applied to the pieces of one block of columns after the other, by threads.

        Results come in the order of the columns, so that sums of them are reproducible.
        """
        wide = any(s.is_double for s in self._sources)
        kind = np.dtype(np.float64 if wide else np.float32)
        rows = len(self._sources)
        width = max(READ_BYTES // (max(rows, 1) * kind.itemsize), 1)
        blocks = [
            (name, first, min(first + width, len(flat)))
            for name, flat in self._origin.items()
            for first in range(0, len(flat), width)
        ]
        widest = max((last - first for _, first, last in blocks), default=0)
        threads = min(THREADS, os.cpu_count() or 1, max(len(blocks), 1))
        free: SimpleQueue[tuple[NDArray[Any], Array]] = SimpleQueue()
        for _ in range(threads):
            free.put((np.empty((rows, widest), kind), np.empty((rows, min(COLUMNS, widest)))))

        def run(block: tuple[str, int, int]) -> Result:
            scratch = free.get()
            try:
                # A diverged checkpoint may hold infinite weights; whoever sums them sees to it.
                with np.errstate(invalid="ignore", over="ignore"):
                    return work(self._pieces(*block, *scratch))
            finally:
                free.put(scratch)

        # Each thread multiplies by itself: on a busy machine BLAS's threads wait for each other.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
            yield from pool.map(run, blocks)

    def _pieces(
        self, name: str, first: int, last: int, raw: NDArray[Any], wide: Array
    ) -> Iterator[Piece]:
        raw = raw[:, : last - first]
        for row, source in zip(raw, self._sources, strict=True):
            source.read(name, first, row)
        for start in range(0, last - first, COLUMNS):
            stop = min(start + COLUMNS, last - first)
            place = slice(first + start, first + stop)
            rows = wide[:, : stop - start]
            np.copyto(rows, raw[:, start:stop])
            rows -= self._origin[name][place]
            yield Piece(name, place, rows)


class _InMemory:
    """A checkpoint that is at hand as a state dict."""

    def __init__(self, state: State, shapes: Mapping[str, tuple[int, ...]]) -> None:
        for name, shape in shapes.items():
            if name not in state or _shape(state[name]) != shape:
                raise another_network("a checkpoint", name)
        self._flat = {k: flattened(state[k]) for k in shapes}
        self.is_double = any(a.dtype == np.float64 for a in self._flat.values())

    def read(self, name: str, first: int, row: NDArray[Any]) -> None:
        """Fill `row` with the values of the tensor from `first` on."""
        row[:] = self._flat[name][first : first + len(row)]


class _OnDisk:
    """A safetensors file: the length of a JSON header, the header, the tensors' bytes.

    It is read, not mapped, so that what was read does not stay in this process's memory, and
    opened anew for each stretch, since a process may not hold hundreds of files open everywhere.

    Source: https://huggingface.co/docs/safetensors, "Format".
    """

    def __init__(self, path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._path = path
        self._tensors: dict[str, tuple[str, int]] = {}
        start, header = _header(path)
        size = path.stat().st_size
        for name, shape in shapes.items():
            about = header.get(name)
            parts = (2,) if about is not None and about["dtype"] in _COMPLEX else ()
            if about is None or (*about["shape"], *parts) != shape:
                raise another_network(str(path), name)
            kind = _COMPLEX.get(about["dtype"], about["dtype"])
            if kind not in _FLOATS:
                raise IsolossError(f"{path} holds {name} as {kind}, which is no common float type")
            begin, end = (start + offset for offset in about["data_offsets"])
            if end > size or end - begin != math.prod(shape) * np.dtype(_FLOATS[kind]).itemsize:
                raise IsolossError(f"{path} is not a readable checkpoint: it is cut short")
            self._tensors[name] = kind, begin
        self.is_double = any(kind == "F64" for kind, _ in self._tensors.values())

    def read(self, name: str, first: int, row: NDArray[Any]) -> None:
        """Fill `row` with the values of the tensor from `first` on."""
        kind, begin = self._tensors[name]
        stored = np.dtype(_FLOATS[kind]).newbyteorder("<")
        values = row if stored == row.dtype else np.empty(len(row), stored)
        left = memoryview(values.view(np.uint8))  # pyright: ignore[reportArgumentType]
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(begin + first * stored.itemsize)
                while left and (count := file.readinto(left)):
                    left = left[count:]
        except OSError as error:
            raise IsolossError(f"{self._path} cannot be read: {error}") from error
        if left:
            raise IsolossError(f"{self._path} is not a readable checkpoint: it is cut short")
        if kind == "BF16":
            # The upper half of a float32.
            values = (values.astype(np.uint32) << 16).view(np.float32)
        if values is not row:
            row[:] = values


def _source(checkpoint: Checkpoint, shapes: Mapping[str, tuple[int, ...]]) -> _InMemory | _OnDisk:
    if isinstance(checkpoint, str | Path) and Path(checkpoint).suffix == ".safetensors":
        return _OnDisk(Path(checkpoint), shapes)
    return _InMemory(as_state(checkpoint), shapes)


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """(where the tensors' bytes begin, the header) of a safetensors file."""
    if not path.is_file():
        raise IsolossError(f"there is no checkpoint {path}")
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > path.stat().st_size:
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("its header is no table of tensors")
    except (OSError, ValueError) as error:
        raise IsolossError(f"{path} is not a readable checkpoint: {error}") from error
    return 8 + length, header


def another_network(origin: str, name: str) -> IsolossError:
    """The error that the checkpoint `origin` has not the tensor `name`, or another one."""
    return IsolossError(f"{origin} is of another network: {name} is missing or differs")


def _shape(tensor: Tensor) -> tuple[int, ...]:
    """That of a tensor as reals."""
    return (*tensor.shape, 2) if tensor.is_complex() else tuple(tensor.shape)


def flattened(tensor: Tensor) -> NDArray[Any]:
    """A tensor's values as float32 or float64: NumPy knows no bfloat16. Of a complex one real and
    imaginary parts in turn."""
    tensor = as_reals(tensor.detach().cpu()).reshape(-1)
    return (tensor if tensor.dtype == torch.float64 else tensor.float()).numpy()
