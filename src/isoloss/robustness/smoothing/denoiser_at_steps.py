"""A diffusion model's network with its schedule: what it makes of an image at any of its steps."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.errors import IsolossError
from isoloss.robustness.ascent.asking import HALF
from isoloss.robustness.smoothing.schedule import schedule_of


class DenoiserAtSteps(nn.Module):
    """x_t and t to x̂₀ and ε̂; gradients flow. Images are on the network's [−1, 1] scale.

    Args:
        unet: x_t (N, C, H, W) and a scalar step to what it predicts, as `diffusers.UNet2DModel`; of
            those that predict a variance too, the first C channels are taken.
        scheduler: as `schedule_of` takes it.

    Attributes:
        schedule: ᾱ_t, how many steps there are, and what is predicted.

    Raises:
        IsolossError: if the denoiser is of a kind that has no such closed form.
    """

    steps: Tensor

    def __init__(self, unet: nn.Module, scheduler: Any) -> None:
        super().__init__()
        refuse_conditional(unet)
        self.unet, self.schedule = _in_single(unet), schedule_of(scheduler)
        _check_learned_steps(unet, len(self.schedule))
        self.register_buffer("steps", torch.arange(len(self.schedule)), persistent=False)

    def forward(self, x_t: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """(x̂₀, ε̂), neither clamped, of the images' shape."""
        predicted = self.predict(x_t, t)
        return self.schedule.clean(x_t, predicted, t), self.schedule.noise(x_t, predicted, t)

    def clean(self, x_t: Tensor, t: int) -> Tensor:
        """x̂₀ alone."""
        return self.schedule.clean(x_t, self.predict(x_t, t), t)

    def predict(self, x_t: Tensor, t: int) -> Tensor:
        """What the network predicts at step t, of the images' shape.

        Raises:
            IsolossError: if it gives another number of channels.
        """
        return self.outputs(x_t, t)[:, : x_t.shape[1]]

    def outputs(self, x_t: Tensor, t: int) -> Tensor:
        """What the network gives, (N, C, H, W) or, with what it says of variances, (N, 2 C, H, W).

        Raises:
            IsolossError: if it gives another number of channels.
        """
        given = tensor_of(self.unet(x_t, self.steps[t]))
        if given.shape[1] not in (x_t.shape[1], 2 * x_t.shape[1]):
            raise IsolossError(
                f"the denoiser gives {given.shape[1]} channels for images of {x_t.shape[1]}"
            )
        return given.to(x_t.dtype)


def tensor_of(output: Any) -> Tensor:
    """What a network predicts, out of what diffusers wraps it in."""
    output = getattr(output, "sample", output)
    return output[0] if isinstance(output, tuple) else output


def refuse_conditional(unet: nn.Module) -> None:
    """Refuse a network that wants more than images in [−1, 1] and a step.

    Raises:
        IsolossError: saying what it wants.
    """
    config = getattr(unet, "config", None)
    if getattr(config, "center_input_sample", False):
        raise IsolossError("the denoiser is for inputs in [0, 1]: one for [−1, 1] is needed")
    if getattr(config, "num_class_embeds", None) or getattr(config, "class_embed_type", None):
        raise IsolossError("the denoiser wants to know the class: one without classes is needed")
    if getattr(config, "cross_attention_dim", None):
        raise IsolossError("the denoiser wants a text: one that takes images alone is needed")


def refuse_misfit(unet: nn.Module, images: Tensor) -> None:
    """Refuse images (N, C, H, W) that are not of the network's channels and size, or that it cannot
    halve as often as it does.

    Raises:
        IsolossError: saying what would fit.
    """
    config, size = getattr(unet, "config", None), tuple(images.shape[2:])
    channels, expected = (getattr(config, key, None) for key in ("in_channels", "sample_size"))
    if channels is not None and channels != images.shape[1]:
        latent = " (as codes of latent diffusion have them)" if channels == 4 else ""
        raise IsolossError(
            f"the denoiser is for images of {channels} channels{latent}, these have "
            f"{images.shape[1]}"
        )
    expected = (expected, expected) if isinstance(expected, int) else expected
    if expected is not None and tuple(expected) != size:
        raise IsolossError(
            f"the denoiser is for {_by(expected)} images, these are {_by(size)}: take one of their "
            "size, or the images at its size (--image-size, where they are read from a folder)"
        )
    halvings = len(getattr(config, "down_block_types", None) or "a") - 1
    if any(side % 2**halvings for side in size):
        raise IsolossError(
            f"the denoiser halves images {halvings} times, and {_by(size)} cannot be: take images "
            f"whose sides are multiples of {2**halvings}, or another denoiser"
        )


def _in_single(unet: nn.Module) -> nn.Module:
    """Itself, or where its weights are in half precision a copy that computes in single."""
    halves = getattr(unet, "dtype", None) in HALF
    return copy.deepcopy(unet).float() if halves else unet


def _check_learned_steps(unet: nn.Module, steps: int) -> None:
    config = getattr(unet, "config", None)
    known = getattr(config, "num_train_timesteps", None)
    if getattr(config, "time_embedding_type", None) == "learned" and known and known < steps:
        raise IsolossError(
            f"the denoiser knows {known} steps, its schedule has {steps}: they do not belong "
            "together"
        )


def _by(size: Sequence[Any]) -> str:
    return "×".join(str(n) for n in size)
