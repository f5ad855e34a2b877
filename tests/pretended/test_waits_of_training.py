"""How often a training waits for a GPU, and what it draws there."""

from __future__ import annotations

import pytest
import torch
from tests.pretended import pretended_gpu
from torch import nn

from isoloss.compute.data.dataset import Split
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.training.batches import Batches, augment
from isoloss.compute.training.classifier import ClassifierTraining
from isoloss.compute.training.training_run import fuses
from isoloss.robustness.smoothing.denoiser_training import DenoiserTraining
from isoloss.robustness.smoothing.denoising_loss import Average
from isoloss.run import Run
from isoloss.settings import TrainSettings

SAID = {
    "sgd": {"model": "tinyuser:network", "augment": "crop-flip", "noise": 0.1},
    "adam": {"model": "tinyuser:network", "optimizer": "adam", "lr": 1e-3},
    "denoiser": {"task": "denoiser", "denoiser": "tiny"},
}
KINDS = {"classifier": ClassifierTraining, "denoiser": DenoiserTraining}


@pytest.mark.parametrize("name", SAID)
@pytest.mark.usefixtures("in_folder_of_users_module")
def test_steps_do_not_wait(name, tmp_path, monkeypatch):
    with pretended_gpu() as gpu:
        settings = TrainSettings(
            data="tinyuser:data", epochs=5, batch_size=15, device="cuda", precision="fp32",
            checkpoints_per_epoch=0.2, **SAID[name],
        )  # fmt: skip
        run, kind = Run.create(tmp_path / "run", settings), KINDS[settings.task]
        prepared = kind.prepare(settings)
        waits = {}
        steps = type(prepared)._steps

        def counted(self, *args):
            for step in steps(self, *args):
                if step == 0:
                    gpu.clear()
                elif step == 14:
                    waits.update(gpu.waits)
                yield step

        monkeypatch.setattr(type(prepared), "_steps", counted)
        for _ in prepared.resume(run):
            pass
        assert fuses(prepared.model)
        assert sum(waits.values()) <= 1, waits
    assert run.resume_path.exists()


def test_what_changes_images_is_drawn_where_they_are():
    images = torch.rand(7, 3, 8, 8)
    with pretended_gpu() as gpu:
        there = images.to("cuda")
        split = Split(there, torch.arange(7).to("cuda"))
        gpu.clear()
        moved = augment(there, 1, True, 5)
        batches = list(Batches(split, 3, 2, 0, shift=1, noise=0.1).since(0, Ranks()))
        assert moved.device == there.device
        assert not gpu.waits
        assert [b.targets.tolist() for b in batches] == [
            b.targets.tolist()
            for b in Batches(Split(images, torch.arange(7)), 3, 2, 0).since(0, Ranks())
        ]
        assert torch.equal(moved.cpu(), augment(there, 1, True, 5).cpu())


def test_an_average_is_what_its_formula_says_bit_for_bit():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    average = Average(network, 0.9)
    expected = {name: p.detach().clone() for name, p in network.named_parameters()}
    for step in range(12):
        with torch.no_grad():
            for p in network.parameters():
                p.add_(torch.randn_like(p))
        average.follow(network)
        kept = min(0.9, (1 + step) / (10 + step))
        for name, p in network.named_parameters():
            expected[name].lerp_(p.detach(), 1 - kept)
    state = average.state()
    assert all(torch.equal(state[name], value) for name, value in expected.items())
    assert int(state["steps"]) == 12


def test_steps_are_fused_on_a_gpu_alone():
    network, turning = nn.Linear(2, 2), nn.ParameterList([torch.zeros(2, dtype=torch.complex64)])
    assert fuses(network) is None
    with pretended_gpu():
        assert fuses(network.to("cuda")) is True
        assert fuses(turning.to("cuda")) is None
