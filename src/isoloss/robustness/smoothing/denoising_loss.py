"""Training a denoiser: the ε-prediction loss, and the average of the weights that is kept.

Ho, Jain, Abbeel 2020, "Denoising Diffusion Probabilistic Models", https://arxiv.org/abs/2006.11239
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def noised(alphas_cumprod: Tensor, images: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
    """x_t = √ᾱ_t (2x − 1) + √(1 − ᾱ_t) z of images x in [0, 1], on the network's scale.

    Args:
        alphas_cumprod: (T,).
        steps: (N,) t of each image.
        noise: (N, C, H, W) z, standard normal.
    """
    alpha = alphas_cumprod.to(images)[steps].view(-1, 1, 1, 1)
    return alpha.sqrt() * (2 * images - 1) + (1 - alpha).sqrt() * noise


def denoising_loss(
    unet: nn.Module,
    alphas_cumprod: Tensor,
    images: Tensor,
    generator: torch.Generator | None = None,
    part: slice = slice(None),
    of: int | None = None,
) -> Tensor:
    """The mean of (z − ε̂(x_t, t))², with t uniform and z ~ N(0, 1) (algorithm 1).

    Args:
        unet: predicts the noise, as `diffusers.UNet2DModel`.
        alphas_cumprod: (T,) the schedule.
        images: (N, C, H, W) in [0, 1].
        generator: draws t and z, on the images' device.
        part, of: where the images are only this part of a batch `of` so many, they get the t and z
            that they would in it.
    """
    drawn, by = of or len(images), {"generator": generator, "device": images.device}
    steps = torch.randint(len(alphas_cumprod), (drawn,), **by)[part]
    noise = torch.randn(drawn, *images.shape[1:], **by)[part].to(images)
    predicted = unet(noised(alphas_cumprod, images, steps, noise), steps).sample
    return F.mse_loss(predicted.float(), noise.float())


class Average:
    """An exponential moving average of a network's weights: what is kept of a denoiser.

    Args:
        network: whose parameters are followed; its buffers are taken as they are.
        decay: how much of the average stays at each step, in the long run. At the start it is
            (1 + k) / (10 + k) after k steps, so that the initial weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float = 0.9999) -> None:
        self.decay = decay
        self.steps = 0
        self._weights = {k: p.detach().clone() for k, p in network.named_parameters()}
        self._averages = list(self._weights.values())

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Take a step towards the network's present weights."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        present: list[Tensor] = [*network.parameters()]
        torch._foreach_lerp_(self._averages, present, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        self.steps += 1

    def state(self) -> dict[str, Tensor]:
        """The averaged weights and the count of steps, as tensors to be saved."""
        return {**self._weights, "steps": torch.tensor(self.steps)}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self.steps = int(state["steps"])
        for name, weight in self._weights.items():
            weight.copy_(state[name])

    @torch.no_grad()
    def give_to(self, network: nn.Module) -> None:
        """Put the averaged weights into a network of the same kind."""
        for name, parameter in network.named_parameters():
            parameter.copy_(self._weights[name])
