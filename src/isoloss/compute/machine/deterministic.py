"""Kernels that give the same every time, where a run is to go on as if nothing had happened."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def deterministic(device: torch.device) -> Generator[None]:
    """Inside, operations on an NVIDIA GPU sum in the same order every time, as they do on a CPU;
    of those that cannot PyTorch warns (https://pytorch.org/docs/stable/notes/randomness.html)."""
    if device.type != "cuda":
        yield
        return
    # Read where cuBLAS is first used; without it the order is of several streams at once.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    cudnn: Any = torch.backends.cudnn
    memory: Any = torch.utils.deterministic
    before = (
        torch.get_deterministic_debug_mode(), memory.fill_uninitialized_memory,
        cudnn.deterministic, cudnn.benchmark,
    )  # fmt: skip
    torch.set_deterministic_debug_mode("warn")
    memory.fill_uninitialized_memory = False
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before[0])
        memory.fill_uninitialized_memory, cudnn.deterministic, cudnn.benchmark = before[1:]
