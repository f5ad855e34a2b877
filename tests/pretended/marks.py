"""Which tensors are said to be on the pretended device: those whose storage is marked."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

CPU = torch.device("cpu")
# What a test may have replaced while it asks.
true_device = torch.Tensor.device.__get__


class Marks:
    """The storages on a device, and how much memory they take.

    Args:
        memory: bytes that the device has; None for no end.
    """

    def __init__(self, memory: int | None) -> None:
        self._memory = memory
        # The weak reference keeps the address from being given to another storage.
        self._marked: dict[int, tuple[StorageWeakRef, torch.device, int]] = {}
        self._pinned: dict[int, StorageWeakRef] = {}
        self.peak = 0

    def device_of(self, tensor: Tensor) -> torch.device:
        """Where a tensor is said to be."""
        while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            tensor = torch._C._functorch.get_unwrapped(tensor)
        try:
            found = self._marked.get(tensor.untyped_storage()._cdata)
        except (RuntimeError, NotImplementedError):  # one without a storage
            found = None
        return true_device(tensor) if found is None else found[1]

    def mark(self, tensor: Tensor, device: torch.device) -> Tensor:
        """Say that a tensor is on `device`.

        Raises:
            torch.OutOfMemoryError: if its memory does not suffice.
        """
        storage = tensor.untyped_storage()
        if device.type == "mps" and tensor.dtype == torch.float64:
            raise TypeError(
                "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support "
                "float64. Please use float32 instead."
            )
        if storage._cdata not in self._marked and true_device(tensor).type != "meta":
            size = storage.nbytes()
            self._marked[storage._cdata] = StorageWeakRef(storage), device, size
            if self._memory is not None:
                used = self.used(device)
                if used > self._memory:
                    raise torch.OutOfMemoryError(
                        f"CUDA out of memory. Tried to allocate {size} bytes."
                    )
                self.peak = max(self.peak, used)
        return tensor

    def pin(self, tensor: Tensor) -> Tensor:
        """Say that a tensor is in pinned memory of the host."""
        storage = tensor.untyped_storage()
        self._pinned[storage._cdata] = StorageWeakRef(storage)
        return tensor

    def is_pinned(self, tensor: Tensor) -> bool:
        """Whether it is."""
        return tensor.untyped_storage()._cdata in self._pinned

    def used(self, device: torch.device) -> int:
        """Bytes of the storages on `device` that are still there."""
        self._marked = {k: m for k, m in self._marked.items() if not m[0].expired()}
        return sum(size for _, where, size in self._marked.values() if where == device)
