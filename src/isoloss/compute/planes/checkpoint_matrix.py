"""Many checkpoints as the rows of one matrix, read from disk piece by piece.

Of a hundred ResNet-50s it is 20 GB, and never whole in memory: threads read a block of its columns
from all files, make it float64 and hand it on in pieces that fit into the processor's cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from isoloss.compute.networks.checkpoint_files import Stored, files_of, is_safetensors, stored_in
from isoloss.compute.networks.checkpoints import Checkpoint, as_state, saved_in
from isoloss.compute.networks.matching import Wanted
from isoloss.compute.networks.reals import as_reals
from isoloss.compute.networks.state_dicts import State, find
from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.system.processors import allotted

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

    Args:
        network: what the checkpoints are of; without it they are compared with `origin` by name.
        key: which network of several that were saved together.

    Raises:
        IsolossError: if a checkpoint cannot be read or is of another network.
    """

    def __init__(
        self,
        checkpoints: Sequence[Checkpoint],
        origin: State,
        names: Collection[str],
        network: nn.Module | None = None,
        key: str | None = None,
    ) -> None:
        # In the order in which safetensors lays them out, so that files are read front to back.
        self._origin = {k: flattened(origin[k]) for k in sorted(names)}
        wanted = Wanted.of_state(origin) if network is None else Wanted.of_network(network)
        self._sources = [_source(c, self._origin, wanted, network, key) for c in checkpoints]

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
        threads = min(THREADS, allotted(), max(len(blocks), 1))
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
    """A checkpoint that is at hand, or mapped, as a state dict."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._flat = {k: as_reals(t.detach().cpu()).reshape(-1) for k, t in tensors.items()}
        self.is_double = any(t.dtype == torch.float64 for t in self._flat.values())

    def read(self, name: str, first: int, row: NDArray[Any]) -> None:
        """Fill `row` with the values of the tensor from `first` on."""
        row[:] = flattened(self._flat[name][first : first + len(row)])


class _OnDisk:
    """Tensors in safetensors files.

    They are read, not mapped, so that what was read does not stay in this process's memory, and
    the files opened anew for each stretch, since a process may not hold hundreds of them open
    everywhere.
    """

    def __init__(self, tensors: Mapping[str, Stored]) -> None:
        self._tensors = {k: (t, _COMPLEX.get(t.kind, t.kind)) for k, t in tensors.items()}
        for name, (tensor, kind) in self._tensors.items():
            if kind not in _FLOATS:
                raise IsolossError(
                    f"{tensor.file} holds {name} as {kind}, which is no common float type"
                )
            parts = 2 if tensor.kind in _COMPLEX else 1
            size = parts * math.prod(tensor.shape) * np.dtype(_FLOATS[kind]).itemsize
            if tensor.end - tensor.begin != size:
                raise IsolossError(f"{tensor.file} is not a readable checkpoint: it is cut short")
        self.is_double = any(kind == "F64" for _, kind in self._tensors.values())

    def read(self, name: str, first: int, row: NDArray[Any]) -> None:
        """Fill `row` with the values of the tensor from `first` on."""
        tensor, kind = self._tensors[name]
        stored = np.dtype(_FLOATS[kind]).newbyteorder("<")
        values = row if stored == row.dtype else np.empty(len(row), stored)
        left = memoryview(values.view(np.uint8))  # pyright: ignore[reportArgumentType]
        try:
            with tensor.file.open("rb", buffering=0) as file:
                file.seek(tensor.begin + first * stored.itemsize)
                while left and (count := file.readinto(left)):
                    left = left[count:]
        except OSError as error:
            raise IsolossError(f"{tensor.file} cannot be read: {error}") from error
        if left:
            raise IsolossError(f"{tensor.file} is not a readable checkpoint: it is cut short")
        if kind == "BF16":
            # The upper half of a float32.
            values = (values.astype(np.uint32) << 16).view(np.float32)
        if values is not row:
            row[:] = values


def _source(
    checkpoint: Checkpoint, names: Collection[str], wanted: Wanted, network: nn.Module | None,
    key: str | None,
) -> _InMemory | _OnDisk:  # fmt: skip
    """Where the tensors `names` of a checkpoint are read, whatever they are called there."""
    label = str(checkpoint) if isinstance(checkpoint, str | Path) else "a checkpoint"
    stored = _stored(checkpoint)
    saved = saved_in(checkpoint) if stored is None else {k: t.outline for k, t in stored.items()}
    these = replace(wanted.only(names), others_beside=True)
    try:
        found = find(saved, label, these, wanted, key=key)
    except IsolossError:
        if network is None:
            raise
        state = as_state(checkpoint, network, label=label, key=key)
        return _InMemory({k: state[k] for k in names})
    if stored is not None:
        return _OnDisk({k: stored[found.names[k]] for k in names})
    return _InMemory({k: found.state[found.names[k]] for k in names})


def _stored(checkpoint: Checkpoint) -> dict[str, Stored] | None:
    """The tensors of a checkpoint that lies in safetensors files; None for any other."""
    if not isinstance(checkpoint, str | Path):
        return None
    files = files_of(Path(checkpoint))
    if not all(map(is_safetensors, files)):
        return None
    return {name: tensor for file in files for name, tensor in stored_in(file).items()}


def flattened(tensor: Tensor) -> NDArray[Any]:
    """A tensor's values as float32 or float64: NumPy knows no bfloat16. Of a complex one real and
    imaginary parts in turn."""
    tensor = as_reals(tensor.detach().cpu()).reshape(-1)
    return (tensor if tensor.dtype == torch.float64 else tensor.float()).numpy()
