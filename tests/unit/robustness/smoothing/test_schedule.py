"""What schedulers of diffusers tell of a denoiser's training: each is read right, or refused."""

from types import SimpleNamespace

import diffusers
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, EulerDiscreteScheduler
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import DenoisedSmoothing
from isoloss.robustness.evaluation.setup import digest_of_denoiser
from isoloss.robustness.smoothing.denoiser_at_steps import DenoiserAtSteps
from isoloss.robustness.smoothing.schedule import refuse_other_training, schedule_of

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")

NAMES = sorted(name for name in dir(diffusers) if name.endswith("Scheduler"))
STEPS = 40
KINDS = ("epsilon", "sample", "v_prediction")
BETAS = [
    {"beta_schedule": "linear"},
    {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    {"beta_schedule": "squaredcos_cap_v2"},
    {"beta_schedule": "sigmoid"},
    {"trained_betas": torch.linspace(1e-3, 0.3, STEPS).square().tolist()},
    {"rescale_betas_zero_snr": True},
]


def images(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64)


class Knowing(nn.Module):
    """Predicts what it is made of, and at the end a variance, which nobody asks for."""

    def __init__(self, predicted):
        super().__init__()
        self.predicted = predicted

    def forward(self, x_t, t):
        return torch.cat([self.predicted, torch.full_like(self.predicted, torch.nan)], 1)


def seen(scheduler, x, noise, t):
    """What a network sees at step t, as this scheduler itself adds noise and scales images."""
    step = None
    for steps in (STEPS - 1, STEPS):  # solvers leave one out
        if step is None:
            scheduler.set_timesteps(steps)
            step = next((s for s in scheduler.timesteps if abs(s - t) < 1e-6), None)
    noisy = scheduler.add_noise(x, noise, step[None])
    return scheduler.scale_model_input(noisy, step)


def refusal_of(name):
    try:
        refuse_other_training([name], SimpleNamespace())
    except IsolossError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", NAMES)
def test_every_scheduler_of_diffusers_is_read_right_or_refused_by_its_cause(name):
    refusal = refusal_of(name)
    if refusal is not None:
        # A class that a later version brings is to be looked at: its cause is not known.
        assert refusal.startswith(f"denoisers with {name} are trained ")
        return
    kind = getattr(diffusers, name)
    if type(kind).__name__ == "DummyObject":  # says itself which package it wants
        kind = DDIMScheduler
    scheduler = kind(num_train_timesteps=STEPS)
    schedule = schedule_of(scheduler)
    assert schedule.predicts == "epsilon"
    assert len(schedule) == STEPS
    # These two add no noise: one goes the other way, one paints.
    judge = DDPMScheduler if name in ("DDIMInverseScheduler", "RePaintScheduler") else kind
    x, noise = images(), images(1)
    for t in (1, 17, 38):
        alpha = schedule.alphas[t]
        expected = seen(judge.from_config(scheduler.config), x, noise, t)
        found = alpha.sqrt() * x + (1 - alpha).sqrt() * noise
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("betas", BETAS, ids=lambda betas: str(next(iter(betas.values())))[:16])
def test_what_is_predicted_becomes_the_image_that_diffusers_makes_of_it(betas, kind):
    settings = {"num_train_timesteps": STEPS, "prediction_type": kind, "clip_sample": False}
    x_t, predicted = images(), images(1)
    for of in (DDPMScheduler, *[DDIMScheduler] * (betas.get("beta_schedule") != "sigmoid")):
        scheduler = of(**settings, **betas)
        scheduler.set_timesteps(STEPS)
        denoiser = DenoiserAtSteps(Knowing(predicted), scheduler)
        for t in (0, 11, STEPS - 2):
            expected = scheduler.step(predicted, t, x_t).pred_original_sample
            clean, noise = denoiser(x_t, t)
            torch.testing.assert_close(clean, expected, rtol=1e-5, atol=1e-5)
            alpha = scheduler.alphas_cumprod[t].double()
            both = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
            torch.testing.assert_close(both, x_t, rtol=1e-5, atol=1e-5)


def test_k_diffusion_s_scale_is_another_name_for_the_same_image():
    scheduler = EulerDiscreteScheduler(STEPS, prediction_type="v_prediction")
    scheduler.set_timesteps(STEPS)
    step = scheduler.timesteps[12]
    noisy, predicted = images(), images(1)
    x_t = scheduler.scale_model_input(noisy, step)
    expected = scheduler.step(predicted, step, noisy).pred_original_sample
    found = DenoiserAtSteps(Knowing(predicted), scheduler)(x_t, int(step))[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


class Gaussian(nn.Module):
    """The best prediction for pixels that are N(μ, s²) on the scale of [−1, 1]."""

    def __init__(self, kind, scheduler, mean, spread):
        super().__init__()
        self.kind, self.alphas = kind, scheduler.alphas_cumprod.double()
        self.mean, self.spread = mean, spread

    def forward(self, x_t, t):
        a = self.alphas[t]
        share = a.sqrt() * self.spread**2 / (a * self.spread**2 + 1 - a)
        clean = self.mean + share * (x_t - a.sqrt() * self.mean)
        noise = (x_t - a.sqrt() * clean) / (1 - a).sqrt()
        return {
            "sample": clean, "epsilon": noise,
            "v_prediction": a.sqrt() * noise - (1 - a).sqrt() * clean,
        }[self.kind]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_denoised_image_is_the_mean_of_all_that_may_have_been(kind):
    scheduler = DDPMScheduler(1000, prediction_type=kind)
    unet = Gaussian(kind, scheduler, 0.1, 0.4)
    noisy = images() / 3 + 0.5
    alphas = scheduler.alphas_cumprod.double()
    for t in (30, 300):
        sigma = float(((1 - alphas[t]) / alphas[t]).sqrt() / 2) * (1 - 1e-12)
        defense = DenoisedSmoothing(nn.Flatten(), unet, scheduler, sigma)
        assert defense.t == t
        # On the scale of [0, 1]: mean 0.55, spread 0.2.
        expected = 0.55 + 0.2**2 / (0.2**2 + sigma**2) * (noisy - 0.55)
        found = defense.unclamped().denoise(noisy)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_less_noise_than_the_first_step_has_takes_less_away(kind):
    scheduler = DDPMScheduler(1000, prediction_type=kind)
    unet, noisy = Gaussian(kind, scheduler, 0.1, 0.4), images() / 3 + 0.5
    first = float(((1 - scheduler.alphas_cumprod[0]) / scheduler.alphas_cumprod[0]).sqrt()) / 2
    none, half, whole = (
        DenoisedSmoothing(nn.Flatten(), unet, scheduler, share * first, clamp=False).denoise(noisy)
        for share in (0, 0.5, 1 - 1e-7)
    )
    torch.testing.assert_close(none, noisy, rtol=0, atol=1e-15)
    torch.testing.assert_close(half, (none + whole) / 2, rtol=0, atol=1e-9)
    assert float((whole - noisy).abs().max()) > 1e-5


def test_where_nothing_of_the_image_is_left_there_is_no_noise_to_take_away():
    scheduler = DDIMScheduler(rescale_betas_zero_snr=True)
    assert scheduler.alphas_cumprod[-1] == 0
    last = scheduler.alphas_cumprod[-2].double()
    most = float(((1 - last) / last).sqrt()) / 2
    unet = Gaussian("epsilon", scheduler, 0.0, 0.5)
    defense = DenoisedSmoothing(nn.Flatten(), unet, scheduler, most * 0.999)
    assert defense.t == 998
    assert defense.denoise(images()).isfinite().all()
    # Euler's puts 2⁻²⁴ in the place of 0, which is more than the step before has.
    for same in (scheduler, EulerDiscreteScheduler(beta_end=0.02, rescale_betas_zero_snr=True)):
        with pytest.raises(IsolossError, match=rf"has noise up to {most:.4g} on the"):
            DenoisedSmoothing(nn.Flatten(), unet, same, 1e4)


def test_two_denoisers_that_differ_in_what_they_predict_are_not_the_same():
    unet, falls = nn.Conv2d(1, 1, 1).bfloat16(), torch.linspace(0.99, 0.1, 10)
    digests = {
        digest_of_denoiser(
            unet, SimpleNamespace(alphas_cumprod=falls, config={"prediction_type": kind})
        )
        for kind in KINDS
    }
    assert len(digests) == 3
    assert digest_of_denoiser(unet, SimpleNamespace(alphas_cumprod=falls)) in digests


class Made(diffusers.DDPMScheduler):
    """Of the user's own making, from one that is known."""


class Unknown(diffusers.SchedulerMixin):
    """As a later version of diffusers may have one."""

    alphas_cumprod = torch.linspace(0.99, 0.1, 10)


Unknown.__module__ = "diffusers.schedulers.scheduling_unknown"


def test_what_is_no_scheduler_of_discrete_steps_is_refused_by_its_cause():
    euler = EulerDiscreteScheduler(prediction_type="v_prediction", timestep_type="continuous")
    falls = torch.linspace(0.99, 0.1, 10)
    cases = [
        (diffusers.EDMEulerScheduler(), "EDMEulerScheduler are trained as EDM does"),
        (euler, "are trained as EDM does"),
        (diffusers.FlowMatchEulerDiscreteScheduler(), "are trained by flow matching"),
        (
            diffusers.DPMSolverMultistepScheduler(
                use_flow_sigmas=True, prediction_type="flow_prediction"
            ),
            "by flow matching",
        ),
        (diffusers.LCMScheduler(), "for consistency"),
        (diffusers.ScoreSdeVeScheduler(), "variance exploding"),
        (Unknown(), "how denoisers with Unknown are trained is not known here"),
        (object(), "a object does not say what noise the denoiser was trained with"),
        (SimpleNamespace(alphas_cumprod=falls.flip(0)), "noise schedule of this SimpleNamespace"),
        (SimpleNamespace(alphas_cumprod=[]), "is none: ᾱ must fall"),
        (SimpleNamespace(alphas_cumprod=falls - 0.5), "is none: ᾱ must fall"),
        (SimpleNamespace(alphas_cumprod=[0.9, float("nan"), 0.1]), "is none: ᾱ must fall"),
        (SimpleNamespace(alphas_cumprod=falls[:, None]), "is none: ᾱ must fall"),
    ]
    for scheduler, message in cases:
        with pytest.raises(IsolossError, match=message) as refusal:
            schedule_of(scheduler)
        assert "\n" not in str(refusal.value)
    assert len(schedule_of(Made())) == 1000
    assert len(schedule_of(SimpleNamespace(alphas_cumprod=falls.numpy()))) == 10
