"""A denoiser made ready to be attacked through: the same function, computed faster."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.machine.device import arithmetic
from isoloss.compute.machine.memory import refuse_out_of_memory
from isoloss.compute.machine.user_code import one_line, where_users_code_failed
from isoloss.compute.networks.acceleration import in_fast_layout, keep_weights_in_bf16
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.asking import FEW
from isoloss.robustness.smoothing.denoiser_at_steps import (
    refuse_conditional,
    refuse_misfit,
    tensor_of,
)
from isoloss.robustness.speed.batch_sizes import suitable_batch_sizes
from isoloss.robustness.speed.diffusers_blocks import avoid_repetitions, avoid_slow_bf16

_LARGEST_DIFFERENCE = 1e-4
"""As a share of the largest value that is predicted: what the order of sums may make."""


class FastDenoiser(nn.Module):
    """A frozen U-Net on a device that gives what it predicts as a plain tensor.

    Args:
        unet: predicts the noise, as `diffusers.UNet2DModel`.
        few: (n, C, H, W) some images.

    Attributes:
        batch_sizes: of images that suitably go through it together.
    """

    def __init__(self, unet: nn.Module, few: Tensor, device: torch.device, precision: str) -> None:
        super().__init__()
        refuse_conditional(unet)
        refuse_misfit(unet, few)
        unet = copy.deepcopy(unet).to(device).float().eval().requires_grad_(False)
        self.config: Any = getattr(unet, "config", None)
        self.device, self.precision = device, precision
        few, step = few[:FEW].to(device), torch.tensor(0, device=device)
        try:
            unet = in_fast_layout(unet, lambda: unet(few, step))
            self.unet = _without_repetitions(unet, few, step)
        except Exception as error:  # whatever networks of diffusers cannot do
            refuse_out_of_memory(error)
            if where_users_code_failed(error) is not None:
                raise
            raise IsolossError(
                f"the denoiser fails with these images: {one_line(error)}"
            ) from error
        if precision == "bf16":
            keep_weights_in_bf16(self.unet)
        if precision == "bf16" and self.device.type == "cpu":
            avoid_slow_bf16(self.unet)
        self.batch_sizes = suitable_batch_sizes(self, few, lambda: self(few, step))

    def forward(self, images: Tensor, step: Tensor) -> Tensor:
        """The noise in (N, C, H, W) images, all at one `step` (a scalar)."""
        assert step.ndim == 0
        with arithmetic(self.device, self.precision):
            return tensor_of(self.unet(images, step)).float()


@torch.no_grad()
def _without_repetitions(unet: nn.Module, few: Tensor, step: Tensor) -> nn.Module:
    """The same function with less work, or the network as it is, where it would be another."""
    fast = copy.deepcopy(unet)
    if not avoid_repetitions(fast):
        return unet
    expected, given = (tensor_of(network(few, step)) for network in (unet, fast))
    differs = (given - expected).abs() > _LARGEST_DIFFERENCE * expected.abs().amax()
    return unet if bool(differs.any()) else fast
