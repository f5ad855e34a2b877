"""Training with Gaussian noise: what a network is shown, against draws made by hand, and that a run
goes on bit for bit."""

import itertools
import json
import math

import pytest
import torch

from isoloss import IsolossError
from isoloss.compute.data.dataset import Split
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.training.batches import Batches
from isoloss.compute.training.network import load_network
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.events import Metric
from isoloss.run import Run
from isoloss.settings import AttackSettings, TrainSettings
from isoloss.work import resume

ALONE = Ranks(0, 0, 1, 1)


def tiny(**changes):
    asked = {"model": "tinyuser:network", "data": "tinyuser:data", "epochs": 2, "batch_size": 10,
             "device": "cpu", "precision": "fp32"}  # fmt: skip
    return TrainSettings(**{**asked, **changes})


def grey(n=24):
    return Split(torch.full((n, 3, 16, 16), 0.5), torch.arange(n))


def test_every_image_of_every_step_gets_noise_of_its_own():
    sigma = 0.25
    seen = torch.cat([b.inputs for b in Batches(grey(), 8, 2, 0, noise=sigma).since(0, ALONE)])
    noise = (seen - 0.5) / sigma
    assert noise.shape == (48, 3, 16, 16)  # two epochs
    n = noise.numel()
    assert abs(noise.mean()) < 4 / math.sqrt(n)
    assert abs(noise.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs(noise.pow(4).mean() - 3) < 4 * math.sqrt(96 / n)  # as of a normal distribution
    assert seen.min() < 0  # and not clamped
    assert seen.max() > 1
    flat = noise.flatten(1)
    among = flat @ flat.T / flat.shape[1] - torch.eye(48)
    assert among.abs().max() < 6 / math.sqrt(flat.shape[1])


def test_noise_comes_after_the_augmentation_and_leaves_that_alone():
    data = Split(torch.rand(12, 3, 8, 8), torch.arange(12))
    plain, noisy = (
        [b.inputs for b in Batches(data, 6, 1, 3, 1, True, noise).since(0, ALONE)]
        for noise in (0.0, 0.1)
    )
    for step, (before, after) in enumerate(zip(plain, noisy, strict=True)):
        generator = torch.Generator().manual_seed(3 * 1_000_003 + step + (2047 << 52))
        drawn = torch.randn(6, 3, 8, 8, generator=generator)
        torch.testing.assert_close(after, before + 0.1 * drawn, rtol=0, atol=1e-7)


@pytest.mark.parametrize("world", [2, 3])
def test_several_processes_see_the_noise_of_one(world):
    batches = Batches(grey(), 12, 1, 5, noise=0.5)
    whole = [b.inputs for b in batches.since(0, ALONE)]
    of_ranks = [[*batches.since(0, Ranks(r, r, world, world))] for r in range(world)]
    for step, inputs in enumerate(whole):
        parts = torch.cat([batches[step].inputs for batches in of_ranks])
        assert torch.equal(parts, inputs)


def test_a_run_with_noise_that_is_killed_anywhere_goes_on_bit_for_bit(in_folder_of_users_module):
    settings = tiny(noise=0.2, checkpoints_per_epoch=2)
    whole = Run.create(in_folder_of_users_module / "whole", settings)
    list(resume(whole))
    stopped = Run.create(in_folder_of_users_module / "stopped", settings)
    while not stopped.is_done:
        steps = resume(stopped)
        list(itertools.islice(steps, 6))
        steps.close()
    assert read_trajectory(stopped) == read_trajectory(whole)
    for point in read_trajectory(whole):
        mine, theirs = (load_state(r.checkpoints / point.checkpoint) for r in (stopped, whole))
        assert all(torch.equal(mine[k], theirs[k]) for k in theirs)


def test_accuracy_is_told_with_and_without_noise(in_folder_of_users_module):
    sigma = 0.3
    run = Run.create(in_folder_of_users_module / "run", tiny(noise=sigma, seed=4))
    events = list(resume(run))
    network = load_network(AttackSettings(source=run.folder))
    model, test = network.model.eval(), network.dataset.test
    generator = torch.Generator().manual_seed(4 * 1_000_003 - 1 + (2047 << 52))
    drawn = [torch.randn(len(x), 3, 8, 8, generator=generator) for x, _ in test.batches(10)]
    with torch.no_grad():
        clean = (model(test.inputs).argmax(1) == test.targets).float().mean()
        noisy = (model(test.inputs + sigma * torch.cat(drawn)).argmax(1) == test.targets).float()
    last = [e for e in events if isinstance(e, Metric)][-1]
    assert last.test_accuracy == pytest.approx(float(clean))
    assert last.noisy_accuracy == pytest.approx(float(noisy.mean()))
    assert read_trajectory(run)[-1].noisy_accuracy == last.noisy_accuracy
    assert network.path is not None
    assert network.path.noise == sigma


def test_without_noise_nothing_is_otherwise_than_it_was(in_folder_of_users_module):
    assert json.loads(tiny().model_dump_json(exclude_defaults=True)).keys() == {
        "model", "data", "epochs", "batch_size", "device", "precision",
    }  # fmt: skip
    run = Run.create(in_folder_of_users_module / "run", tiny(epochs=1))
    list(resume(run))
    for line in json.loads(run.points_path.read_text("utf-8")):
        assert "noisy_accuracy" not in line
    assert math.isnan(read_trajectory(run)[-1].noisy_accuracy)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("noiseuser:beyond", r"on the \[0, 1\] scale of images, and those of .* go from -1 to 3"),
        ("noiseuser:rows", r"--noise is for images: .* has inputs of \(192,\)"),
    ],
)
def test_noise_that_would_mean_nothing_is_refused(in_folder_of_users_module, data, message):
    (in_folder_of_users_module / "noiseuser.py").write_text(
        "import torch\n"
        "def beyond():\n"
        "    x = torch.zeros(6, 3, 8, 8); x[0, 0, 0, 0] = -1; x[1, 0, 0, 0] = 3\n"
        "    return (x, torch.arange(6) % 3), (x, torch.arange(6) % 3)\n"
        "def rows():\n"
        "    return (torch.rand(6, 192), torch.arange(6) % 3), (torch.rand(6, 192), "
        "torch.arange(6) % 3)\n"
        "def network(n):\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, n))\n",
        encoding="utf-8",
    )
    run = Run.create(
        in_folder_of_users_module / "run",
        tiny(model="noiseuser:network", data=data, noise=0.1),
    )
    with pytest.raises(IsolossError, match=message):
        list(resume(run))


@pytest.mark.parametrize("noise", [-0.1, math.nan, math.inf, 11])
def test_noise_is_a_number_from_0_on(noise):
    with pytest.raises(ValueError, match="noise"):
        TrainSettings(noise=noise)


def test_a_denoiser_is_trained_with_its_own_noise():
    with pytest.raises(ValueError, match="--noise is for --task classifier"):
        TrainSettings(task="denoiser", noise=0.25)
