"""CUDA graphs, as far as they can be tested without CUDA: what is recorded, and when."""

from contextlib import nullcontext

import pytest
import torch

from isoloss.compute.engine.graphs import MOST_SIZES, GraphedBatches


def compute(batch):
    inputs, targets = batch
    return inputs.sum(1), targets > 0


@pytest.fixture
def recorded(monkeypatch):
    """Batches from recordings, the sizes of those that were recorded and of those replayed."""
    made, replayed = [], []

    class Recording:
        def __init__(self, compute, inputs, targets):
            if len(targets) == 13:
                raise RuntimeError("operation not permitted when stream is capturing")
            made.append(len(targets))

        def replay(self, inputs, targets):
            replayed.append(len(targets))
            return compute((inputs, targets))

    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    return GraphedBatches(compute, Recording), made, replayed


def batch(n):
    return torch.rand(n, 5), torch.arange(n) % 2


def test_sizes_that_come_again_are_recorded_once(recorded):
    graphed, made, replayed = recorded
    for size in (32, 16, 32, 32, 16, 7):
        given = batch(size)
        for ours, expected in zip(graphed(given), compute(given), strict=True):
            torch.testing.assert_close(ours, expected)
    assert made == [32, 16]
    assert replayed.count(32) >= 2
    assert 7 not in replayed


def test_what_cannot_be_recorded_is_computed(recorded):
    graphed, made, replayed = recorded
    for _ in range(3):
        given = batch(13)
        torch.testing.assert_close(graphed(given)[0], compute(given)[0])
    assert (made, replayed) == ([], [])


def test_recordings_take_no_more_memory_than_a_few_and_give_it_back(recorded):
    graphed, made, _ = recorded
    for size in range(20, 22 + MOST_SIZES):
        graphed(batch(size))
        graphed(batch(size))
    assert made == list(range(20, 20 + MOST_SIZES))
    graphed.forget()
    graphed(batch(29))
    graphed(batch(29))
    assert made[-1] == 29
