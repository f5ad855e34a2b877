"""CUDA graphs: a batch's kernels are recorded once and started together ever after."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, cast

import torch
from torch import Tensor

from isoloss.compute.data.batch import Batch
from isoloss.compute.machine.memory import is_out_of_memory
from isoloss.compute.machine.user_code import one_line

Compute = Callable[[Batch], tuple[Tensor, Tensor]]
WARM_UPS = 3
FIRST_RECORDED = 3
"""Batches of one size are recorded when so many have come: few come no more than twice."""
# Each recording holds what it gives. A surface to a tolerance takes batches of a few sizes, over
# and over.
MOST_SIZES = 8
# PyTorch up to 2.12 asks a graph whose capture failed as long as the process runs.
_FAILED: list[Any] = []


class GraphedBatches:
    """Runs a computation on batches of tensors, from recordings where they give the same.

    What is computed, and with which tensors beside the batch, must always be the same; of the
    tensors only the values may change.

    Attributes:
        refused: why nothing more is recorded; None as long as nothing speaks against it.
        records: whether anything new may be recorded.
    """

    def __init__(self) -> None:
        self._recordings: dict[Any, Recording] = {}
        self._seen: Counter[Any] = Counter()
        self._room: _Room | None = None
        self.refused: str | None = None
        self.records = True

    def __call__(self, compute: Compute, batch: Batch) -> tuple[Tensor, Tensor]:
        """What `compute(batch)` gives, which is (losses, right answers), (n,) each, of (inputs,
        targets); batches that come again in shape and type are recorded."""
        if not _is_pair_of_tensors(batch):
            return compute(batch)
        kind = tuple((t.shape, t.dtype, t.device) for t in batch)
        if kind not in self._recordings and self._is_due(kind):
            self._record(kind, compute, *batch)
        if kind not in self._recordings:
            return compute(batch)
        return self._recordings[kind].replay(*batch)

    def forget(self) -> None:
        """Free the memory that the recordings hold."""
        self._recordings.clear()
        self._seen.clear()
        self._room = None

    def _is_due(self, kind: Any) -> bool:
        if not self.records or self.refused or len(self._recordings) == MOST_SIZES:
            return False
        self._seen[kind] += 1
        return self._seen[kind] >= FIRST_RECORDED

    def _record(self, kind: Any, compute: Compute, inputs: Tensor, targets: Tensor) -> None:
        try:
            with torch.cuda.device(inputs.device), _with_draws_of_its_own(inputs.device):
                self._room = self._room or _Room(inputs.device)
                recording = Recording(compute, inputs, targets, self._room)
                # In another order, so that what the recording left does not pass for its result.
                inputs, targets = inputs.flip(0), targets.flip(0)
                expected = compute((inputs, targets))[0]
                given = recording.replay(inputs, targets)[0]
            if torch.allclose(given, expected, rtol=1e-3, atol=1e-5, equal_nan=True):
                self._recordings[kind] = recording
            else:
                self.refused = "its losses are others when it is run again"
        # A failed capture surfaces as one of many types; what is wrong in earnest is wrong, and
        # reported, without a recording too.
        except Exception as error:
            self.refused = one_line(error)
            if is_out_of_memory(error):  # for a recording; without there is room for more
                self.forget()
                self.refused = "the memory does not suffice"
        if not self._recordings:
            self._room = None


class Recording:
    """The kernels of a computation on batches of one size.

    Args:
        inputs, targets: a batch of that size.
        room: where it is recorded.

    Raises:
        Exception: if what is computed waits for the device, or cannot be recorded; then stream,
            allocator and random numbers are as they were.
    """

    def __init__(self, compute: Compute, inputs: Tensor, targets: Tensor, room: _Room) -> None:
        self._inputs, self._targets = inputs.clone(), targets.clone()
        batch = (self._inputs, self._targets)
        with room.beside():
            for _ in range(WARM_UPS):
                compute(batch)
            with _no_waiting():
                compute(batch)
        self._graph = torch.cuda.CUDAGraph()
        with room.capture(self._graph):
            self._losses, self._hits = compute(batch)

    def replay(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """What was computed, of another batch of that size."""
        self._inputs.copy_(inputs)
        self._targets.copy_(targets)
        with torch.cuda.device(inputs.device):
            self._graph.replay()
        return self._losses.clone(), self._hits.clone()


class _Room:
    """The stream that recordings are made on, and the memory that all of them share.

    One is replayed after the other, and what it gives is copied: they may use the same memory.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.MemPool()

    @contextmanager
    def beside(self) -> Generator[None]:
        """Work goes to the stream inside; all that comes later waits for it."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            yield
        current.wait_stream(self._stream)

    @contextmanager
    def capture(self, graph: torch.cuda.CUDAGraph) -> Generator[None]:
        """What is done inside is not done, but kept in `graph`."""
        uses, pool = self._pool.use_count(), cast("Any", self._pool.id)
        try:
            with torch.cuda.stream(self._stream):
                graph.capture_begin(pool, capture_error_mode="thread_local")
                try:
                    yield
                except BaseException:
                    with suppress(Exception):  # what came first says more
                        graph.capture_end()
                    raise
                graph.capture_end()
        except BaseException:
            self._take_back(graph, uses)
            raise

    def _take_back(self, graph: torch.cuda.CUDAGraph, uses: int) -> None:
        """What a failed capture leaves behind: PyTorch up to 2.12 goes on taking memory from the
        pool, and up to 2.13 never gives that back."""
        index = torch.cuda.current_device()
        with suppress(Exception):
            torch._C._cuda_endAllocateToPool(index, self._pool.id)
        graph.reset()
        while self._pool.use_count() > uses:
            torch._C._cuda_releasePool(index, self._pool.id)
        _FAILED.append(graph)


@contextmanager
def _no_waiting() -> Generator[None]:
    """What waits for the device raises inside: it cannot be recorded, nor what follows from it."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Synchronization debug mode")
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


@contextmanager
def _with_draws_of_its_own(device: torch.device) -> Generator[None]:
    """What is drawn at random inside is not missing afterwards; nor does a capture that failed
    leave PyTorch's generator captured, as up to 2.12."""
    generator = torch.cuda.default_generators[device.index]
    own = generator.graphsafe_get_state()
    generator.graphsafe_set_state(own.clone_state())
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        generator.graphsafe_set_state(own)


def _is_pair_of_tensors(batch: Batch) -> bool:
    return (
        isinstance(batch, tuple)
        and len(batch) == 2  # pyright: ignore[reportUnknownArgumentType]
        and isinstance(batch[0], Tensor)
        and isinstance(batch[1], Tensor)
    )
