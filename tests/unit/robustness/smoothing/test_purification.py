"""Purification: steps against diffusers' samplers and closed forms, gradients, memory."""

import math

import diffusers.schedulers.scheduling_ddpm as ddpm
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from scipy import stats
from torch import nn
from torch.utils.checkpoint import checkpoint

from isoloss import IsolossError
from isoloss.robustness import (
    DenoisedSmoothing,
    Protocol,
    Purification,
    StraightThrough,
    certify,
    eot_pgd,
    predict,
    vote,
)
from isoloss.robustness.smoothing import purification
from isoloss.robustness.smoothing.counted_noise import mixed, normal, seeds_of

WORDS = 1 << 64


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def images(n=3, size=8):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture
def unet(unet_that):
    """A small random UNet in double precision, whose predictions change the image."""
    torch.manual_seed(0)
    return unet_that(sample_size=8).double().eval().requires_grad_(False)


class Linear(nn.Module):
    """Another classifier than the identity: a gradient with a sign for each place."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.head = nn.Linear(192, 4).double()

    def forward(self, x):
        return self.head(x.flatten(1))


class OfGaussian(nn.Module):
    """The best prediction of the noise where all values of images are N(mean, deviation²)."""

    def __init__(self, scheduler, mean, deviation):
        super().__init__()
        self.alphas, self.mean, self.deviation = scheduler.alphas_cumprod.double(), mean, deviation

    def forward(self, x_t, t):
        alpha = self.alphas[t]
        spread = alpha * self.deviation**2 + 1 - alpha
        return (1 - alpha).sqrt() * (x_t - alpha.sqrt() * self.mean) / spread


# -- the noise of the steps --------------------------------------------------------------------


def splitmix(word):
    """Steele, Lea, Flood's finalizer, in Python's integers."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % WORDS
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORDS
    return word ^ (word >> 31)


