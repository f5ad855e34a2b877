"""Memory: how much was needed, and what is done with what is free again."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from isoloss.compute.machine.memory import forget_peak, keep_freed_memory, peak_bytes

CPU = torch.device("cpu")
BATCHES = """
import ctypes
import resource
import torch
from isoloss.compute.machine.memory import keep_freed_memory

ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: pages of the usual size

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def batch():
    before = faults()
    activations = [torch.ones(6_000_000) for _ in range(5)]
    return faults() - before

plain = [batch() for _ in range(2)]
kept = keep_freed_memory()
print(int(kept), *plain, *(batch() for _ in range(4)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is that of all the time")
def test_the_peak_of_memory_can_begin_anew():
    forget_peak(CPU)  # an earlier test may have needed more
    large = torch.ones(200_000_000, dtype=torch.uint8)
    del large
    before = peak_bytes(CPU)
    forget_peak(CPU)
    assert peak_bytes(CPU) < before - 50_000_000
    assert torch.ones(200_000_000, dtype=torch.uint8)[-1] == 1
    assert peak_bytes(CPU) > before - 50_000_000


def test_a_process_keeps_what_it_frees_once_it_is_asked_to():
    if platform.libc_ver()[0] != "glibc":
        assert not keep_freed_memory()
        return
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUN"))}
    command = [sys.executable, "-c", BATCHES]
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=True)
    kept, first, second, *_, last = map(int, done.stdout.split())
    assert kept
    pages = 5 * 6_000_000 * 4 // os.sysconf("SC_PAGE_SIZE")
    assert min(first, second) > 0.9 * pages
    assert last < 0.3 * pages


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_the_environment_says_of_memory_stays(name, monkeypatch):
    monkeypatch.setenv(name, "glibc.malloc.trim_threshold=131072")
    assert not keep_freed_memory()
