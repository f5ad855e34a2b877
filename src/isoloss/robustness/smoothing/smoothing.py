"""Classifiers that see the image only through noise, and the denoiser that makes that bearable.

Cohen, Rosenfeld, Kolter 2019, https://arxiv.org/abs/1902.02918; Carlini et al. 2022, "(Certified!!)
Adversarial Robustness for Free!", https://arxiv.org/abs/2206.10550
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isoloss.compute.machine.waiting import is_at_hand
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.asking import (
    FEW,
    Answers,
    ask_twice,
    computes_in_half,
    refuse_no_network,
)
from isoloss.robustness.ascent.recorded import has_hooks, is_random
from isoloss.robustness.ascent.refusals import as_logits, check_images, check_kind
from isoloss.robustness.smoothing.denoiser_at_steps import DenoiserAtSteps, refuse_misfit


class Smoothing(nn.Module):
    """x ↦ f(x + σz), z ~ N(0, 1): every call draws anew.

    Args:
        sigma: standard deviation of the noise on the [0, 1] image scale.

    Attributes:
        generator: draws the noise, on the images' device; PyTorch's own where it is None.
        checks_range: whether images that lie outside [0, 1] are refused wherever they lie. Those of
            an attack lie inside, and to look would be a wait for a GPU at every step.
    """

    is_random = True
    is_certifiable = True
    checks_range = True

    def __init__(self, sigma: float) -> None:
        super().__init__()
        if not (sigma >= 0 and math.isfinite(sigma)):
            raise IsolossError(f"σ must be a finite number, 0 or more, not {sigma:g}")
        self.sigma = sigma
        self.generator: torch.Generator | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W) in [0, 1] at one draw of noise each."""
        return self.logits(images, self.noise_for(images))

    @property
    def draws_apart(self) -> bool:
        """Whether it is but `logits` at `noise_for` images, and nothing behind the noise says of
        itself that it draws."""
        behind = (module for module in self.modules() if not isinstance(module, Smoothing))
        usual = type(self).forward is Smoothing.forward and not has_hooks(self)
        return usual and not any(map(is_random, behind))

    def noise_for(self, images: Tensor, draws: int = 1) -> Tensor:
        """(N · draws, C, H, W) standard normal, those of an image side by side.

        Raises:
            IsolossError: for images that this classifier is not for.
        """
        self.check(images)
        shape = (len(images) * draws, *images.shape[1:])
        return torch.randn(
            shape, generator=self.generator, device=images.device, dtype=images.dtype
        )

    def unclamped(self) -> Smoothing:
        """What to take gradients of: this itself, where nothing is clamped."""
        return self

    def check(self, images: Tensor) -> None:
        """Refuse images that this classifier is not for.

        Raises:
            IsolossError: saying what does not fit.
        """
        if self.checks_range or is_at_hand(images):
            check_images(images)
        else:
            check_kind(images)

    def answers_about(self, images: Tensor) -> Answers:
        """How what is behind the noise answers, the noise being held still."""
        few = images[:FEW]
        generator = torch.Generator(few.device).manual_seed(0)
        noise = torch.randn(few.shape, generator=generator, device=few.device, dtype=few.dtype)
        # Image and noise go together as the channels of one.
        both = torch.cat([few, noise], 1)
        coarse = computes_in_half(self)
        return ask_twice(lambda pairs: self.logits(*pairs.chunk(2, 1)), both, coarse=coarse)

    def noisy(self, images: Tensor, noise: Tensor) -> Tensor:
        """x + σz on the [0, 1] scale, not clamped: a certificate is about just this."""
        return images + self.sigma * noise

    def logits(self, images: Tensor, noise: Tensor) -> Tensor:
        """Logits at given standard normal `noise` of the images' shape; a plain function."""
        raise NotImplementedError


class Around(Smoothing):
    """A defense, asked in another way."""

    def __init__(self, defense: Smoothing) -> None:
        super().__init__(defense.sigma)
        self.defense = defense
        self.generator = defense.generator

    @property
    def draws_apart(self) -> bool:
        """Likewise of the defense."""
        return super().draws_apart and self.defense.draws_apart

    def check(self, images: Tensor) -> None:
        """Refuse images that the defense refuses."""
        self.defense.check(images)


class OneByOne(Around):
    """A defense whose answer depends on the batch, asked about one image at a time."""

    def logits(self, images: Tensor, noise: Tensor) -> Tensor:
        """The defense's logits, image by image."""
        pairs = zip(images.split(1), noise.split(1), strict=True)
        return torch.cat([self.defense.logits(image, drawn) for image, drawn in pairs])


class OwnNoise(Smoothing):
    """A network that draws noise of its own, as a defense of which nobody knows the noise."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(0.0)
        self.network = network

    @property
    def draws_apart(self) -> bool:
        """It draws where it is asked."""
        return False

    def answers_about(self, images: Tensor) -> Answers:
        """That it is random is known."""
        return Answers(is_random=True)

    def logits(self, images: Tensor, noise: Tensor) -> Tensor:
        """The network's logits; the `noise` given stays unused."""
        return self.network(images)


class GaussianSmoothing(Smoothing):
    """A classifier behind noise alone, as one trained with noise may be (Cohen et al.).

    Args:
        classifier: (N, C, H, W) images in [0, 1] to (N, classes) logits.
        sigma: standard deviation of the noise on the [0, 1] image scale.
    """

    def __init__(self, classifier: nn.Module, sigma: float) -> None:
        super().__init__(sigma)
        refuse_no_network(classifier)
        self.classifier = classifier

    def logits(self, images: Tensor, noise: Tensor) -> Tensor:
        """Logits (N, classes) of the noisy images."""
        return self.classifier(self.noisy(images, noise))


