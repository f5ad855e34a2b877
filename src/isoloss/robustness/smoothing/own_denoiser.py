"""Denoisers of any kind: diffusers' modules and pipelines given in Python, and functions of one's
own, at hand or named.

    noisy: (N, C, H, W) floats of any size, images in [0, 1] with noise of σ in them, not clamped.
    sigma: the noise's standard deviation on the [0, 1] scale.
    denoised: (N, C, H, W) floats, the same images with less noise; gradients flow.

The networks that a function named package.module:function calls are found by calling it once: they
are put into eval mode, frozen, moved to where the images are, and hashed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from isoloss.compute.machine.hashes import digest_of, digest_of_code
from isoloss.compute.machine.memory import refuse_out_of_memory
from isoloss.compute.machine.user_code import (
    import_user_function,
    one_line,
    text_of_module,
    where_users_code_failed,
)
from isoloss.errors import IsolossError
from isoloss.naming import dtype_name
from isoloss.robustness.smoothing.schedule import schedule_of
from isoloss.settings.source import denoiser as denoiser_source

Denoise = Callable[[Tensor, float], Tensor]
"""Images (N, C, H, W) on the [0, 1] scale with noise of σ in them, not clamped, and σ, to denoised
images of the same shape; gradients flow."""


def denoiser_of(given: Any, sigmas: Sequence[float], channels: int) -> tuple[nn.Module, Any]:
    """(UNet, scheduler) of a denoiser that is named or at hand.

    Args:
        given: a path or a name as `load_denoiser` takes it, or package.module:function; (UNet,
            scheduler), or a pipeline that has them; or a function (`Denoise`), which may be a
            module.
        sigmas: of all the noise it will see, ascending.
        channels: of the images.

    Raises:
        IsolossError: if it is none of them, or does not fit.
    """
    name = ""
    if isinstance(given, str) and denoiser_source(given).kind == "function":
        name, given = given, import_user_function(given)
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
    own = OwnDenoiser(given, sigmas, channels, name)
    return own, SimpleNamespace(alphas_cumprod=_alphas(sigmas))


def _alphas(sigmas: Sequence[float]) -> Tensor:
    """(T,) ᾱ of a schedule whose steps have the noise that is asked for, and by rounding not less:
    √((1 − ᾱ) / ᾱ) = 2σ on the scale of [−1, 1]."""
    return 1 / (1 + 4 * torch.tensor(sigmas, dtype=torch.float64).square() * (1 + 1e-6))


class OwnDenoiser(nn.Module):
    """A function of one's own, as what predicts the noise in images of [−1, 1].

    Args:
        sigmas: the noise of each step.
        name: package.module:function, where it is named so.

    Attributes:
        digest: of its code, and where it is named of its module and the networks that it calls.
        gives_gradients: whether gradients flow through it.
    """

    def __init__(
        self, denoise: Callable[..., Any], sigmas: Sequence[float], channels: int, name: str = ""
    ) -> None:
        super().__init__()
        self.denoise, self.sigmas, self.name = denoise, tuple(sigmas), name
        self.config = SimpleNamespace(in_channels=channels, sample_size=None)
        self.digest = digest_of_code(denoise)
        self.gives_gradients = True

    def forward(self, x_t: Tensor, step: Tensor) -> SimpleNamespace:
        """The noise (N, C, H, W) in x_t, at the step whose noise is one of the σ."""
        sigma = self.sigmas[int(step)]
        noisy = x_t * math.sqrt(1 + 4 * sigma**2)  # x_t / √ᾱ
        clean = self.denoised((noisy + 1) / 2, sigma)
        return SimpleNamespace(sample=(noisy - (2 * clean - 1)) / (2 * sigma))

    def denoised(self, noisy: Tensor, sigma: float) -> Tensor:
        """What the function gives for images on the [0, 1] scale.

        Raises:
            IsolossError: if those are no images of the same shape.
        """
        clean = self.denoise(noisy, sigma)
        if not isinstance(clean, Tensor) or clean.shape != noisy.shape:
            gives = tuple(clean.shape) if isinstance(clean, Tensor) else type(clean).__name__
            raise IsolossError(
                f"the denoiser gives {gives} for images of {tuple(noisy.shape)}: it must give as "
                "many of the same shape"
            )
        if not clean.is_floating_point():
            raise IsolossError(
                f"the denoiser gives {dtype_name(clean.dtype)}: images are floats in [0, 1]"
            )
        if clean.device != noisy.device:
            raise IsolossError(
                f"the denoiser gives images on {clean.device} for those on {noisy.device}: it must "
                "give them where they were"
            )
        return clean

    def settle(self, few: Tensor) -> None:
        """Call it on (n, C, H, W) images, to see whether it can be used and what it uses.

        Raises:
            IsolossError: saying what is wrong.
        """
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            noisy = few[:1].cpu() + self.sigmas[0] * torch.randn(few[:1].shape)
        noisy.requires_grad_()
        try:
            with torch.enable_grad(), _called_networks() as networks:
                clean = self.denoised(noisy, self.sigmas[0])
        except IsolossError:
            raise
        except Exception as error:  # a user's function may raise anything
            refuse_out_of_memory(error)
            said = where_users_code_failed(error) or one_line(error)
            raise IsolossError(f"the denoiser failed: {said}") from error
        if not bool(clean.isfinite().all()):
            raise IsolossError(
                "the denoiser gives NaN or infinite values: nothing can be said of it"
            )
        self.gives_gradients = clean.requires_grad
        if self.name:
            self.digest = digest_of(self.digest, text_of_module(self.name), *networks)
            for network in networks:
                network.to(few.device).eval().requires_grad_(False)


@contextmanager
def _called_networks() -> Generator[list[nn.Module]]:
    """The networks that are called meanwhile, without those that are parts of others."""
    found: list[nn.Module] = []
    known: set[int] = set()

    def note(module: nn.Module, _: Any) -> None:
        if id(module) not in known:
            found.append(module)
            known.update(map(id, module.modules()))

    handle = register_module_forward_pre_hook(note)
    try:
        yield found
    finally:
        handle.remove()
