"""Training a denoiser: stopped anywhere and resumed bit for bit, and what is refused."""

import itertools
import math

import pytest
import torch
from diffusers import DDPMPipeline
from torch import nn

from isoloss import IsolossError
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.training.replicas import shard_of
from isoloss.events import Log, Metric, Progress
from isoloss.robustness.smoothing.denoiser import build_scheduler, load_denoiser
from isoloss.robustness.smoothing.denoiser_training import (
    DenoiserTraining,
    denoising_error,
    learning_rate,
)
from isoloss.robustness.smoothing.denoising_loss import denoising_loss
from isoloss.robustness.smoothing.timestep import timestep_for_sigma
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import prepare, resume

ALPHAS = build_scheduler().alphas_cumprod


def tiny(**changes):
    asked = {
        "task": "denoiser",
        "denoiser": "tiny",
        "data": "tinyuser:data",
        "epochs": 2,
        "batch_size": 20,
        "device": "cpu",
        "average": 0.9,
    }
    return TrainSettings(**{**asked, **changes})


def weights_of(run):
    return load_state(run.denoiser_path / "diffusion_pytorch_model.safetensors")


def test_a_run_stopped_anywhere_goes_on_bit_for_bit(in_folder_of_users_module, one_thread):
    settings = tiny(checkpoints_per_epoch=1.5)
    whole = Run.create(in_folder_of_users_module / "whole", settings)
    events = list(resume(whole))
    stopped = Run.create(in_folder_of_users_module / "stopped", settings)
    attempts = 0
    while not stopped.is_done:
        steps = resume(stopped)
        list(itertools.islice(steps, 3 + attempts))
        steps.close()
        attempts += 1
    assert attempts > 2
    for path in ("denoiser/diffusion_pytorch_model.safetensors", "checkpoints/resume.safetensors"):
        mine, theirs = load_state(stopped.folder / path), load_state(whole.folder / path)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(v, theirs[k]) for k, v in mine.items())
    assert list(resume(stopped)) == []

    curve = [e for e in events if isinstance(e, Metric)]
    assert [m.epoch for m in curve] == pytest.approx([0, 2 / 3, 4 / 3, 2])
    assert all(math.isfinite(m.test_loss) and math.isnan(m.test_accuracy) for m in curve)
    assert any(isinstance(e, Progress) and e.done == e.total == 6 for e in events)
    about_data, *remarks = [e.message for e in events if isinstance(e, Log)]
    assert about_data.startswith("data: tinyuser:data, 3 classes")
    assert len(remarks) == 3
    assert "at σ = 0.25" in remarks[-1]


def test_what_is_kept_is_the_average_of_the_weights(in_folder_of_users_module, one_thread):
    run = Run.create(in_folder_of_users_module / "run", tiny(checkpoints_per_epoch=3))
    followed: dict[str, torch.Tensor] = {}
    k = 0
    for event in resume(run):
        if not isinstance(event, Metric):
            continue
        state = load_state(run.checkpoints / "resume.safetensors")
        weights = {n.removeprefix("weights."): v for n, v in state.items() if "weights." in n}
        if not followed:
            followed = weights
            continue
        decay = min(0.9, (1 + k) / (10 + k))
        followed = {n: decay * v + (1 - decay) * weights[n] for n, v in followed.items()}
        k += 1
        for name, value in weights_of(run).items():
            torch.testing.assert_close(value, followed[name])
    assert k == 6
    assert any(not torch.equal(weights[n], v) for n, v in weights_of(run).items())


def test_in_bf16_it_learns_as_much(in_folder_of_users_module, one_thread):
    losses: dict[str, list[float]] = {}
    for precision in ("fp32", "bf16"):
        run = Run.create(in_folder_of_users_module / precision, tiny(precision=precision, epochs=6))
        losses[precision] = [e.test_loss for e in resume(run) if isinstance(e, Metric)]
    single, half = losses["fp32"], losses["bf16"]
    assert single != half
    assert single[0] - half[-1] >= 0.9 * (single[0] - single[-1]) > 0
    assert all(v.dtype == torch.float32 for v in weights_of(run).values())


def test_the_folder_is_one_of_diffusers(in_folder_of_users_module, one_thread):
    run = Run.create(in_folder_of_users_module / "run", tiny(epochs=1))
    list(resume(run))
    unet, scheduler = load_denoiser(run.folder)
    assert unet.config.sample_size == 8
    again, _ = load_denoiser(run.denoiser_path)
    noisy = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(unet(noisy, 9).sample, again(noisy, 9).sample)
    drawn = DDPMPipeline(unet, scheduler)
    drawn.set_progress_bar_config(disable=True)
    assert drawn(num_inference_steps=2, output_type="np").images.shape == (1, 8, 8, 3)


