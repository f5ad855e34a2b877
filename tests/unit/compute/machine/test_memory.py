"""Memory: how much was needed, and what is done with what is free again."""

from __future__ import annotations

import sys

import pytest
import torch

from isoloss.compute.machine.memory import forget_peak, keep_freed_memory, peak_bytes

CPU = torch.device("cpu")


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


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_the_environment_says_of_memory_stays(name, monkeypatch):
    monkeypatch.setenv(name, "glibc.malloc.trim_threshold=131072")
    assert not keep_freed_memory()
