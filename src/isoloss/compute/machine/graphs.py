"""CUDA graphs: a computation's kernels are recorded once and started together ever after."""

from __future__ import annotations

import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor

from isoloss.compute.machine.memory import forget_free_memory, is_out_of_memory
from isoloss.compute.machine.user_code import one_line

Found = TypeVar("Found", bound="tuple[Tensor | None, ...]")
FIRST_RECORDED = 3
"""What is of one size is recorded when it comes so many times: little comes no more than twice."""
# Each recording holds what it gives. A surface to a tolerance takes batches of a few sizes, over
# and over.
MOST_SIZES = 8
NEAR, OF_LARGEST = 1e-5, 1e-3
"""By no more may numbers of each sample, and by no more of their largest other ones, differ from
what they are without a recording."""
# PyTorch up to 2.12 asks a graph whose capture failed as long as the process runs.
_FAILED: list[Any] = []


class GraphedCalls:
    """Runs a computation on tensors, from recordings where they give the same.

    What is computed by one name, and with which tensors beside those given, must always be the
    same; of the tensors only the values may change.

    Attributes:
        refused: why nothing more is recorded; None as long as nothing speaks against it.
        records: whether anything new may be recorded.
    """

    def __init__(self) -> None:
        self._recordings: dict[Any, Recording[Any]] = {}
        self._seen: Counter[Any] = Counter()
        self._room: _Room | None = None
        self.refused: str | None = None
        self.records = True

    def __call__(self, compute: Callable[[Any], Found], given: Any, name: Hashable = None) -> Found:
        """What `compute(given)` gives, which are tensors, or None where there is nothing; where
        what is given is a tuple of tensors that come again in shape and type, it is recorded.

        Args:
            name: of what is computed, where that is not always the same.
        """
        if not _are_tensors(given):
            return compute(given)
        kind = (name, *((t.shape, t.dtype, t.device) for t in given))
        if kind in self._recordings:
            return self._recordings[kind].replay(given)
        found = self._without_recording(compute, given)
        if self._is_due(kind):
            self._record(kind, compute, given, found)
        return found

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

    def _without_recording(
        self, compute: Callable[[Any], Found], given: tuple[Tensor, ...]
    ) -> Found:
        """`compute(given)`, for which recordings give their memory back where it is needed."""
        try:
            return compute(given)
        except Exception as error:
            if not (self._recordings and is_out_of_memory(error)):
                raise
            # The frames that it went through hold what was too much.
            traceback.clear_frames(error.__traceback__)
        self._give_back(given[0].device)
        return compute(given)

    def _record(
        self,
        kind: Any,
        compute: Callable[[Any], Found],
        given: tuple[Tensor, ...],
        expected: Found,
    ) -> None:
        device = given[0].device
        try:
            with torch.cuda.device(device), _with_draws_of_its_own(device):
                self._room = self._room or _Room(device)
                # In another order, so that what the recording left does not pass for its result.
                turned = tuple(tensor.flip(0) for tensor in given)
                recording = Recording(compute, turned, self._room)
                if _agree(recording.replay(given), expected):
                    self._recordings[kind] = recording
                else:
                    self.refused = "it gives other numbers when it is run again"
        # A failed capture surfaces as one of many types; what is wrong in earnest is wrong, and
        # reported, without a recording too.
        except Exception as error:
            self.refused = one_line(error)
            if is_out_of_memory(error):  # for a recording; without there is room for more
                self._give_back(device)
        if not self._recordings:
            self._room = None

    def _give_back(self, device: torch.device) -> None:
        self.forget()
        forget_free_memory(device)
        self.refused = "the memory does not suffice"


class Recording(Generic[Found]):
    """The kernels of a computation on tensors of one size.

    Args:
        given: tensors of that size, of its own.
        room: where it is recorded.

    Raises:
        Exception: if what is computed waits for the device, or cannot be recorded; then stream,
            allocator and random numbers are as they were.
    """

    def __init__(
        self, compute: Callable[[Any], Found], given: tuple[Tensor, ...], room: _Room
    ) -> None:
        self._given = given
        with room.beside(), _no_waiting():
            compute(given)  # what libraries prepare for a stream is not recorded
        self._graph = torch.cuda.CUDAGraph()
        with room.capture(self._graph):
            self._found = compute(given)

    def replay(self, given: tuple[Tensor, ...]) -> Found:
        """What was computed, of other tensors of that size."""
        for own, values in zip(self._given, given, strict=True):
            own.copy_(values)
        with torch.cuda.device(given[0].device):
            self._graph.replay()
        found: Any = tuple(None if values is None else values.clone() for values in self._found)
        return found


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


def _are_tensors(given: Any) -> bool:
    return isinstance(given, tuple) and all(isinstance(each, Tensor) for each in given)  # pyright: ignore[reportUnknownVariableType]


def _agree(found: tuple[Tensor | None, ...], expected: tuple[Tensor | None, ...]) -> bool:
    """Whether all numbers are the same but for rounding; after one wait for all of them."""
    same: list[Tensor] = []
    for ours, theirs in zip(found, expected, strict=True):
        if ours is None or theirs is None or not theirs.is_floating_point():
            continue
        sizes = theirs.abs().nan_to_num(0, 0, 0)
        near = NEAR if theirs.ndim == 1 else OF_LARGEST * sizes.amax()
        close = (ours - theirs).abs() <= near + OF_LARGEST * sizes
        same.append((close | (ours == theirs) | ours.isnan() & theirs.isnan()).all())
    return bool(torch.stack(same).all())
