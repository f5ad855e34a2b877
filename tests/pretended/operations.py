"""What becomes of every operation: its results are where its arguments are, or it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from tests.pretended.counts import Counts, line
from tests.pretended.graphs import State
from tests.pretended.marks import CPU, Marks
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Their results tell the host something: it waits for them.
WAITED_FOR = {
    "_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_dim",
    "unique_consecutive", "is_nonzero", "repeat_interleave",
}  # fmt: skip
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}
# They may have tensors of several devices, or say nothing of where.
BETWEEN = {"copy_", "_to_copy", "set_", "lift_fresh", "detach", "_local_scalar_dense", "alias"}
# These take numbers of the host, but no tensors of it, be they of one element.
NO_SCALARS = (
    "cat", "stack", "index_add", "gather", "scatter", "index_select", "embedding", "convolution",
    "mm", "addmm", "bmm", "native_", "nll_loss",
)  # fmt: skip


class Operations(TorchDispatchMode):
    """Sees all operations while it is entered."""

    def __init__(self, marks: Marks, counts: Counts, state: State) -> None:
        super().__init__()
        self._marks, self._counts, self._state = marks, counts, state
        self.sets_a_number = False
        self._target: torch.device | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else PyTorch's compiler is imported, which takes seconds

    @contextmanager
    def at(self, target: torch.device) -> Iterator[None]:
        """What is made inside is on `target`."""
        self._target, before = target, self._target
        try:
            yield
        finally:
            self._target = before

    def wait(self, what: str) -> None:
        """Count that the host waits, where it may.

        Raises:
            RuntimeError: in a capture, and in the sync debug mode "error".
        """
        if self._state.capturing is not None:
            self._state.capturing.refuse()
        if self._state.sync_debug_mode == 2:
            raise RuntimeError("called a synchronizing CUDA operation")
        self._counts.waits[line(), what] += 1

    def brought(self, to: torch.device, *, waits: bool) -> None:
        """Count a copy between host and device."""
        where = "to the host" if to == CPU else "to the device"
        if waits:
            self.wait(f"copy {where}")
        self._counts.copies[line(), where] += 1

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        places = [self._marks.device_of(t) for t in tensors]
        device = next((d for d in places if d.type not in ("cpu", "meta")), None)
        if device is None:
            return self._marked(function(*args, **kwargs), self._target or CPU)
        name = function.__name__.split(".")[0]
        self._counts.launches += 1
        if name == "copy_":
            self._copy(args, places)
            return function(*args, **kwargs)
        if name in WAITED_FOR:
            self.wait(name.strip("_"))
        if name in INDEXING:
            self._index(name, places[0], args[1])
        elif name not in BETWEEN:
            self._check(name, device, tensors, places)
        on = self._target or (places[0] if name == "_to_copy" else device)
        made = self._marked(function(*args, **kwargs), on)
        if self._state.capturing is not None:
            self._state.capturing.note(function, args, kwargs, made)
        return made

    def _marked(self, made: Any, device: torch.device) -> Any:
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and device != CPU:
                self._marks.mark(tensor, device)
        return made

    def _copy(self, args: Any, places: list[torch.device]) -> None:
        to, source = places[0], places[1]
        if to != source and not (self.sets_a_number and args[1].ndim == 0):
            without = len(args) > 2 and args[2]
            self.brought(to, waits=not (without and self.is_pinned(args[1], args[0])))
        if self._state.capturing is not None:
            self._state.capturing.note(torch.ops.aten.copy_.default, args, {}, args[0])

    def is_pinned(self, *tensors: Tensor) -> bool:
        """Whether that of them which is the host's is in pinned memory."""
        return any(self._marks.is_pinned(t) for t in tensors)

    def _index(self, name: str, device: torch.device, indices: Any) -> None:
        for index in indices:
            if isinstance(index, Tensor):
                if self._marks.device_of(index) not in (CPU, device):
                    raise RuntimeError(
                        "indices should be either on cpu or on the same device as the indexed "
                        f"tensor ({device}) (at {line()})"
                    )
                if index.dtype in (torch.bool, torch.uint8):
                    self.wait(f"{name.strip('_')} by a mask")
                if self._marks.device_of(index) == CPU and index.ndim > 0:
                    self.brought(torch.device("cuda"), waits=True)

    def _check(
        self, name: str, device: torch.device, tensors: list[Tensor], places: list[torch.device]
    ) -> None:
        """Refuse tensors of several devices, but for single numbers of the host."""
        strict = any(part in name for part in NO_SCALARS)
        for tensor, place in zip(tensors, places, strict=True):
            if place != device and (tensor.ndim > 0 or strict or place.type != "cpu"):
                raise RuntimeError(
                    "Expected all tensors to be on the same device, but found at least two "
                    f"devices, {device} and {place}! ({name} at {line()})"
                )
