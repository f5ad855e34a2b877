"""What says that memory did not suffice, in the words of PyTorch and NVIDIA's libraries, and what
is then done with fewer samples at once."""

from __future__ import annotations

import weakref
from contextlib import suppress

import pytest
import torch

from isoloss.compute.machine import memory
from isoloss.compute.machine.memory import (
    fewer_at_once,
    free_bytes,
    in_parts,
    is_out_of_memory,
    no_shared_memory,
)
from isoloss.errors import IsolossError

CPU, GPU, APPLE = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))
GIB = 1 << 30
SAYS_SO = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("HIP out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 7.64 GiB, max allowed: 9.07 GiB)."),
    RuntimeError("Invalid buffer size: 19.45 GiB"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("HIPBLAS_STATUS_ALLOC_FAILED when calling `hipblasCreate(&handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate`"),
    RuntimeError("FIND was unable to find an engine to execute this computation"),
    RuntimeError("NVML_SUCCESS == r INTERNAL ASSERT FAILED at CUDACachingAllocator.cpp:1016"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes."),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4096 bytes."),
    MemoryError(),
]


@pytest.mark.parametrize("error", SAYS_SO, ids=lambda e: str(e)[:40])
def test_all_that_says_so_does(error):
    assert is_out_of_memory(error)
    wrapped = ValueError("the network failed")
    wrapped.__cause__ = error
    assert is_out_of_memory(wrapped)


@pytest.mark.parametrize(
    "text",
    [
        "mat1 and mat2 shapes cannot be multiplied (4x3 and 4x5)",
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
        "cuDNN error: CUDNN_STATUS_BAD_PARAM",
        "view size is not compatible: use memory_format=torch.contiguous_format",
    ],
)
def test_what_says_something_else_does_not(text):
    assert not is_out_of_memory(RuntimeError(text))
    with pytest.raises(RuntimeError, match=text[:20]):
        fewer_at_once(8, RuntimeError(text), CPU)


def test_of_one_sample_there_is_no_half():
    assert [fewer_at_once(n, MemoryError(), CPU) for n in (2, 9, 1024)] == [1, 4, 512]
    with pytest.raises(IsolossError, match="single sample: give smaller ones"):
        fewer_at_once(1, MemoryError(), CPU)
    with pytest.raises(IsolossError, match="single sample: choose --device cpu"):
        fewer_at_once(1, SAYS_SO[0], GPU)
    # Memory is not the only cause of that: what it says is then told.
    with pytest.raises(RuntimeError, match="unable to find an engine"):
        fewer_at_once(1, SAYS_SO[11], GPU)


def test_what_was_too_much_is_freed_before_the_next_attempt(monkeypatch):
    """Else the activations of the attempt that failed lie beside those of the next."""
    seen: list[weakref.ref] = []
    monkeypatch.setattr(memory, "forget_free_memory", lambda _: freed.append(seen[0]() is None))
    freed: list[bool] = []

    def work(rows):
        activations = torch.ones(rows.stop - rows.start)
        seen.append(weakref.ref(activations))
        if len(activations) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return rows

    assert [(r.start, r.stop) for r in in_parts(work, 8, 5, GPU)] == [
        (0, 2), (2, 4), (4, 6), (6, 8)
    ]  # fmt: skip
    assert freed == [True]


def test_parts_are_halved_from_where_memory_does_not_suffice():
    most = [7]

    def work(rows):
        if rows.stop - rows.start > most[0]:
            raise MemoryError
        most[0] = 3 if rows.start < 14 else 100
        return list(range(rows.start, rows.stop))

    parts = list(in_parts(work, 20, 16, CPU))
    assert [k for part in parts for k in part] == list(range(20))
    assert [len(part) for part in parts] == [4, 2, 2, 2, 2, 2, 2, 2, 2]
    assert list(in_parts(len_of, 0, 4, CPU)) == [0]


def len_of(rows):
    return rows.stop - rows.start


@pytest.fixture
def gpu_with(monkeypatch):
    """A GPU of 8 GiB as PyTorch tells of it: what is free, taken, held; the share it may take."""
    said = {"free": 5 * GIB, "allocated": GIB, "reserved": 2 * GIB, "share": [1.0]}
    told = {
        "mem_get_info": lambda _: (said["free"], 8 * GIB),
        "memory_allocated": lambda _: said["allocated"],
        "memory_reserved": lambda _: said["reserved"],
        "get_per_process_memory_fraction": lambda _: said["share"][-1],
        "set_per_process_memory_fraction": lambda share, _: said["share"].append(share),
    }
    for name, function in told.items():
        monkeypatch.setattr(torch.cuda, name, function)
    return said


def test_free_is_what_the_driver_has_and_what_pytorch_keeps(gpu_with):
    assert free_bytes(GPU) == 6 * GIB
    gpu_with["share"] = [0.5]  # somebody has said so
    assert free_bytes(GPU) == 3 * GIB
    gpu_with["allocated"] = gpu_with["reserved"] = 5 * GIB
    assert free_bytes(GPU) == 0
    assert free_bytes(CPU) is None


def test_on_apples_gpus_free_is_what_the_system_recommends(monkeypatch):
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 5 * GIB)
    monkeypatch.setattr(torch.mps, "current_allocated_memory", lambda: 2 * GIB)
    assert free_bytes(APPLE) == 3 * GIB


@pytest.mark.parametrize(
    ("system", "release", "may"),
    [
        ("win32", "10", True),
        ("linux", "5.15.167.4-microsoft-standard-WSL2", True),
        ("linux", "6.8.0-45-generic", False),
        ("darwin", "24.1.0", False),
    ],
)
def test_the_gpu_never_goes_on_in_the_computers_memory(gpu_with, monkeypatch, system, release, may):
    monkeypatch.setattr(memory.sys, "platform", system)
    monkeypatch.setattr(memory.platform, "release", lambda: release)
    with suppress(ZeroDivisionError), no_shared_memory(GPU):
        # 2 GiB held, 5 free but for what the driver needs, of 8.
        assert gpu_with["share"][-1] == pytest.approx((7 - 0.25) / 8 if may else 1.0)
        raise ZeroDivisionError
    assert gpu_with["share"][-1] == 1.0
    with no_shared_memory(CPU):
        assert gpu_with["share"][-1] == 1.0