def test_the_learning_rate_rises_in_a_line_and_falls_along_a_cosine():
    rates = [learning_rate(2.0, step, 200) for step in range(200)]
    assert rates[:10] == pytest.approx([2 * (k + 1) / 11 for k in range(10)])
    assert rates[10] == 2.0
    assert rates[105] == pytest.approx(1.0)
    assert rates[199] == pytest.approx(1 + math.cos(math.pi * 189 / 190))
    assert all(learning_rate(1.0, step, total) > 0 for total in (1, 2, 3) for step in range(total))


def test_shares_of_a_batch_see_the_noise_of_the_whole_batch():
    x = torch.rand(11, 3, 4, 4)

    class Linear(nn.Module):
        def forward(self, x_t, t):
            return type("Output", (), {"sample": 0.3 * x_t + t.view(-1, 1, 1, 1) / 1000})

    def loss(images, *part):
        return denoising_loss(Linear(), ALPHAS, images, torch.Generator().manual_seed(4), *part)

    shards = [shard_of(11, Ranks(r, r, 3, 3)) for r in range(3)]
    mean = sum(shard.weight * loss(x[shard.rows], shard.rows, 11) for shard in shards) / 3
    torch.testing.assert_close(mean, loss(x))


def test_the_error_of_one_step_is_that_of_the_noise_where_none_is_predicted():
    class Silent(nn.Module):
        def forward(self, x_t, t):
            return type("Output", (), {"sample": torch.zeros_like(x_t)})

    # 98,304 draws; nothing is left of what the clamp takes from greys this far from its ends.
    images = torch.full((32, 3, 32, 32), 0.5)
    error = denoising_error(Silent(), build_scheduler(), images, 0.05)
    assert error == pytest.approx(0.05, rel=0.01)


def test_a_denoiser_for_little_noise_says_so(in_folder_of_users_module, one_thread):
    run = Run.create(in_folder_of_users_module / "run", tiny(epochs=1, largest_sigma=0.4))
    events = list(resume(run))
    _, scheduler = load_denoiser(run.folder)
    steps = len(scheduler.alphas_cumprod)
    # The first so many of Ho et al.'s steps, the last of which has the noise.
    torch.testing.assert_close(scheduler.alphas_cumprod, ALPHAS[:steps])
    levels = ((1 - ALPHAS) / ALPHAS).sqrt() / 2
    assert levels[steps - 2] < 0.4 <= levels[steps - 1]
    assert timestep_for_sigma(scheduler.alphas_cumprod, 0.25)[0] == 145
    with pytest.raises(IsolossError, match="outside the denoiser's schedule, which has noise up"):
        timestep_for_sigma(scheduler.alphas_cumprod, 0.5)
    _, remark, *_ = [e.message for e in events if isinstance(e, Log)]
    assert "σ = 0.25" in remark
    assert "σ = 0.5" not in remark


def test_the_size_follows_the_data():
    digits = prepare(TrainSettings(task="denoiser", device="cpu"))
    assert isinstance(digits, DenoiserTraining)
    assert sum(p.numel() for p in digits.model.parameters()) == 160_635
    assert digits.model.config.sample_size == 32
    # Digits mean something else mirrored: none are.
    assert not load_dataset("digits").mirrors
    assert digits._augmentation() == (0, False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"denoiser": "ddpm"}, "a denoiser of size ddpm halves images 3 times: 8 pixels"),
        ({"data": "tinyuser:between_classes"}, "with one class index ≥ 0 for each"),
        ({"data": "tinyuser:flat_data"}, r"trained on square images: .* has \(7,\) inputs"),
        ({"data": "tinyuser:unscaled_data"}, r"images must lie in \[0, 1\]"),
        ({"data": "nosuchdata"}, "no data set"),
    ],
)
def test_what_cannot_be_trained_is_refused(in_folder_of_users_module, changes, message):
    module = in_folder_of_users_module / "tinyuser.py"
    more = """
def flat_data():
    train, test = data()
    return (train[0].flatten(1)[:, :7], train[1]), (test[0].flatten(1)[:, :7], test[1])


def unscaled_data():
    train, test = data()
    return (255 * train[0], train[1]), (255 * test[0], test[1])
"""
    module.write_text(module.read_text(encoding="utf-8") + more, encoding="utf-8")
    with pytest.raises(IsolossError, match=message) as refusal:
        prepare(tiny(**changes))
    assert "\n" not in str(refusal.value)


def test_options_of_the_other_task_are_refused():
    for asked, message in (
        ({"task": "denoiser", "optimizer": "adam"}, "--optimizer is for --task classifier"),
        ({"task": "denoiser", "lr": 0.1}, "--lr is for --task classifier"),
        ({"average": 0.5}, "--average is for --task denoiser"),
        ({"denoiser_lr": 1e-3}, "--denoiser-lr is for --task denoiser"),
    ):
        with pytest.raises(ValueError, match=message):
            TrainSettings(**asked)


def test_a_denoiser_is_not_probed(in_folder_of_users_module, one_thread):
    run = Run.create(in_folder_of_users_module / "run", tiny(epochs=1))
    list(resume(run))
    with pytest.raises(IsolossError, match="has trained a denoiser: give a classifier's run"):
        prepare(ProbeSettings(source=run.folder))
