"""Which step of a diffusion has how much noise.

Carlini et al. 2022, "(Certified!!) Adversarial Robustness for Free!",
https://arxiv.org/abs/2206.10550
"""

from __future__ import annotations

import torch
from torch import Tensor

from isoloss.errors import IsolossError


def timestep_for_sigma(alphas_cumprod: Tensor, sigma: float) -> tuple[int, float]:
    """(t*, σ_t): the first step with at least the noise σ, and the noise it has.

    Args:
        alphas_cumprod: (T,) the schedule's ᾱ_t, decreasing.
        sigma: standard deviation of the noise on the [0, 1] image scale. The network sees 2x − 1,
            in which the noise is 2σ.

    Returns:
        t*, from 0, and σ_t = √((1 − ᾱ_t) / ᾱ_t) ≥ 2σ on the network's [−1, 1] scale.

    Raises:
        IsolossError: if σ is negative, no number, or more than the schedule ever adds.
    """
    alphas = torch.as_tensor(alphas_cumprod).detach().cpu().double()
    levels = ((1 - alphas) / alphas).sqrt()
    most = float(levels[alphas > 0][-1]) / 2  # where nothing of the image is left is no such step
    if not 0 <= sigma <= most:
        raise IsolossError(
            f"σ = {sigma:g} is outside the denoiser's schedule, which has noise up to {most:.4g} "
            "on the [0, 1] scale"
        )
    step = int(torch.searchsorted(levels, 2 * sigma))
    return step, float(levels[step])
