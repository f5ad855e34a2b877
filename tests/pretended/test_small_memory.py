"""Work on a GPU whose memory does not suffice for all at once, pretended: the numbers of a CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.pretended import pretended_gpu
from torch import nn

from isoloss import IsolossError, probe, random_plane
from isoloss.compute.data import streaming
from isoloss.compute.engine import evaluator
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.events import Log
from isoloss.robustness import evaluate
from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.work import resume

X = torch.randint(256, (70, 3, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
Y = torch.arange(70) % 4
AXIS = [-1.0, 1.0]
ASKED = {"progress": False, "precision": "fp32", "points_at_once": 1}


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4))


@pytest.fixture
def in_large_batches(monkeypatch):
    """Batches as large as if memory had no end."""
    monkeypatch.setattr(evaluator, "suitable_batch_size", lambda *_: 128)


def test_a_surface_of_data_that_do_not_fit_is_the_same():
    model = network()
    plane, said = random_plane(model), []
    expected = probe(model, [(X, Y)], plane, AXIS, AXIS, device="cpu", **ASKED)
    with pretended_gpu(memory=1 << 20):
        times = 3 * torch.cuda.mem_get_info()[0] // X.nbytes // 2
        many = [(X.repeat(times, 1, 1, 1), Y.repeat(times))]
        ours = probe(model, many, plane, AXIS, AXIS, device="cuda", on_event=said.append, **ASKED)
    assert any("batch by batch" in str(event) for event in said)
    np.testing.assert_allclose(ours.loss, expected.loss, rtol=1e-4)


def test_a_surface_for_which_memory_does_not_suffice_is_the_same(in_large_batches):
    model = network()
    plane = random_plane(model)
    expected = probe(model, [(X, Y)], plane, AXIS, AXIS, device="cpu", **ASKED)
    with pretended_gpu(memory=300_000):
        ours = probe(model, [(X, Y)], plane, AXIS, AXIS, device="cuda", **ASKED)
    np.testing.assert_allclose(ours.loss, expected.loss, rtol=1e-5)


def test_one_sample_that_is_too_large_gets_one_line(in_large_batches):
    model = network()
    with pretended_gpu(memory=40_000), pytest.raises(IsolossError, match="out of memory"):
        probe(model, [(X, Y)], random_plane(model), AXIS, AXIS, device="cuda", **ASKED)


def trained(folder, device):
    settings = TrainSettings(
        model="tinyuser:network", data="tinyuser:data", epochs=2, batch_size=10, device=device,
        augment="crop-flip", precision="fp32",
    )  # fmt: skip
    run = Run.create(folder, settings)
    said = [event.message for event in resume(run) if isinstance(event, Log)]
    last = read_trajectory(run)[-1]
    return load_state(run.checkpoints / last.checkpoint), last, said


def test_a_training_on_data_that_do_not_fit_is_the_same(in_folder_of_users_module, monkeypatch):
    expected, at_end, _ = trained(in_folder_of_users_module / "cpu", "cpu")
    monkeypatch.setattr(streaming, "SHARE_OF_FREE", 1 << 40)
    with pretended_gpu():
        found, there, said = trained(in_folder_of_users_module / "gpu", "cuda")
    assert any("batch by batch" in text for text in said)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name].cpu(), tensor, rtol=1e-3, atol=1e-5)
    assert there.test_loss == pytest.approx(at_end.test_loss, rel=1e-3)


def test_an_evaluation_for_which_memory_does_not_suffice_finds_the_same():
    torch.manual_seed(0)
    wide = nn.Sequential(
        nn.Conv2d(3, 128, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 4)
    )
    asked = {"precision": "fp32", "progress": False, "steps": 2, "queries": 3, "device": "cuda"}
    asked["convergence"] = "none"
    rows, peaks = [], []
    for memory in (1 << 30, 700_000):
        with pretended_gpu(memory=memory) as gpu:
            table = evaluate(wide, X[:30].float() / 255, Y[:30], ["pgd", "square"], 0.05, **asked)
            rows.append([(r.attack, r.eps, r.accuracy) for r in table.rows])
            peaks.append(gpu.marks.peak)
    assert rows[0] == rows[1]
    assert peaks[0] > 1_000_000
