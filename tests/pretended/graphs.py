"""Streams, and graphs of what was done on them, without a GPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_leaves

CAPTURING = "CUDA error: operation not permitted when stream is capturing"


class Stream:
    """One of a device's streams; work on it is done at once."""

    def __init__(self, device: Any = None) -> None:
        self.device = device
        self.waited_for: list[Any] = []

    def wait_stream(self, other: Stream) -> None:
        self.waited_for.append(other)

    def wait_event(self, event: Any) -> None:
        self.waited_for.append(event)

    def record_event(self) -> Any:
        return object()


class State:
    """What a process has of a GPU beside tensors.

    Attributes:
        stream: the current one.
        capturing: the graph that is being captured.
        pools: the ids of those the allocator takes memory from, one for each capture under way.
        uses: by id, how many graphs and `MemPool`s hold a pool.
        captures: how many were brought to their end.
        replays: how often graphs were replayed.
        failed: how many captures were not brought to their end.
        random: the default generator's state; whether it takes itself to be `captured`.
        sync_debug_mode: 2 refuses waits.
        share: of the memory that a process may take.
    """

    def __init__(self) -> None:
        self.default_stream = self.stream = Stream()
        self.capturing: Graph | None = None
        self.share = 1.0
        self.pools: list[Any] = []
        self.uses: Counter[Any] = Counter()
        self.handles = 0
        self.captures = 0
        self.replays = 0
        self.failed = 0
        self.random = SimpleNamespace(captured=False)
        self.sync_debug_mode = 0


class Graph:
    """`torch.cuda.CUDAGraph`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._noted: list[tuple[Callable[..., Any], Any, Any, Any]] = []
        self._broken = self._ended = False
        self._pool: Any = None

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "global") -> None:
        state = self._state
        if state.stream is state.default_stream:
            raise RuntimeError("CUDA graphs must be captured on a non-default stream.")
        if pool in state.pools:
            raise RuntimeError("beginAllocateToPool: already recording to mempool_id")
        if pool is None:
            state.handles += 1
            pool = (state.handles, 0)
        self._pool, self._random = pool, state.random
        state.pools.append(pool)
        state.uses[pool] += 1
        state.capturing, self._random.captured = self, True

    def capture_end(self) -> None:
        state = self._state
        if state.capturing is not self:
            raise RuntimeError("capture_end() called before capture_begin().")
        state.capturing = None
        if self._broken:
            # cudaStreamEndCapture raises before the allocator and the generator are told.
            state.failed += 1
            raise RuntimeError(
                "CUDA error: operation failed due to a previous error during capture"
            )
        state.pools.remove(self._pool)
        self._random.captured, self._ended = False, True
        state.captures += 1

    def note(self, function: Callable[..., Any], args: Any, kwargs: Any, made: Any) -> None:
        """Keep one operation with its tensors."""
        self._noted.append((function, args, kwargs, made))

    def refuse(self) -> None:
        """What cannot be captured ends the capture, whatever comes after."""
        self._broken = True
        raise RuntimeError(CAPTURING)

    def replay(self) -> None:
        self._state.replays += 1
        with _disable_current_modes(), torch.no_grad():
            self._again()

    def _again(self) -> None:
        for function, args, kwargs, made in self._noted:
            given = {t.untyped_storage()._cdata for t in _tensors((args, kwargs))}
            anew = function(*args, **kwargs)
            for old, new in zip(_tensors(made), _tensors(anew), strict=True):
                if old.untyped_storage()._cdata not in given:
                    old.copy_(new)

    def reset(self) -> None:
        self._noted.clear()
        if self._ended:  # else PyTorch up to 2.13 does not give back what it holds
            self._ended = False
            self._state.uses[self._pool] -= 1

    def __del__(self) -> None:
        self.reset()

    def pool(self) -> Any:
        return self._pool


class Pool:
    """`torch.cuda.MemPool`."""

    def __init__(self, state: State) -> None:
        state.handles += 1
        self._state, self.id = state, (0, state.handles)
        state.uses[self.id] += 1

    def use_count(self) -> int:
        return self._state.uses[self.id]

    def __del__(self) -> None:
        self._state.uses[self.id] -= 1


def _tensors(of: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(of) if isinstance(leaf, torch.Tensor)]


class Capture:
    """`torch.cuda.graph`: where the capture cannot be ended, the stream stays the captured one."""

    side: Stream | None = None

    def __init__(
        self, graph: Graph, pool: Any = None, stream: Stream | None = None,
        capture_error_mode: str = "global",
    ) -> None:  # fmt: skip
        self._graph, self._pool = graph, pool
        Capture.side = Capture.side or Stream()
        self._state, self._stream = graph._state, stream or Capture.side

    def __enter__(self) -> None:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        self._before = self._state.stream
        self._state.stream = self._stream
        self._graph.capture_begin(self._pool)

    def __exit__(self, *error: object) -> None:
        self._graph.capture_end()
        self._state.stream = self._before
