"""Memory: how much was needed, and what is done with what is free again."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from isoloss.compute.memory import forget_peak, peak_bytes

CPU = torch.device("cpu")
BATCHES = """
import ctypes
import resource
import torch
from isoloss.compute.memory import keep_freed_memory

ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: pages of the usual size

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def batch():
    before = faults()
    activations = [torch.ones(6_000_000) for _ in range(5)]
    return faults() - before

kept = keep_freed_memory()
print(int(kept), *(batch() for _ in range(6)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is that of all the time")
def test_the_peak_of_memory_can_begin_anew():
    large = torch.ones(200_000_000, dtype=torch.uint8)
    del large
    before = peak_bytes(CPU)
    forget_peak(CPU)
    assert peak_bytes(CPU) < before - 50_000_000
    assert torch.ones(200_000_000, dtype=torch.uint8)[-1] == 1
    assert peak_bytes(CPU) > before - 50_000_000


@pytest.mark.parametrize("chosen", [{}, {"MALLOC_TRIM_THRESHOLD_": "131072"}])
def test_a_process_keeps_what_it_frees_unless_told_otherwise(chosen):
    if platform.libc_ver()[0] != "glibc":
        from isoloss.compute.memory import keep_freed_memory

        assert not keep_freed_memory()
        return
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUN"))}
    command = [sys.executable, "-c", BATCHES]
    done = subprocess.run(command, env=plain | chosen, capture_output=True, text=True, check=True)
    kept, first, *_, last = map(int, done.stdout.split())
    assert bool(kept) is not bool(chosen)
    pages = 5 * 6_000_000 * 4 // os.sysconf("SC_PAGE_SIZE")
    assert first > 0.9 * pages
    assert (last < 0.3 * pages) is bool(kept)