def test_the_bits_are_splitmix64s():
    # The first outputs for the seed 1234567, as implementations in other languages publish them.
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    states = [(1234567 + k * 0x9E3779B97F4A7C15) % WORDS for k in (1, 2, 3)]
    assert [splitmix(state) for state in states] == published
    words = torch.tensor([state - WORDS * (state >= WORDS // 2) for state in states])
    assert [word % WORDS for word in mixed(words).tolist()] == published


def test_the_noise_of_steps_is_normal_and_that_of_no_other_step_or_image():
    seeds = seeds_of(drawn(40, 3, 8, 8))
    assert len(set(seeds.tolist())) == 40
    noise = torch.stack([normal(seeds, k, torch.zeros(40, 3, 16, 16)) for k in range(4)])
    assert stats.kstest(noise.flatten().numpy(), "norm").pvalue > 0.01
    rows = noise.reshape(160, -1).numpy()
    apart = np.corrcoef(rows)[np.triu_indices(160, 1)]
    assert np.abs(apart).max() < 6 / math.sqrt(rows.shape[1])
    assert stats.kstest(rows[:, 0] * rows[:, 384], (rows[:, 1] * rows[:, 385])).pvalue > 0.01


def test_an_odd_number_of_values_and_other_types_have_noise_of_the_same_kind():
    seeds = torch.tensor([3, -5])
    odd = normal(seeds, 2, torch.zeros(2, 1, 3, 3))
    assert odd.shape == (2, 1, 3, 3)
    assert normal(seeds, 2, odd.double()).dtype == torch.float64
    assert torch.equal(normal(seeds[1:], 2, odd[1:]), odd[1:])


def test_what_is_drawn_for_an_image_depends_on_its_own_draw_alone(unet):
    defense, x = Purification(nn.Identity(), unet, DDPMScheduler(), 0.1, 4), images()
    noise = drawn(*x.shape)
    together = defense.logits(x, noise)
    alone = torch.cat([defense.logits(x[k : k + 1], noise[k : k + 1]) for k in range(3)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)
    other = noise.clone()
    other[1, 0, 0, 0] += 1e-3  # which moves the way back to quite another image
    moved = (defense.logits(x, other) - together).abs().amax((1, 2, 3))
    assert moved[1] > 0.05
    assert moved[0] == moved[2] == 0


# -- the steps --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clip_sample": False},
        {"variance_type": "fixed_large"},
        {"variance_type": "fixed_small_log", "beta_schedule": "squaredcos_cap_v2"},
        {"prediction_type": "v_prediction", "clip_sample_range": 0.5},
        {"variance_type": "learned_range"},
    ],
    ids=str,
)
def test_ancestral_steps_are_those_of_diffusers(unet_that, monkeypatch, changes):
    torch.manual_seed(0)
    channels = 6 if "learned_range" in changes.values() else 3
    unet = unet_that(out_channels=channels).double().eval()
    scheduler, x = DDPMScheduler(**changes), images()
    defense = Purification(nn.Identity(), unet, scheduler, 0.3, 7)
    noise = drawn(*x.shape)
    seeds, count = seeds_of(noise), iter(range(7))
    monkeypatch.setattr(ddpm, "randn_tensor", lambda *_, **__: normal(seeds, next(count), x))

    times = [step.step for step in defense.way]
    assert times == [299, 249, 199, 150, 100, 50, 0]
    scheduler.set_timesteps(timesteps=times)
    expected = scheduler.add_noise(2 * x - 1, noise, torch.tensor([299]))
    with torch.no_grad():
        for t in times:
            expected = scheduler.step(unet(expected, t).sample, t, expected).prev_sample
        found = defense.logits(x, noise)
    torch.testing.assert_close(found, (expected.clamp(-1, 1) + 1) / 2, rtol=0, atol=2e-5)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_steps_of_ddim_are_those_of_diffusers(unet, eta):
    scheduler, x = DDIMScheduler(), images()
    defense = Purification(nn.Identity(), unet, scheduler, 0.181, 10, sampler="ddim", eta=eta)
    noise = drawn(*x.shape)
    scheduler.set_timesteps(50)  # by twenties: what is asked of the first ten
    times = scheduler.timesteps[-10:]
    assert [step.step for step in defense.way] == times.tolist()
    expected = scheduler.add_noise(2 * x - 1, noise, times[:1])
    with torch.no_grad():
        for k, t in enumerate(times):
            drawn_here = {"variance_noise": normal(seeds_of(noise), k, x)} if eta else {}
            predicted = unet(expected, t).sample
            expected = scheduler.step(predicted, t, expected, eta=eta, **drawn_here).prev_sample
        found = defense.logits(x, noise)
    torch.testing.assert_close(found, (expected.clamp(-1, 1) + 1) / 2, rtol=0, atol=2e-5)


def test_one_step_is_denoised_smoothing(unet):
    scheduler, x = DDPMScheduler(), images()
    for sampler in ("ddpm", "ddim"):
        defense = Purification(nn.Identity(), unet, scheduler, 0.2, 1, sampler=sampler)
        smoothing = DenoisedSmoothing(nn.Identity(), unet, scheduler, defense.sigma)
        assert smoothing.t == defense.t == 199
        noise = drawn(*x.shape)
        torch.testing.assert_close(
            defense.logits(x, noise), smoothing.logits(x, noise), rtol=0, atol=1e-12
        )


@pytest.mark.parametrize(
    ("t_star", "sampler", "variance"),
    [(0.1, "ddpm", "fixed_small"), (0.25, "ddpm", "fixed_large"), (0.25, "ddim", "fixed_small")],
)
def test_where_the_best_denoiser_is_known_so_is_what_comes_out(t_star, sampler, variance):
    """Images of N(m, s²) purified by the posterior: x₀ given x_t is N(m + K (x_t − √ᾱ m), V), with
    K = s² √ᾱ / (ᾱ s² + 1 − ᾱ); DDIM of the best denoiser carries x_t there with the deviations."""
    mean, deviation, x0 = 0.2, 0.3, 0.6
    scheduler = DDPMScheduler(variance_type=variance, clip_sample=False)
    steps = round(1000 * t_star)
    defense = Purification(
        nn.Identity(), OfGaussian(scheduler, mean, deviation), scheduler, t_star, steps,
        sampler=sampler,
    )  # fmt: skip
    x = torch.full((8_000, 1, 2, 2), (x0 + 1) / 2, dtype=torch.float64)
    found = 2 * defense.cleaned(defense.noisy(x, noise := drawn(*x.shape)), noise) - 1

    alpha = float(scheduler.alphas_cumprod[steps - 1])
    spread = alpha * deviation**2 + 1 - alpha
    if sampler == "ddpm":
        gain = deviation**2 * math.sqrt(alpha) / spread
        variance_left = deviation**2 * (1 - alpha) / spread + gain**2 * (1 - alpha)
    else:
        gain = deviation / math.sqrt(spread)
        variance_left = gain**2 * (1 - alpha)
    expected = mean + gain * math.sqrt(alpha) * (x0 - mean)
    assert float(found.mean()) == pytest.approx(expected, abs=0.006)
    assert float(found.std()) == pytest.approx(math.sqrt(variance_left), rel=0.04)


def test_the_noise_of_t_star_is_diffpures(unet):
    """DiffPure adds the noise of `betas[:100]` for t* = 0.1 of 1,000 steps."""
    scheduler = DDPMScheduler()
    defense = Purification(nn.Identity(), unet, scheduler, 0.1, 5)
    alpha = float((1 - scheduler.betas.double())[:100].prod())
    assert defense.t == 99
    assert defense.sigma == pytest.approx(math.sqrt((1 - alpha) / alpha) / 2, rel=1e-5)
    assert defense.sigma == pytest.approx(0.1694, abs=1e-4)


# -- gradients --------------------------------------------------------------------------------


def gradient(defense, x, noise):
    x = x.clone().requires_grad_()
    (found,) = torch.autograd.grad(defense.logits(x, noise)[:, 1].sum(), x)
    return found


@pytest.mark.parametrize(("sampler", "eta"), [("ddpm", 0.0), ("ddim", 0.0), ("ddim", 0.7)])
def test_the_gradient_is_that_of_the_whole_way(unet, monkeypatch, sampler, eta):
    x, noise = images(2), drawn(2, 3, 8, 8)
    defense = Purification(Linear(), unet, DDPMScheduler(), 0.1, 6, sampler=sampler, eta=eta)
    found = gradient(defense, x, noise)
    monkeypatch.setattr(purification, "checkpoint", lambda f, *given, **_: f(*given))
    torch.testing.assert_close(found, gradient(defense, x, noise), rtol=1e-12, atol=1e-14)

    aside = drawn(*x.shape, seed=5)
    with torch.no_grad():
        there, here = (defense.logits(x + h * aside, noise)[:, 1].sum() for h in (1e-6, -1e-6))
    slope = float(there - here) / 2e-6
    assert float((found * aside).sum()) == pytest.approx(slope, rel=1e-5)


def test_where_nothing_is_clipped_in_gradients_answers_stay(unet):
    x, noise = images(2), drawn(2, 3, 8, 8)
    defense = Purification(Linear(), unet, DDPMScheduler(clip_sample_range=0.4), 0.1, 6)
    through = defense.unclamped()
    torch.testing.assert_close(through.logits(x, noise), defense.logits(x, noise))
    assert not torch.allclose(gradient(defense, x, noise), gradient(through, x, noise))
    # Of a way on which nothing is clipped it is the gradient itself.
    scheduler = DDPMScheduler()
    inside = Purification(
        Linear(), OfGaussian(scheduler, 0.0, 0.1), scheduler, 0.1, 6, sampler="ddim"
    )
    torch.testing.assert_close(
        gradient(inside.unclamped(), x, noise), gradient(inside, x, noise), rtol=0, atol=1e-14
    )


def peak_of(function):
    """Bytes that a function allocates and has not freed, at the most."""
    with torch.profiler.profile(profile_memory=True, acc_events=True) as profile:
        function()
    events = profile.profiler.kineto_results.events()
    memory = [event.nbytes() for event in events if event.name() == "[memory]"]
    return int(np.cumsum(memory).max())


class Wide(nn.Module):
    """A denoiser whose insides are much larger than the images."""

    def __init__(self):
        super().__init__()
        layers = nn.Conv2d(3, 48, 3, padding=1), nn.SiLU(), nn.Conv2d(48, 3, 3, padding=1)
        self.layers = nn.Sequential(*layers).double().requires_grad_(False)

    def forward(self, x_t, t):
        return self.layers(x_t)


def test_memory_grows_by_a_state_with_each_step_and_by_nothing_else(monkeypatch):
    x, noise, unet = images(8, 16), drawn(8, 3, 16, 16), Wide()
    state, generator = x.numel() * x.element_size(), torch.get_rng_state().numel()

    def peak(steps):
        defense = Purification(nn.AdaptiveAvgPool2d(1), unet, DDPMScheduler(), 0.1, steps)
        return peak_of(lambda: gradient(defense, x, noise))

    peak(2)  # what is made once
    few, many = peak(3), peak(23)
    # Where PyTorch's random numbers stand is kept too, for denoisers that draw some.
    assert 20 * state <= many - few <= 20 * (1.1 * state + 1.1 * generator)
    monkeypatch.setattr(purification, "checkpoint", lambda f, *given, **_: f(*given))
    without = peak(23)
    assert without - peak(3) > 10 * (many - few)


ALPHAS = DDPMScheduler().alphas_cumprod.double()
TIMES = [99, 74, 50, 25, 0]


def ancestral(x, k, noise):
    """Step k of `TIMES` by a denoiser whose slope depends on where it is, as that of all does."""
    alpha, before = ALPHAS[TIMES[k]], ALPHAS[TIMES[k + 1]] if k < 4 else torch.tensor(1.0)
    beta, missing = 1 - alpha / before, 1 - alpha
    clean = (x - missing.sqrt() * torch.tanh(8 * x)) / alpha.sqrt()
    mean = before.sqrt() * beta * clean + (alpha / before).sqrt() * (1 - before) * x
    return mean / missing + ((1 - before) / missing * beta).sqrt() * noise


def along_the_way(x, noise, head, way):
    """The gradient where `way` leads from x_t to an image."""
    x = x.clone().requires_grad_()
    state = ALPHAS[99].sqrt() * (2 * x - 1) + (1 - ALPHAS[99]).sqrt() * noise
    (found,) = torch.autograd.grad(head((way(state) + 1) / 2)[:, 1].sum(), x)
    return found


def test_diffbreak_the_way_back_sees_the_noise_of_the_way_there():
    """What DiffBreak found (andrekassis/DiffBreak, https://arxiv.org/abs/2411.16598): where steps
    are computed again with other noise than they had, the gradient is that of another way."""
    x, noise, head = images(2), drawn(2, 3, 8, 8), Linear()
    alphas = type("Schedule", (), {"alphas_cumprod": ALPHAS})
    unet = type("Bent", (nn.Module,), {"forward": lambda _, x_t, t: torch.tanh(8 * x_t)})()
    defense = Purification(head, unet, alphas, 0.1, 5).unclamped()
    assert [step.step for step in defense.way] == TIMES
    generator = torch.Generator().manual_seed(3)

    def with_noise_of(draw):
        def way(state):
            for k in range(5):
                state = ancestral(state, k, draw(k))
            return state

        return way

    def own(k):
        return normal(seeds_of(noise), k, x)

    def anew(k):  # from a generator that nobody sets back
        return torch.randn(x.shape, generator=generator, dtype=x.dtype)

    def alike(one, other):
        return float(torch.cosine_similarity(one.flatten(), other.flatten(), 0))

    kept = [anew(k) for k in range(5)]
    true = along_the_way(x, noise, head, with_noise_of(kept.__getitem__))
    generator.manual_seed(3)
    naive = along_the_way(
        x, noise, head, lambda state: checkpoint(with_noise_of(anew), state, use_reentrant=False)
    )
    assert alike(naive, true) < 0.9
    expected = along_the_way(x, noise, head, with_noise_of(own))
    assert alike(gradient(defense, x, noise), expected) == pytest.approx(1, abs=1e-9)


def test_diffbreak_an_image_is_judged_by_many_fresh_purifications():
    """And of a single purification, or the luckiest of those that an attack has seen, nothing
    follows."""
    scheduler = DDPMScheduler(clip_sample=False)
    torch.manual_seed(0)
    head = nn.Sequential(nn.Flatten(), nn.Linear(12, 2).double())
    defense = Purification(head, OfGaussian(scheduler, 0.0, 0.5), scheduler, 0.1, 3)
    defense.generator = torch.Generator().manual_seed(0)
    x = torch.rand(60, 3, 2, 2, generator=torch.Generator().manual_seed(4)).double()
    with torch.no_grad():
        answers = torch.stack([defense(x).argmax(1) for _ in range(100)])
    y = answers.mode(0).values
    clean = vote(defense, x, y, range(60), 100)
    lucky = float((answers[:20] == y).all(0).double().mean())  # no draw of twenty was wrong
    assert lucky < float(clean.majority.double().mean()) - 0.2
    attacked = eot_pgd(defense, x, y, 0.1, Protocol(steps=5), 4, torch.Generator().manual_seed(1))
    judged = vote(defense, attacked.images, y, range(60), 100)
    assert float(judged.majority.double().mean()) < 0.6


def test_bpda_takes_the_way_for_the_identity(unet):
    x, noise, head = images(2), drawn(2, 3, 8, 8), Linear()
    defense = Purification(head, unet, DDPMScheduler(), 0.1, 4)
    straight = StraightThrough(defense)
    torch.testing.assert_close(straight.logits(x, noise), defense.logits(x, noise))
    seen = defense.cleaned(defense.noisy(x, noise), noise).requires_grad_()
    (expected,) = torch.autograd.grad(head(seen)[:, 1].sum(), seen)
    torch.testing.assert_close(gradient(straight, x, noise), expected)


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "asked", "message"),
    [
        ({}, {"t_star": 100}, r"of the denoiser's 1000 steps.*not 100: that many are 0.1"),
        ({}, {"t_star": 0.0}, r"above 0 and at most 1, not 0$"),
        ({}, {"t_star": math.nan}, "not nan"),
        ({}, {"t_star": 0.01}, r"t\* = 0.01 is 10 of the denoiser's 1000 steps.* 10 or fewer"),
        ({}, {"t_star": 0.1, "steps": 0}, "steps must be 1 or more"),
        ({}, {"t_star": 0.1, "steps": 2.5}, "steps must be a whole number"),
        ({}, {"t_star": 0.1, "sampler": "euler"}, "no sampler 'euler': choose ddpm or ddim"),
        ({}, {"t_star": 0.1, "eta": 1.5}, "η must lie between 0 and 1"),
        ({"thresholding": True}, {"t_star": 0.1}, "dynamic thresholds"),
        ({"variance_type": "learned"}, {"t_star": 0.1}, "variance 'learned'.*or the sampler ddim"),
        (
            {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
            {"t_star": 1.0},
            r"at t\* = 1 nothing is left of the image",
        ),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_line(unet, changes, asked, message):
    with pytest.raises(IsolossError, match=message):
        Purification(Linear(), unet, DDPMScheduler(**changes), **asked)


def test_a_network_that_says_nothing_of_its_variance_is_refused(unet):
    scheduler = DDPMScheduler(variance_type="learned_range")
    with pytest.raises(IsolossError, match="says nothing of it: take the sampler ddim"):
        Purification(Linear(), unet, scheduler, 0.1, 3)(images())
    Purification(Linear(), unet, scheduler, 0.1, 3, sampler="ddim")(images())


@pytest.mark.parametrize("asked", [certify, predict])
def test_nothing_is_certified_of_a_purification(unet, asked):
    defense = Purification(Linear(), unet, DDPMScheduler(), 0.1, 3)
    with pytest.raises(IsolossError, match="not of the many of a purification"):
        list(asked(defense, images(), range(3)))
