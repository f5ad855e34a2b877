"""What a denoiser learns by: the noise that diffusers adds, the loss, the average."""

import pytest
import torch
from diffusers import DDPMScheduler
from torch import nn

from isoloss.robustness import (
    DenoisedSmoothing,
)
from isoloss.robustness.smoothing.denoising_loss import Average, denoising_loss, noised
from isoloss.robustness.smoothing.smoothing import check_denoises

LINEAR = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear")


def images(n=3, size=8):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, 3, size, size, generator=generator, dtype=torch.float64)


def test_noise_is_added_as_diffusers_adds_it():
    x = images().float()
    steps, noise = torch.tensor([0, 500, 999]), torch.randn(3, 3, 8, 8)
    expected = LINEAR.add_noise(2 * x - 1, noise, steps)
    torch.testing.assert_close(noised(LINEAR.alphas_cumprod, x, steps, noise), expected)


def test_the_loss_is_zero_for_who_predicts_the_noise_and_one_for_who_predicts_none():
    x = images(64).float()

    class Predicts(nn.Module):
        def __init__(self, share):
            super().__init__()
            self.share = share

        def forward(self, x_t, t):
            alpha = LINEAR.alphas_cumprod[t].view(-1, 1, 1, 1)
            noise = (x_t - alpha.sqrt() * (2 * x - 1)) / (1 - alpha).sqrt()
            return type("Output", (), {"sample": self.share * noise})

    generator = torch.Generator().manual_seed(0)
    for share in (1.0, 0.0, 0.5):
        loss = denoising_loss(Predicts(share), LINEAR.alphas_cumprod, x, generator)
        assert float(loss) == pytest.approx((1 - share) ** 2, abs=0.03)


def test_a_denoiser_learns_and_its_average_follows(one_thread, unet_that):
    torch.manual_seed(0)
    unet = unet_that(in_channels=1, out_channels=1, block_out_channels=(8, 16))
    constant = torch.full((8, 1, 8, 8), 0.7)
    average = Average(unet, decay=0.9)
    optimizer = torch.optim.Adam(unet.parameters(), 5e-3)
    generator = torch.Generator().manual_seed(0)
    first = None
    for _ in range(30):
        loss = denoising_loss(unet, LINEAR.alphas_cumprod, constant, generator)
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.follow(unet)
    average.give_to(unet)
    unet.eval()
    check_denoises(DenoisedSmoothing(nn.Flatten(), unet, LINEAR, 0.25), constant)
    with torch.no_grad():
        assert float(denoising_loss(unet, LINEAR.alphas_cumprod, constant, generator)) < first / 2


def test_an_average_is_the_weighted_mean_and_goes_on_from_its_state():
    layer = nn.Linear(1, 1, bias=False)
    values = [1.0, 3.0, -2.0, 5.0]
    with torch.no_grad():
        layer.weight.fill_(values[0])
    average, expected = Average(layer, decay=0.15), values[0]
    for step, value in enumerate(values[1:]):
        with torch.no_grad():
            layer.weight.fill_(value)
        state = {k: v.clone() for k, v in average.state().items()}
        average = Average(layer, decay=0.15)
        average.restore(state)
        average.follow(layer)
        decay = min(0.15, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    average.give_to(layer)
    assert layer.weight.item() == pytest.approx(expected)
