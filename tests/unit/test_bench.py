"""The bench measures what it says it does; how fast is not for a test to say."""

import json
import math

import pytest
import torch
from torch import nn

from isoloss import random_plane
from isoloss.compute import bench
from isoloss.compute.contestants import Probed, measure_rates
from isoloss.compute.evaluator import Evaluator

CPU = torch.device("cpu")


@pytest.fixture
def probed():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)
    )
    images = (torch.rand(160, 3, 8, 8) * 255).byte()
    return Probed("tiny", model.eval(), images, torch.arange(160) % 4)


def test_all_contestants_are_measured(probed):
    rates = measure_rates(probed, random_plane(probed.model), "fp32", CPU)
    for rate in (rates.engine, rates.floor, rates.loop, rates.loss_landscapes):
        assert rate is not None
        assert math.isfinite(rate)
        assert rate > 0


def test_the_loop_computes_what_the_engine_computes(probed):
    from isoloss.compute import contestants

    plane = random_plane(probed.model)
    evaluator = Evaluator(probed.model, plane, probed.pool(CPU), None, CPU)
    evaluator.move_to(0.3, -0.7)
    loader = contestants._loader(probed, 160)
    total = contestants._plain_loop(probed.model, plane, (0.3, -0.7), loader, CPU)
    assert total / 160 == pytest.approx(evaluator.mean_loss(160), rel=1e-4)


def test_a_surface_is_taken_to_one_percent(probed):
    plane = random_plane(probed.model)
    found = bench._to_one_percent(probed, plane, 5, 60.0, 100.0, CPU)
    assert found.finished
    assert found.loop_seconds == 25 * 160 / 100
    assert 0 <= found.worst_error <= 0.011
    assert found.fewer >= 1
    assert 0 < found.coarse_seconds <= found.seconds
    cut_short = bench._to_one_percent(probed, plane, 5, 0.0, 100.0, CPU)
    assert not cut_short.finished


def test_the_figures_come_as_json_and_as_a_table(probed, monkeypatch, capsys):
    monkeypatch.setattr(bench, "_subjects", lambda *_: [probed])
    bench.bench_probe([], None, 3, 30.0, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)["probe"]
    assert row["network"] == "tiny"
    rates = row["rates"][-1]
    assert rates["against_loop"] == pytest.approx(rates["engine"] / rates["loop"])
    assert rates["of_floor"] == pytest.approx(rates["engine"] / rates["floor"])
    assert row["surface"]["sooner"] > 0
    bench.bench_probe([], None, 3, 0.0, as_json=False)
    printed = capsys.readouterr().out
    assert "of floor" in printed
    assert "tiny" in printed
