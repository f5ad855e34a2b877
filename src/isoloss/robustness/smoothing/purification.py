"""A classifier that sees of an image only what a diffusion model makes of it anew.

Nie et al. 2022, "Diffusion Models for Adversarial Purification" (DiffPure),
https://arxiv.org/abs/2205.07460: noise as at t*, then the reverse process, step by step. Its
gradient is taken through all steps, each computed again on the way back from what it began with,
with the same noise; gradients that leave steps out, or draw anew, overstate the robustness (Lee and
Kim 2023, https://arxiv.org/abs/2303.09051; Kassis, Hengartner, Yu 2024, "DiffBreak",
https://arxiv.org/abs/2411.16598).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from isoloss.errors import IsolossError
from isoloss.robustness.ascent.refusals import check_at_least
from isoloss.robustness.smoothing.counted_noise import normal, seeds_of
from isoloss.robustness.smoothing.reverse_steps import ReverseStep, Sampler, reverse_steps
from isoloss.robustness.smoothing.schedule import Schedule, schedule_of
from isoloss.robustness.smoothing.smoothing import Denoising
from isoloss.settings.attacking import PURIFY_STEPS


class Purification(Denoising):
    """A classifier behind the noise of t* and the way back from there, of several steps.

    Every call draws anew. What `logits` draws at the steps follows from the noise it is given.

    Args:
        classifier: (N, C, H, W) images in [0, 1] to (N, classes) logits.
        unet, scheduler: the denoiser, as `DenoiserAtSteps` takes it. Of the scheduler also the
            variance of ancestral steps and whether predicted images are clipped.
        t_star: how far into the diffusion, as a fraction of its steps in (0, 1]: 0.1 of 1,000
            steps are the noise of 100, after which the image has that of ᾱ₉₉.
        steps: on the way back, evenly spaced from there to the first.
        sampler: "ddpm", ancestral, or "ddim".
        eta: of DDIM: 0 adds no noise on the way back, 1 as much as DDPM.
        clamp: whether gradients end where predicted images are clipped, as those of what is
            computed do; without, clipping counts as the identity backwards.

    Attributes:
        sigma: the noise of t* as a standard deviation on the [0, 1] image scale.
        t: its step, from 0.

    Raises:
        IsolossError: if there is no such t*, not so many steps up to it, or the denoiser is of a
            kind that has no such steps.
    """

    is_certifiable = False

    def __init__(
        self,
        classifier: nn.Module,
        unet: nn.Module,
        scheduler: Any,
        t_star: float,
        steps: int = PURIFY_STEPS,
        *,
        sampler: Sampler = "ddpm",
        eta: float = 0.0,
        clamp: bool = True,
    ) -> None:
        schedule = schedule_of(scheduler)
        self.t = last_step(schedule, t_star)
        super().__init__(classifier, unet, scheduler, noise_at(schedule, t_star))
        config = getattr(scheduler, "config", None)
        if getattr(config, "thresholding", False):
            raise IsolossError(
                "the denoiser's scheduler clips by dynamic thresholds: one without is needed"
            )
        check_at_least("steps", steps)
        if steps > self.t + 1:
            raise IsolossError(
                f"t* = {t_star:g} is {self.t + 1} of the denoiser's {len(schedule)} steps: it "
                f"cannot take {steps} back, but {self.t + 1} or fewer"
            )
        if sampler not in ("ddpm", "ddim"):
            raise IsolossError(f"there is no sampler {sampler!r}: choose ddpm or ddim")
        if not 0 <= eta <= 1:
            raise IsolossError(f"η must lie between 0 and 1, not be {eta:g}")
        self.sampler: Sampler = sampler
        self.t_star, self.eta, self.clamp = t_star, eta, clamp
        self.way: tuple[ReverseStep, ...] = reverse_steps(
            schedule.alphas.tolist(), self.t, steps, sampler, eta=eta,
            variance=getattr(config, "variance_type", None) or "fixed_small",
        )  # fmt: skip
        clips = getattr(config, "clip_sample", True)
        self._reach = getattr(config, "clip_sample_range", 1.0) if clips else math.inf

    @property
    def words(self) -> str:
        """All that its steps are, but for the network."""
        return f"{self.denoiser.schedule.predicts} within {self._reach!r}: {self.way}"

    def unclamped(self) -> Purification:
        """The same defense, with the same answers, where clipping counts as the identity in
        gradients: what to take gradients of."""
        twin = Purification(
            self.classifier, self.unet, self.scheduler, self.t_star, len(self.way),
            sampler=self.sampler, eta=self.eta, clamp=False,
        ).to(self.denoiser.steps.device)  # fmt: skip
        twin.generator = self.generator
        return twin

    def cleaned(self, noisy: Tensor, noise: Tensor) -> Tensor:
        """The purified images on the [0, 1] scale."""
        x = math.sqrt(self.way[0].alpha) * (2 * noisy - 1)
        seeds = seeds_of(noise)
        # Of all steps but one, what they begin with is kept, and nothing of what lies inside.
        kept = x.requires_grad and torch.is_grad_enabled()
        for k in range(len(self.way)):
            x = checkpoint(self._back, x, seeds, k, use_reentrant=False) if kept \
                else self._back(x, seeds, k)  # fmt: skip
        return (self._clipped(x, 1.0) + 1) / 2

    def _back(self, x_t: Tensor, seeds: Tensor, k: int) -> Tensor:
        """One step of the way back."""
        step, schedule, channels = self.way[k], self.denoiser.schedule, x_t.shape[1]
        outputs = self.denoiser.outputs(x_t, step.step)
        predicted = outputs[:, :channels]
        clean = self._clipped(schedule.clean(x_t, predicted, step.step), self._reach)
        x = step.clean * clean + step.kept * x_t
        if step.along:
            x = x + step.along * schedule.noise(x_t, predicted, step.step)
        if not step.spread:
            return x
        return x + _spread(step, outputs[:, channels:]) * normal(seeds, k, x_t)

    def _clipped(self, images: Tensor, reach: float) -> Tensor:
        if reach == math.inf:
            return images
        clipped = images.clamp(-reach, reach)
        return clipped if self.clamp else images + (clipped - images).detach()


def _spread(step: ReverseStep, said: Tensor) -> Tensor | float:
    """The standard deviation of a step's noise, of what the network says of it in [−1, 1]."""
    if step.most is None:
        return step.spread
    if said.shape[1] == 0:
        raise IsolossError(
            "the denoiser's scheduler leaves the variance to the network, which says nothing of "
            "it: take the sampler ddim"
        )
    share = (said + 1) / 2
    return (share * math.log(step.most) + (1 - share) * math.log(step.spread)).exp()


