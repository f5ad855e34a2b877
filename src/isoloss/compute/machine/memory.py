"""Memory: how much was needed, whether it sufficed, what is done with what is free again."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import torch

from isoloss.errors import IsolossError

Result = TypeVar("Result")

_FOR_THE_DRIVER = 256 << 20
"""Bytes that contexts, libraries and other windows may take beside what PyTorch allocates."""


def forget_peak(device: torch.device) -> None:
    """Let the peak begin anew with what is taken now, where that is possible (CUDA and Linux)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_bytes(device: torch.device) -> int:
    """The most memory so far, or since `forget_peak`: of the device's own allocator, or of this
    process; 0 if unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


# What PyTorch, its allocators and NVIDIA's libraries say in errors that have no type of their own:
# c10's CPUAllocator.cpp and CUDAException.h, ATen's MPSAllocator.mm, cublas and cudnn's status.
_SAYS_SO = (
    "out of memory", "Invalid buffer size", "can't allocate memory", "not enough memory",
    "BLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "SOLVER_STATUS_ALLOC_FAILED",
    "DEVICE_ALLOCATION_FAILED", "HOST_ALLOCATION_FAILED",
)  # fmt: skip
# What they say where memory is the usual cause: cuDNN has swallowed that no workspace was to be
# had, or a library's handle none, or the driver is asked what it has left.
_HINTS_AT_IT = (
    "unable to find an engine to execute", "BLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_NOT_INITIALIZED", "NVML_SUCCESS == r",
)  # fmt: skip


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether it says that the memory of a device did not suffice, or was raised from what does."""
    if error is None:
        return False
    named = type(error).__name__ == "OutOfMemoryError"
    if named or isinstance(error, MemoryError) or _says(error, _SAYS_SO):
        return True
    return _says(error, _HINTS_AT_IT) or is_out_of_memory(error.__cause__)


def refuse_out_of_memory(error: Exception) -> None:
    """Raise `error` where it says that memory did not suffice: nothing follows from it about a
    network that was tried out."""
    if is_out_of_memory(error):
        raise error


def fewer_at_once(size: int, error: Exception, device: torch.device) -> int:
    """Half of `size`, where memory did not suffice for so many samples; what is free is freed.

    Raises:
        IsolossError: if it does not suffice for one.
        Exception: `error`, if it is another.
    """
    if not is_out_of_memory(error):
        raise error
    if size <= 1:
        if _says(error, _HINTS_AT_IT):
            raise error
        remedy = "give smaller ones" if device.type == "cpu" else "choose --device cpu"
        raise IsolossError(f"out of memory with a single sample: {remedy}") from error
    # The frames that it went through hold the activations that were too many.
    traceback.clear_frames(error.__traceback__)
    forget_free_memory(device)
    return size // 2


def in_parts(
    work: Callable[[slice], Result], n: int, size: int, device: torch.device
) -> Iterator[Result]:
    """`work` of `n` rows, at most `size` at a time, and fewer from where memory does not suffice.

    Raises:
        IsolossError: as `fewer_at_once`.
    """
    first = 0
    while True:
        rows = slice(first, min(first + size, n))
        try:
            found = work(rows)
        except (RuntimeError, MemoryError) as error:
            size = fewer_at_once(min(size, n - first), error, device)
            continue
        yield found
        first = rows.stop
        if first >= n:
            return


def _says(error: BaseException, texts: tuple[str, ...]) -> bool:
    said = str(error)
    return any(text in said for text in texts)


def forget_free_memory(device: torch.device) -> None:
    """Give what PyTorch keeps in reserve on a GPU back to it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def free_bytes(device: torch.device) -> int | None:
    """How much of a GPU's memory can still be allocated, with what PyTorch keeps in reserve; None
    for a CPU, whose memory the system looks after."""
    if device.type == "mps":
        return max(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory(), 0)
    if device.type != "cuda":
        return None
    free, total = torch.cuda.mem_get_info(device)
    allocated = torch.cuda.memory_allocated(device)
    reserve = torch.cuda.memory_reserved(device) - allocated
    allowed = int(torch.cuda.get_per_process_memory_fraction(device) * total) - allocated
    return max(min(free + reserve, allowed), 0)


def total_bytes(device: torch.device) -> int | None:
    """How much memory a GPU has; None for a CPU."""
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    if device.type != "cuda":
        return None
    return torch.cuda.get_device_properties(device).total_memory


@contextmanager
def no_shared_memory(device: torch.device) -> Generator[None]:
    """Inside, what exceeds a GPU's own memory is an error, as everywhere else, also on Windows and
    in its subsystem for Linux: their driver would go on in the computer's memory, many times as
    slowly, and say nothing."""
    if device.type != "cuda" or not _may_spill():
        yield
        return
    before = torch.cuda.get_per_process_memory_fraction(device)
    free, total = torch.cuda.mem_get_info(device)
    own = torch.cuda.memory_reserved(device) + max(free - _FOR_THE_DRIVER, 0)
    torch.cuda.set_per_process_memory_fraction(min(own / total, before), device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(before, device)


def _may_spill() -> bool:
    """Whether the driver lets a process take more than the GPU has."""
    return sys.platform == "win32" or "microsoft" in platform.release().lower()


# Of mallopt(3): how much may be free at the heap's end, and from what size on a block is mapped by
# itself; glibc allows no more than 32 MiB.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_IN_HEAP = 32 << 20


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, for its next batch.

    glibc gives the end of its heap back to the kernel, which hands it out again cleared, page by
    page: for the activations of a network that may take as long as computing them. Elsewhere
    nothing changes, nor where the environment says what is to be done (`MALLOC_…_`,
    `GLIBC_TUNABLES`).

    Returns:
        Whether it does.
    """
    chosen = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if chosen or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = ((_MMAP_THRESHOLD, _LARGEST_IN_HEAP), (_TRIM_THRESHOLD, -1))
    return all(mallopt(option, value) == 1 for option, value in wanted)
