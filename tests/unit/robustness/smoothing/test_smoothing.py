"""The defense: the schedule's steps, the closed form, its gradients, what it refuses."""

import pytest
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import (
    DenoisedSmoothing,
    GaussianSmoothing,
    StraightThrough,
    timestep_for_sigma,
)
from isoloss.robustness.smoothing.smoothing import check_denoises

LINEAR = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear")


COSINE = DDPMScheduler(num_train_timesteps=4000, beta_schedule="squaredcos_cap_v2")


SIGMAS = (0.25, 0.5, 1.0)


class Perfect(nn.Module):
    """Knows the clean image, and so the noise in any other."""

    def __init__(self, clean, scheduler, extra=0):
        super().__init__()
        self.clean, self.alphas, self.extra = clean, scheduler.alphas_cumprod, extra

    def forward(self, x_t, t):
        alpha = self.alphas[t].double()
        noise = (x_t - alpha.sqrt() * (2 * self.clean - 1)) / (1 - alpha).sqrt()
        return torch.cat([noise, torch.full_like(noise[:, : self.extra], torch.nan)], 1)


def images(n=3, size=8):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, 3, size, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("scheduler", "steps"), [(LINEAR, (145, 259, 396)), (COSINE, (1158, 1984, 2809))]
)
def test_the_step_of_a_noise_is_carlinis(scheduler, steps):
    alphas = scheduler.alphas_cumprod
    for sigma, expected in zip(SIGMAS, steps, strict=True):
        t, level = timestep_for_sigma(alphas, sigma)
        assert t == expected
        before, own = (((1 - a) / a).sqrt() for a in (alphas[t - 1], alphas[t]))
        assert before < 2 * sigma <= level
        assert level == pytest.approx(float(own), rel=1e-5)
    assert timestep_for_sigma(alphas, 0.0)[0] == 0


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf"), 100.0])
def test_a_noise_the_schedule_does_not_have_is_refused(sigma):
    with pytest.raises(IsolossError, match=r"outside the denoiser's schedule, .* up to 78\.7"):
        timestep_for_sigma(LINEAR.alphas_cumprod, sigma)


@pytest.mark.parametrize("extra", [0, 3])
@pytest.mark.parametrize("sigma", SIGMAS)
def test_a_perfect_denoiser_gives_back_the_clean_image(sigma, extra):
    x = images()
    defense = DenoisedSmoothing(nn.Identity(), Perfect(x, LINEAR, extra), LINEAR, sigma)
    # Schedules are single precision.
    torch.testing.assert_close(defense(x), x, rtol=0, atol=1e-6)


def test_without_noise_the_defended_network_is_the_classifier(small):
    unet, classifier = small
    x = images()
    for sigma, atol in ((0.0, 1e-12), (1e-6, 1e-5)):
        defense = DenoisedSmoothing(classifier, unet, LINEAR, sigma)
        torch.testing.assert_close(defense(x), classifier(x), rtol=0, atol=atol)


def test_the_noise_is_exactly_sigma_and_is_not_clamped():
    seen = []

    class Spy(nn.Module):
        def forward(self, x_t, t):
            seen.append((x_t, int(t)))
            return torch.zeros_like(x_t)

    x = torch.ones(2000, 3, 8, 8)
    defense = DenoisedSmoothing(nn.Flatten(), Spy(), LINEAR, 0.25)
    defense.generator = torch.Generator().manual_seed(0)
    denoised = defense(x)
    x_t, t = seen[0]
    assert t == 145
    in_image = (x_t / LINEAR.alphas_cumprod[145].sqrt() + 1) / 2
    assert float(in_image.std()) == pytest.approx(0.25, rel=0.01)
    assert float(in_image.mean()) == pytest.approx(1, abs=0.01)
    assert 0 <= float(denoised.min()) < float(denoised.max()) == 1
    assert float(defense.unclamped()(x).max()) > 1.5


def test_draws_come_from_the_generator(small):
    unet, classifier = small
    defense = DenoisedSmoothing(classifier, unet, LINEAR, 0.5)
    answers = []
    for seed in (0, 0, 1):
        defense.generator = torch.Generator().manual_seed(seed)
        answers.append(defense(images()))
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])


