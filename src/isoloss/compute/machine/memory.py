"""Memory: how much was needed, whether it sufficed, what is done with what is free again."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path

import torch


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


def is_out_of_memory(error: Exception) -> bool:
    """Whether it says that the memory of a device did not suffice."""
    said = ("can't allocate memory", "not enough memory")
    named = type(error).__name__ == "OutOfMemoryError"
    return named or isinstance(error, MemoryError) or any(text in str(error) for text in said)


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