class Together(nn.Module):
    """Several classifiers asked about the same images: behind one denoiser, it works once for all.

    (N, C, H, W) images to (K, N, classes) logits; −∞ for classes a network does not know.
    """

    def __init__(self, classifiers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.classifiers = nn.ModuleList(classifiers)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (K, N, classes), padded to the classes of the network that knows most."""
        logits = [as_logits(classifier(images), len(images)) for classifier in self.classifiers]
        most = max(one.shape[1] for one in logits)
        return torch.stack([F.pad(x, (0, most - x.shape[1]), value=-math.inf) for x in logits])


class Denoising(Smoothing):
    """A classifier behind noise and a diffusion model that takes it away.

    Args:
        classifier: (N, C, H, W) images in [0, 1] to (N, classes) logits.
        unet, scheduler: the denoiser, as `DenoiserAtSteps` takes it.
        sigma: standard deviation of the noise on the [0, 1] image scale.

    Raises:
        IsolossError: if the denoiser is of a kind that has no closed form.
    """

    def __init__(
        self, classifier: nn.Module, unet: nn.Module, scheduler: Any, sigma: float
    ) -> None:
        super().__init__(sigma)
        refuse_no_network(classifier)
        self.classifier, self.scheduler = classifier, scheduler
        self.denoiser = DenoiserAtSteps(unet, scheduler)

    @property
    def unet(self) -> nn.Module:
        """What predicts, in single precision at least."""
        return self.denoiser.unet

    def unclamped(self) -> Denoising:
        """The same defense as adversaries take its gradients, which no clamp kills."""
        raise NotImplementedError

    def check(self, images: Tensor) -> None:
        """Refuse also images of another size or number of channels than the denoiser's."""
        super().check(images)
        refuse_misfit(self.unet, images)

    def logits(self, images: Tensor, noise: Tensor) -> Tensor:
        """Logits (N, classes) of the noisy images, denoised."""
        return self.classifier(self.cleaned(self.noisy(images, noise), noise))

    def cleaned(self, noisy: Tensor, noise: Tensor) -> Tensor:
        """What the classifier is given, on the [0, 1] scale, of images with σ times the `noise` in
        them."""
        raise NotImplementedError


class DenoisedSmoothing(Denoising):
    """A classifier behind noise and one step of a diffusion model's denoiser.

    The noise is exactly σ and is added at the images' own resolution, which the certificate is
    about; the denoiser is given the first step t* that has at least so much.

    Args:
        classifier: (N, C, H, W) images in [0, 1] to (N, classes) logits.
        unet, scheduler: the denoiser, as `DenoiserAtSteps` takes it.
        sigma: standard deviation of the noise on the [0, 1] image scale.
        clamp: whether the denoised image is clamped to its range. That kills gradients: attack
            what `unclamped` returns.

    Raises:
        IsolossError: if σ is outside the schedule or the denoiser is of a kind that has no such
            closed form.
    """

    def __init__(
        self, classifier: nn.Module, unet: nn.Module, scheduler: Any, sigma: float, *,
        clamp: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(classifier, unet, scheduler, sigma)
        self.clamp = clamp
        schedule = self.denoiser.schedule
        self.t = schedule.step_for(sigma)
        self._scale = math.sqrt(schedule.alpha(self.t))
        # Below the schedule's first step there is less noise than any step would take away.
        level = schedule.level(self.t)
        self._share = min(1.0, 2 * sigma / level) if self.t == 0 and level > 0 else 1.0

    def unclamped(self) -> DenoisedSmoothing:
        """The same defense, but for the clamp: what to take gradients of."""
        twin = DenoisedSmoothing(
            self.classifier, self.unet, self.scheduler, self.sigma, clamp=False
        ).to(self.denoiser.steps.device)
        twin.generator = self.generator
        return twin

    def cleaned(self, noisy: Tensor, noise: Tensor) -> Tensor:
        """`denoise`; the `noise` is in the images."""
        return self.denoise(noisy)

    def denoise(self, noisy: Tensor) -> Tensor:
        """The denoised images on the [0, 1] scale, of images with the noise σ in them."""
        x_t = self._scale * (2 * noisy - 1)
        clean = self.denoiser.clean(x_t, self.t)
        if self._share < 1:
            clean = torch.lerp(x_t / self._scale, clean, self._share)
        return ((clean.clamp(-1, 1) if self.clamp else clean) + 1) / 2


@torch.no_grad()
def check_denoises(defense: DenoisedSmoothing, images: Tensor, seed: int = 0) -> None:
    """Refuse a denoiser that leaves these images further from clean than the noise took them.

    A denoiser trained on another range or on other images passes every check of shape.

    Args:
        images: (N, C, H, W) a few clean images in [0, 1].

    Raises:
        IsolossError: with both errors.
    """
    defense.check(images)
    generator = torch.Generator(images.device).manual_seed(seed)
    noise = torch.randn(images.shape, generator=generator, device=images.device).to(images.dtype)
    noisy = defense.noisy(images, noise)
    before = float((noisy.clamp(0, 1) - images).square().mean().sqrt())
    after = float((defense.denoise(noisy).clamp(0, 1) - images).square().mean().sqrt())
    if math.isnan(after):
        raise IsolossError("the denoiser gives NaN: nothing can be said of it")
    if defense.sigma > 0 and not after < before:
        raise IsolossError(
            f"the denoiser does not denoise these images: noise of σ = {defense.sigma:g} leaves an "
            f"error of {before:.3g}, denoised it is {after:.3g}; it belongs to other images or "
            "another range"
        )
