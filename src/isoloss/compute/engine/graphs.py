"""CUDA graphs: a batch's kernels are recorded once and started together ever after."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from isoloss.compute.data.batch import Batch

Compute = Callable[[Batch], tuple[Tensor, Tensor]]
WARM_UPS = 3
# Each recording holds the memory of its activations. A surface to a tolerance takes batches of a
# few sizes, over and over.
MOST_SIZES = 8


class GraphedBatches:
    """Runs `compute` on batches of tensors, from recordings where they give the same.

    The network's weights must stay where they are in memory; only their values may change.

    Args:
        compute: gives (losses, right answers), (n,) each, of (inputs, targets).
        record: makes a `Recording` of it on a batch.
    """

    def __init__(
        self, compute: Compute, record: Callable[[Compute, Tensor, Tensor], Recording] | None = None
    ) -> None:
        self._compute = compute
        self._new_recording = record or Recording
        # By the shapes of a batch; None where it cannot be recorded.
        self._recordings: dict[Any, Recording | None] = {}
        self._seen: set[Any] = set()

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What `compute(batch)` gives; sizes of batches that come again are recorded."""
        if not _is_pair_of_tensors(batch):
            return self._compute(batch)
        inputs, targets = batch
        size = inputs.shape, targets.shape
        if size not in self._recordings:
            if size not in self._seen or len(self._recordings) == MOST_SIZES:
                self._seen.add(size)
                return self._compute(batch)
            with torch.cuda.device(inputs.device):
                self._recordings[size] = self._record(inputs, targets)
        recording = self._recordings[size]
        if recording is None:
            return self._compute(batch)
        with torch.cuda.device(inputs.device):
            return recording.replay(inputs, targets)

    def forget(self) -> None:
        """Free the memory that the recordings hold."""
        self._recordings.clear()
        self._seen.clear()

    def _record(self, inputs: Tensor, targets: Tensor) -> Recording | None:
        """None where the network does something that cannot be recorded."""
        # A failed capture surfaces as one of many types; what is wrong in earnest is wrong, and
        # reported, without a recording too. Memory is the caller's to free.
        with suppress(Exception):
            recording = self._new_recording(self._compute, inputs, targets)
            # In another order, so that what the recording left behind does not pass for its result.
            inputs, targets = inputs.flip(0), targets.flip(0)
            expected = self._compute((inputs, targets))[0]
            given = recording.replay(inputs, targets)[0]
            if torch.allclose(given, expected, rtol=1e-3, atol=1e-5, equal_nan=True):
                return recording
        return None


def _is_pair_of_tensors(batch: Batch) -> bool:
    return (
        isinstance(batch, tuple)
        and len(batch) == 2  # pyright: ignore[reportUnknownArgumentType]
        and isinstance(batch[0], Tensor)
        and isinstance(batch[1], Tensor)
    )


class Recording:
    """The kernels of `compute` on batches of one size.

    Args:
        inputs, targets: a batch of that size.
    """

    def __init__(self, compute: Compute, inputs: Tensor, targets: Tensor) -> None:
        self._inputs, self._targets = inputs.clone(), targets.clone()
        aside = torch.cuda.Stream(inputs.device)
        aside.wait_stream(torch.cuda.current_stream(inputs.device))
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                compute((self._inputs, self._targets))
        torch.cuda.current_stream(inputs.device).wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._losses, self._hits = compute((self._inputs, self._targets))

    def replay(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """What `compute` gives of another batch of that size."""
        self._inputs.copy_(inputs)
        self._targets.copy_(targets)
        self._graph.replay()
        return self._losses.clone(), self._hits.clone()
