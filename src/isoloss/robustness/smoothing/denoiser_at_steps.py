"""A diffusion model's network with its schedule: what it makes of an image at any of its steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from isoloss.errors import IsolossError
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
        self.unet, self.schedule = unet, schedule_of(scheduler)
        self.register_buffer("steps", torch.arange(len(self.schedule)), persistent=False)

    def forward(self, x_t: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """(x̂₀, ε̂), neither clamped, of the images' shape."""
        predicted = self.predict(x_t, t)
        return self.schedule.clean(x_t, predicted, t), self.schedule.noise(x_t, predicted, t)

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
        given = _tensor_of(self.unet(x_t, self.steps[t]))
        if given.shape[1] not in (x_t.shape[1], 2 * x_t.shape[1]):
            raise IsolossError(
                f"the denoiser gives {given.shape[1]} channels for images of {x_t.shape[1]}"
            )
        return given.to(x_t.dtype)


def _tensor_of(output: Any) -> Tensor:
    """What a denoiser predicts, out of what diffusers wraps it in."""
    output = getattr(output, "sample", output)
    return output[0] if isinstance(output, tuple) else output
