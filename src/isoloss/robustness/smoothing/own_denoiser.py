"""Denoisers given in Python: diffusers' modules and pipelines, and functions of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor, nn

from isoloss.errors import IsolossError
from isoloss.robustness.smoothing.schedule import schedule_of

Denoise = Callable[[Tensor, float], Tensor]
"""Images (N, C, H, W) on the [0, 1] scale with noise of σ in them, not clamped, and σ, to denoised
images of the same shape; gradients flow."""


def denoiser_of(given: Any, sigmas: Sequence[float], channels: int) -> tuple[nn.Module, Any]:
    """(UNet, scheduler) of a denoiser that is at hand.

    Args:
        given: a path or a name as `load_denoiser` takes it; (UNet, scheduler), or a pipeline that
            has them; or a function (`Denoise`), which may be a module.
        sigmas: of all the noise it will see, ascending.
        channels: of the images.

    Raises:
        IsolossError: if it is none of them, or does not fit.
    """
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        # diffusers takes its time to import: functions do without.
        from isoloss.robustness.smoothing.denoiser import load_denoiser

        return load_denoiser(given)
    if isinstance(given, tuple | list):
        pair = cast("Sequence[Any]", given)
        if len(pair) != 2 or not isinstance(pair[0], nn.Module):
            kinds = ", ".join(type(one).__name__ for one in pair)
            raise IsolossError(
                "a denoiser may be (unet, scheduler), a network and what says what noise it was "
                f"trained with, but not ({kinds})"
            )
        given = SimpleNamespace(unet=pair[0], scheduler=pair[1])
    unet, scheduler = getattr(given, "unet", None), getattr(given, "scheduler", None)
    if getattr(given, "vae", None) is not None or getattr(given, "vqvae", None) is not None:
        raise IsolossError(
            "the pipeline denoises what an autoencoder makes of images (latent diffusion): one "
            "that denoises the images themselves is needed"
        )
    if isinstance(unet, nn.Module):
        schedule_of(scheduler)
        return unet, scheduler
    if hasattr(given, "config") and hasattr(given.config, "in_channels"):
        raise IsolossError(
            "a UNet does not say what noise it was trained with: give (unet, scheduler)"
        )
    if not callable(given):
        raise IsolossError(
            "a denoiser is a folder, a name, (unet, scheduler), a pipeline of diffusers, or a "
            f"function of (noisy, sigma), not a {type(given).__name__}"
        )
    return OwnDenoiser(given, sigmas, channels), SimpleNamespace(alphas_cumprod=_alphas(sigmas))


def _alphas(sigmas: Sequence[float]) -> Tensor:
    """(T,) ᾱ of a schedule whose steps have the noise that is asked for, and by rounding not less:
    √((1 − ᾱ) / ᾱ) = 2σ on the scale of [−1, 1]."""
    return 1 / (1 + 4 * torch.tensor(sigmas, dtype=torch.float64).square() * (1 + 1e-6))


class OwnDenoiser(nn.Module):
    """A function of one's own, as what predicts the noise in images of [−1, 1].

    Args:
        sigmas: the noise of each step.
    """

    def __init__(self, denoise: Callable[..., Any], sigmas: Sequence[float], channels: int) -> None:
        super().__init__()
        self.denoise, self.sigmas = denoise, tuple(sigmas)
        self.config = SimpleNamespace(in_channels=channels, sample_size=None)

    def forward(self, x_t: Tensor, step: Tensor) -> SimpleNamespace:
        """The noise (N, C, H, W) in x_t, at the step whose noise is one of the σ."""
        sigma = self.sigmas[int(step)]
        noisy = x_t * math.sqrt(1 + 4 * sigma**2)  # x_t / √ᾱ
        clean = self.denoise((noisy + 1) / 2, sigma)
        if not isinstance(clean, Tensor) or clean.shape != x_t.shape:
            gives = tuple(clean.shape) if isinstance(clean, Tensor) else type(clean).__name__
            raise IsolossError(
                f"the denoiser gives {gives} for images of {tuple(x_t.shape)}: it must give as "
                "many of the same shape"
            )
        return SimpleNamespace(sample=(noisy - (2 * clean - 1)) / (2 * sigma))
