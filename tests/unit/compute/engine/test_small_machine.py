"""Probes on a machine whose memory does not suffice for a whole batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isoloss import IsolossError, probe, random_plane
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.engine.points_at_once import points_at_once

CPU = torch.device("cpu")


def images(n):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, 3, 16, 16, generator=generator)
    return x, torch.randint(0, 4, (n,), generator=generator)


def evaluator(model, plane, data, **options):
    return Evaluator(model, plane, ShuffledSamples.of_batches([data], 0, CPU), None, CPU, **options)


def on_a_small_machine():
    """A network, and the most samples of a batch for which the memory suffices: [most]."""
    most = [40]

    class Needy(nn.Flatten):
        def forward(self, x):
            if len(x) > most[0]:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    return nn.Sequential(Needy(), nn.Linear(768, 4)), most


def test_out_of_memory_halves_the_batch_and_loses_no_sample():
    model, most = on_a_small_machine()
    data = images(40)
    ours = evaluator(model, random_plane(model), data, batch_size=32)
    expected = ours.evaluate(0, 40)[0]
    most[0] = 9
    losses = ours.evaluate(0, 40)[0]
    assert ours.batch_size == 8
    torch.testing.assert_close(losses, expected)
    most[0] = 0
    with pytest.raises(IsolossError, match="single sample"):
        ours.evaluate(0, 40)


def test_points_evaluated_together_run_out_of_memory_likewise():
    model, most = on_a_small_machine()
    ours = evaluator(model, random_plane(model), images(40), batch_size=32)
    points = [(0.1, 0.2), (0.5, -1.0)]
    expected = ours.evaluate_at(points, 0, 40)[0]
    most[0] = 9
    losses, hits = ours.evaluate_at(points, 0, 40)
    assert ours.batch_size == 8
    assert hits.shape == (2, 40)
    torch.testing.assert_close(losses, expected)


def test_points_together_that_are_too_many_leave_batches_as_large_as_they_were():
    model, most = on_a_small_machine()
    ours = evaluator(model, random_plane(model), images(40), batch_size=32)
    most[0] = 20
    assert points_at_once(ours, 4) == 1
    assert ours.batch_size == 32


def test_batches_as_they_came_are_not_cut():
    model, most = on_a_small_machine()
    inputs, targets = images(12)
    data = [(inputs[:8], targets[:8]), (inputs[8:, :, :4], targets[8:])]
    network = nn.Sequential(nn.AdaptiveAvgPool2d(16), model)
    ours = Evaluator(
        network, random_plane(network), ShuffledSamples.of_batches(data, 0, CPU), None, CPU
    )
    most[0] = 5
    with pytest.raises(IsolossError, match="out of memory with a batch as it came"):
        ours.evaluate(0, 12)


def test_batch_norms_are_measured_anew_on_whole_batches_or_not_at_all():
    """In halves of a batch they would have other statistics."""
    model, most = on_a_small_machine()
    network = nn.Sequential(nn.BatchNorm2d(3), model)
    data = images(40)
    ours = evaluator(
        network, random_plane(network), data, recalibrate=[(data[0][:20], data[1][:20])]
    )
    most[0] = 10
    with pytest.raises(IsolossError, match=r"measured anew, 20 samples together: .*frozen"):
        ours.move_to(0.0, 0.0)


def test_a_precision_is_not_left_for_want_of_memory():
    """bf16 takes less than what would come after it."""

    class Needy(nn.Linear):
        def forward(self, x):
            if torch.is_autocast_enabled("cpu"):
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().forward(x.flatten(1))

    model = Needy(768, 4)
    with pytest.raises(IsolossError, match="out of memory"):
        probe(
            model, [images(12)], random_plane(model), [0.0, 1.0], [0.0, 1.0], precision="bf16",
            progress=False,
        )  # fmt: skip
