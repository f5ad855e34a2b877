"""The barrier of an interpolation, against its definition, and its interval over samples."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import isoloss
from isoloss.cli.describe import describe
from isoloss.geometry.analysis.barrier import Barrier, barrier_of
from isoloss.geometry.analysis.curve import curve_of

QUIET = {"device": "cpu", "progress": False, "alpha": np.linspace(0, 1, 11)}


def network(seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    return model


def samples(n, seed=0):
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(n, 4, generator=draw)
    return inputs, torch.randint(3, (n,), generator=draw)


def pair(n):
    """Two networks that are right, with hidden units in other places, and n samples."""
    start, end = network(1), network(1)
    data = samples(n)
    with torch.no_grad():
        for name, dim in (("0.weight", 0), ("0.bias", 0), ("2.weight", 1)):
            moved = end.get_parameter(name)
            moved.copy_(moved.roll(1, dim))
        return start, end, (data[0], start(data[0]).argmax(1))


def losses(start, end, alpha, data):
    """(n,) by hand."""
    pairs = zip(start.parameters(), end.parameters(), strict=True)
    mixed = network(0)
    with torch.no_grad():
        for own, (one, other) in zip(mixed.parameters(), pairs, strict=True):
            own.copy_((1 - alpha) * one + alpha * other)
        return F.cross_entropy(mixed(data[0]), data[1], reduction="none").double().numpy()


def above(start, end, alpha, data):
    ends = [losses(start, end, at, data) for at in (0.0, 1.0)]
    return losses(start, end, alpha, data) - (1 - alpha) * ends[0] - alpha * ends[1]


def test_it_is_the_highest_rise_above_the_line_between_the_ends(tmp_path):
    start, end, data = pair(50)
    line = isoloss.interpolation(start, start, end)
    curve = isoloss.probe(start, [data], line, **QUIET)
    rises = [above(start, end, a, data).mean() for a in curve.alpha]
    np.testing.assert_allclose(curve.columns["barrier"][:, 0], rises, atol=1e-6)
    found = barrier_of(curve)
    assert found.value > 0.3
    assert found.value == pytest.approx(max(rises), abs=1e-6)
    # Everything was seen: nothing is left to chance.
    assert found.low == found.high == found.value
    assert found.alpha == curve.alpha[int(np.argmax(rises))]
    assert curve_of(curve).barrier == found
    curve.save(tmp_path / "curve.npz")
    assert f"barrier     {found}" in describe(tmp_path / "curve.npz")
    np.testing.assert_array_equal(
        isoloss.load(tmp_path / "curve.npz").columns["barrier"], curve.columns["barrier"]
    )


def test_some_of_the_samples_leave_students_interval_of_their_differences():
    start, end, data = pair(200)
    line = isoloss.interpolation(start, start, end)
    curve = isoloss.probe(start, [data], line, samples=40, seed=3, **QUIET)
    found = barrier_of(curve)
    assert found.low < found.value < found.high
    # Student's t of 39 degrees of freedom, and the finite population.
    half = (found.high - found.low) / 2
    spread = half / (2.0226909 * np.sqrt((1 - 40 / 200) / 40))
    assert spread == pytest.approx(above(start, end, found.alpha, data).std(), rel=0.4)


def test_the_interval_covers_the_barrier_over_all_samples():
    start, end, data = pair(400)
    line = isoloss.interpolation(start, start, end)
    alone = {**QUIET, "alpha": np.array([0.0, 0.5, 1.0])}
    whole = barrier_of(isoloss.probe(start, [data], line, **alone)).value
    assert whole > 0.3
    hits = 0
    for seed in range(20):
        found = barrier_of(isoloss.probe(start, [data], line, samples=100, seed=seed, **alone))
        hits += found.low <= whole <= found.high
    assert 16 <= hits <= 20


def test_between_a_network_and_itself_there_is_none_and_a_part_of_the_way_has_none_to_tell():
    start, data = network(1), samples(20)
    line = isoloss.interpolation(start, start, start)
    found = barrier_of(isoloss.probe(start, [data], line, samples=10, **QUIET))
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0), abs=1e-6)
    part = {**QUIET, "alpha": np.linspace(0, 0.5, 3)}
    curve = isoloss.probe(start, [data], line, **part)
    assert barrier_of(curve) is None
    assert "barrier" not in curve.columns


def test_a_network_that_overflows_in_between_costs_no_curve():
    start, end, data = network(1), network(2), samples(20)
    with torch.no_grad():
        end[2].weight.copy_(3e38 * end[2].weight.sign())
    line = isoloss.interpolation(start, start, end)
    curve = isoloss.probe(start, [data], line, **QUIET)
    assert barrier_of(curve) is None
    assert curve.computed.all()


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ((0.25, 0.25, 0.25, 0.5), "0.25 at α = 0.5"),
        ((0.25, 0.125, 0.375, 0.5), "0.25 (0.125 to 0.375) at α = 0.5"),
    ],
)
def test_it_is_said_in_words(kept, said):
    assert str(Barrier(*kept, (0.0, 1.0))) == said


@pytest.mark.parametrize("meta", [{}, {"barrier": 3}, {"barrier": {"value": 1}},
                                  {"barrier": {"value": "x", "low": 0, "high": 0, "alpha": 0,
                                               "ends": [0, 1]}}])  # fmt: skip
def test_what_others_have_written_there_is_none(meta):
    curve = isoloss.Surface.from_loss(np.arange(3.0), np.zeros(1), np.ones((3, 1)), **meta)
    assert barrier_of(curve) is None
