"""Deterministic kernels are asked for on NVIDIA's GPUs, and the process is left as it was."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
import torch

from isoloss.compute.machine.deterministic import deterministic


def switches():
    cudnn = torch.backends.cudnn
    return (
        torch.get_deterministic_debug_mode(), cudnn.deterministic, cudnn.benchmark,
        torch.utils.deterministic.fill_uninitialized_memory,
    )  # fmt: skip


@pytest.mark.parametrize(("mode", "benchmark"), [("default", False), ("error", True)])
def test_kernels_that_sum_in_one_order_are_asked_for_and_what_was_set_returns(
    monkeypatch, mode, benchmark
):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "as it was, afterwards")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", benchmark)
    plain = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode(mode)
    try:
        before = switches()
        with suppress(ZeroDivisionError), deterministic(torch.device("cuda", 0)):
            assert switches() == (1, True, False, False)
            assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
            raise ZeroDivisionError
        assert switches() == before
    finally:
        torch.set_deterministic_debug_mode(plain)


def test_what_the_environment_says_of_cublas_stays(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with deterministic(torch.device("cuda")):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


@pytest.mark.parametrize("kind", ["cpu", "mps"])
def test_elsewhere_nothing_changes(kind):
    before = switches()
    with deterministic(torch.device(kind)):
        assert switches() == before
