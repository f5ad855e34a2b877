"""How many samples at once, on devices with more memory and with less."""

from __future__ import annotations

import pytest
import torch

from isoloss.compute.engine import batch_size
from isoloss.compute.engine.batch_size import suitable_batch_size

CPU, GPU, APPLE = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))
MIB, GIB = 1 << 20, 1 << 30


@pytest.fixture
def free(monkeypatch):
    """Bytes that are free on whatever GPU: [bytes]."""
    now = [100 * GIB]
    found = lambda device: None if device.type == "cpu" else now[0]  # noqa: E731
    monkeypatch.setattr(batch_size, "free_bytes", found)
    return now


@pytest.mark.parametrize(
    ("widest", "of", "expected"),
    [
        (4096, 100 * GIB, 8192),  # the digits' network
        (MIB, 100 * GIB, 1024),  # ResNet-50 on CIFAR-10
        (64 * 112 * 112 * 4, 100 * GIB, 256),  # on ImageNet
        (64 * 384 * 384 * 4, 100 * GIB, 16),
        (MIB, 7 * GIB, 512),
        (64 * 112 * 112 * 4, 3 * GIB, 64),
        (64 * 384 * 384 * 4, 400 * MIB, 1),
        (8 * GIB, 100 * GIB, 1),
        (0, 0, 1),
    ],
)
def test_on_a_gpu_by_the_activations_and_what_is_free(free, widest, of, expected):
    free[0] = of
    assert suitable_batch_size(widest, GPU) == expected


@pytest.mark.parametrize("widest", [1, 1000, 3 * MIB, 700 * MIB])
def test_no_activation_has_as_many_elements_as_32_bits_count(free, widest, monkeypatch):
    monkeypatch.setitem(batch_size.BUSY_BYTES, "cuda", 1 << 50)
    monkeypatch.setattr(batch_size, "LARGEST_BATCH_ON_GPU", 1 << 40)
    free[0] = 1 << 50
    n = suitable_batch_size(widest, GPU)
    assert n * widest // 2 < 2**31  # of two bytes each
    assert 2 * n * widest // 2 >= 2**31 - widest


def test_apples_gpus_take_less_and_processors_go_by_their_cache(free):
    assert suitable_batch_size(MIB, APPLE) == 256
    free[0] = 0
    assert suitable_batch_size(MIB, CPU) == 16
    assert suitable_batch_size(64 * MIB, CPU) == 8
    assert suitable_batch_size(1, CPU) == 1024