@pytest.mark.parametrize("sigma", [0.25, 1.0])
def test_gradients_through_the_defense_are_finite_differences(small, sigma):
    unet, classifier = small
    defense = DenoisedSmoothing(classifier, unet, LINEAR, sigma).unclamped()
    x, y = images(2), torch.tensor([1, 4])
    generator = torch.Generator().manual_seed(2)
    noise, direction = (
        torch.randn(x.shape, generator=generator, dtype=torch.float64) for _ in range(2)
    )

    def loss(at):
        return F.cross_entropy(defense.logits(at, noise), y)

    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf), leaf)
    directions = [direction, direction.flip(0)]
    for place in ((0, 0, 0, 0), (1, 2, 5, 3)):
        directions.append(torch.zeros_like(x))
        directions[-1][place] = 1
    h = 1e-5
    with torch.no_grad():
        for d in directions:
            numeric = (loss(x + h * d) - loss(x - h * d)) / (2 * h)
            assert float((gradient * d).sum()) == pytest.approx(float(numeric), rel=1e-4)


def test_the_clamp_kills_gradients_which_the_unclamped_copy_does_not():
    class Zero(nn.Module):
        def forward(self, x_t, t):
            return torch.zeros_like(x_t)

    defense = DenoisedSmoothing(nn.Flatten(), Zero(), LINEAR, 0.5)
    gradients = []
    for model in (defense, defense.unclamped()):
        leaf = torch.ones(4, 3, 8, 8, requires_grad=True)
        model.generator = torch.Generator().manual_seed(0)
        gradients.append(torch.autograd.grad(model(leaf).sum(), leaf)[0])
    # About half the noisy values leave the range of a white image.
    assert 0.4 < float((gradients[0] == 0).float().mean()) < 0.6
    torch.testing.assert_close(gradients[1], torch.ones_like(gradients[1]))


def test_bpda_looks_through_the_denoiser_forwards_only(small):
    unet, classifier = small
    defense = DenoisedSmoothing(classifier, unet, LINEAR, 0.25)
    x, y = images(), torch.tensor([0, 1, 2])
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    leaf = x.clone().requires_grad_()
    logits = StraightThrough(defense).logits(leaf, noise)
    torch.testing.assert_close(logits, defense.logits(x, noise))
    (through,) = torch.autograd.grad(F.cross_entropy(logits, y), leaf)
    denoised = defense.denoise(defense.noisy(x, noise)).detach().requires_grad_()
    (at_denoised,) = torch.autograd.grad(F.cross_entropy(classifier(denoised), y), denoised)
    torch.testing.assert_close(through, at_denoised)


def test_a_wrong_pairing_is_refused_in_one_line(unet_that):
    x = images(1).float()
    cases = [
        ({}, {}, images(1, 16).float(), "the denoiser is for 8×8 images, these are 16×16"),
        ({}, {}, 2 * x - 1, r"images must lie in \[0, 1\], these reach from -"),
        ({}, {}, x[:, :1], "the denoiser is for images of 3 channels, these have 1"),
        ({"in_channels": 1, "out_channels": 1}, {}, x, "for images of 1 channels, these have 3"),
        ({"out_channels": 4}, {}, x, "the denoiser gives 4 channels for images of 3"),
        ({"center_input_sample": True}, {}, x, r"one for \[−1, 1\] is needed"),
        ({"num_class_embeds": 10}, {}, x, "one without classes is needed"),
        ({}, {"prediction_type": "score"}, x, "'score': one that predicts epsilon, sample or v_"),
    ]
    for unet, scheduler, given, message in cases:
        with pytest.raises(IsolossError, match=message) as refusal:
            DenoisedSmoothing(nn.Flatten(), unet_that(**unet), DDPMScheduler(**scheduler), 0.25)(
                given
            )
        assert "\n" not in str(refusal.value)
    for sigma in (-1.0, float("nan")):
        with pytest.raises(IsolossError, match="σ must be a finite number"):
            GaussianSmoothing(nn.Flatten(), sigma)


def test_a_denoiser_that_does_not_denoise_is_refused():
    x = images(8)
    check_denoises(DenoisedSmoothing(nn.Flatten(), Perfect(x, LINEAR), LINEAR, 0.25), x)
    other_range = Perfect((x + 1) / 2, LINEAR)
    shuffled = Perfect(x.roll(1, 0), LINEAR)
    for unet in (other_range, shuffled):
        with pytest.raises(IsolossError, match="does not denoise these images: noise of σ"):
            check_denoises(DenoisedSmoothing(nn.Flatten(), unet, LINEAR, 0.25), x)


def test_a_denoiser_in_half_precision_computes_in_single(unet_that):
    torch.manual_seed(0)
    unet, x = unet_that().eval(), images().float()
    noise = torch.randn_like(x)
    unet.half()
    exact = unet_that()
    exact.load_state_dict(unet.state_dict())
    expected, given = (
        DenoisedSmoothing(nn.Flatten(), network, LINEAR, 0.25).logits(x, noise)
        for network in (exact.eval(), unet)
    )
    assert torch.equal(given, expected)
    assert unet.dtype == torch.float16
