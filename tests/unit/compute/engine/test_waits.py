"""How often a probe waits for a GPU that is not there: once a unit, whatever it measures."""

import numpy as np
import pytest
import torch
from tests.pretended import pretended_gpu
from torch import nn

from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine import evaluator
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.machine import graphs
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.networks import recalibration
from isoloss.compute.networks.recalibration import recalibrate
from isoloss.compute.planes.random_plane import random_plane
from isoloss.compute.probe.request import Request
from isoloss.compute.probe.surface_probing import SurfaceProbing


class TwiceNormed(nn.Module):
    """One of its batch norms is asked twice for every batch."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(6, 5), nn.BatchNorm1d(5)
        self.second, self.other = nn.Linear(5, 5), nn.BatchNorm1d(5, momentum=0.3)
        self.last = nn.Linear(5, 3)

    def forward(self, x):
        x = self.norm(self.first(x)).relu()
        return self.last(self.other(self.norm(self.second(x))))


class Counted(ProcessGroup):
    """Counts units, and what is waited for from the first of them on."""

    def __init__(self, gpu):
        super().__init__()
        self.gpu, self.units = gpu, 0

    def map(self, units, work):
        if self.units == 0:
            self.gpu.clear()
        self.units += len(units)
        yield from super().map(units, work)


def probing(model, device, **asked):
    torch.manual_seed(1)
    x, y = torch.rand(150, 6), torch.arange(150) % 3
    data = ShuffledSamples.of_batches([(x, y)], 0, device)
    if asked.pop("recalibrated", False):
        asked["calibration"] = [*data.batches(0, 120, 40)]
    axis = np.linspace(-1, 1, 5)
    request = Request(
        model=model, plane=random_plane(model), axes=(axis, axis), data=data, population=150,
        device=device, precision="fp32", points_at_once=1, **asked,
    )  # fmt: skip
    return SurfaceProbing(request, None)


@pytest.mark.parametrize("asked", [{}, {"tolerance": 0.02}, {"recalibrated": True}])
def test_a_unit_waits_once_and_a_recording_once(asked, monkeypatch):
    compared, agree = [], graphs._agree
    monkeypatch.setattr(graphs, "_agree", lambda *given: compared.append(1) or agree(*given))
    model = TwiceNormed().eval()
    on_cpu = probing(model, torch.device("cpu"), **asked)
    list(on_cpu.steps(ProcessGroup()))
    with pretended_gpu() as gpu:
        ours, group = probing(model, torch.device("cuda", 0), **asked), Counted(gpu)
        list(ours.steps(group))
        waits = gpu.waits.total()
    assert group.units >= 25
    assert waits == group.units + len(compared)
    assert 0 < len(compared) <= graphs.MOST_SIZES
    np.testing.assert_allclose(
        ours.growing.snapshot().loss, on_cpu.growing.snapshot().loss, rtol=1e-6
    )


def test_recalibrated_statistics_are_the_plain_average_over_batches():
    torch.manual_seed(0)
    model = TwiceNormed().eval()
    batches = [(torch.rand(n, 6), torch.arange(n) % 3) for n in (8, 8, 5)]
    data = ShuffledSamples.of_batches(batches[:2], 0, torch.device("cpu"))
    plane = random_plane(model)
    ours = Evaluator(model, plane, data, None, torch.device("cpu"), recalibrate=batches)
    ours.move_to(0.0, 0.0)
    expected = TwiceNormed()
    expected.load_state_dict(model.state_dict())
    for norm in (expected.norm, expected.other):
        norm.reset_running_stats()
        norm.momentum = None
    expected.train()
    with torch.no_grad():
        for inputs, _ in batches:
            expected(inputs)
    for name in ("norm", "other"):
        found, there = getattr(ours.network, name), getattr(expected, name)
        assert torch.equal(found.running_mean, there.running_mean)
        assert torch.equal(found.running_var, there.running_var)
        assert not found.training
        assert not found._forward_pre_hooks
    assert (ours.network.norm.momentum, ours.network.other.momentum) == (0.1, 0.3)


def test_statistics_are_measured_once_at_each_point_whatever_was_in_between(monkeypatch):
    torch.manual_seed(0)
    model = TwiceNormed().eval()
    batches = [(torch.rand(n, 6), torch.arange(n) % 3) for n in (8, 5)]
    data = ShuffledSamples.of_batches(batches, 0, torch.device("cpu"))
    plane, cpu = random_plane(model), torch.device("cpu")
    places = [(0.0, 0.0), (0.5, -0.5), (-1.0, 0.25)]
    fresh = []
    for place in places:
        alone = Evaluator(model, plane, data, None, cpu, recalibrate=batches)
        alone.move_to(*place)
        fresh.append(alone.evaluate(0, 13)[0])
    measured = []
    monkeypatch.setattr(
        evaluator, "recalibrate",
        lambda *given: (measured.append(1), recalibrate(*given)),
    )  # fmt: skip
    ours = Evaluator(model, plane, data, None, cpu, recalibrate=batches)
    for k in (0, 1, 2, 1, 0, 2):
        ours.move_to(*places[k])
        assert torch.equal(ours.evaluate(0, 13)[0], fresh[k])
        ours.load(TwiceNormed().state_dict())
    assert len(measured) == 3


def test_statistics_for_which_there_is_no_room_are_measured_again(monkeypatch):
    monkeypatch.setattr(recalibration, "KEPT", 0)
    known = recalibration.KnownStatistics(TwiceNormed())
    known.keep("here")
    assert not known.put_back("here")