def last_step(schedule: Schedule, t_star: float) -> int:
    """The last of the steps, from 0, whose noise an image gets at t*.

    Raises:
        IsolossError: if t* is no fraction of the steps, or nothing of the image is left there.
    """
    if not 0 < t_star <= 1:
        many = f": that many are {t_star / len(schedule):g}" if t_star > 1 else ""
        raise IsolossError(
            f"t* is a fraction of the denoiser's {len(schedule)} steps, above 0 and at most 1, not "
            f"{t_star:g}{many}"
        )
    step = max(round(t_star * len(schedule)), 1) - 1
    if schedule.alpha(step) == 0:
        raise IsolossError(f"at t* = {t_star:g} nothing is left of the image: take a smaller one")
    return step


def usual_sigmas() -> tuple[float, ...]:
    """The noise of every step of Ho et al.'s diffusion, as standard deviations on the [0, 1] scale
    of images: what a denoiser is asked about that has no steps of its own."""
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    alphas = (1 - betas).cumprod(0)
    return tuple((((1 - alphas) / alphas).sqrt() / 2).tolist())


def noise_at(schedule: Schedule, t_star: float) -> float:
    """The noise of t* as a standard deviation on the [0, 1] scale of images.

    Raises:
        IsolossError: as `last_step`.
    """
    return schedule.level(last_step(schedule, t_star)) / 2
