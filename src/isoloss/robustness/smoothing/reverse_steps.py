"""The steps of a diffusion's reverse process, as coefficients: ancestral (DDPM) and DDIM.

Ho, Jain, Abbeel 2020, "Denoising Diffusion Probabilistic Models", https://arxiv.org/abs/2006.11239;
Song, Meng, Ermon 2021, "Denoising Diffusion Implicit Models", https://arxiv.org/abs/2010.02502;
with fewer steps than the diffusion has as Nichol and Dhariwal 2021,
https://arxiv.org/abs/2102.09672.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from isoloss.errors import IsolossError

Sampler = Literal["ddpm", "ddim"]
LEARNED = "learned_range"
_LEAST = 1e-20  # diffusers' least variance
_FIXED = ("fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log")


@dataclass(frozen=True)
class ReverseStep:
    """x' = clean · x̂₀ + kept · x_t + along · ε̂ + spread · z, with z standard normal.

    Attributes:
        step: t, from 0, at which the network is asked.
        alpha: ᾱ_t.
        spread: the standard deviation of what is added; where the network says it, the least.
        most: where the network says it, the largest.
    """

    step: int
    alpha: float
    clean: float
    kept: float
    along: float
    spread: float
    most: float | None = None


def reverse_steps(
    alphas: Sequence[float],
    first: int,
    count: int,
    sampler: Sampler = "ddpm",
    *,
    eta: float = 0.0,
    variance: str = "fixed_small",
) -> tuple[ReverseStep, ...]:
    """`count` steps from x_t at t = `first` to an image, evenly spaced; the last adds no noise.

    Args:
        alphas: (T,) ᾱ_t, descending.
        eta: of DDIM: 0 is deterministic, 1 adds as much noise as DDPM.
        variance: of DDPM's noise, by diffusers' names.

    Raises:
        IsolossError: for a variance that is none of them.
    """
    if variance not in (*_FIXED, LEARNED):
        raise IsolossError(
            f"the denoiser's scheduler has the variance {variance!r}: one of "
            f"{', '.join((*_FIXED, LEARNED))} is needed, or the sampler ddim"
        )
    places = torch.linspace(first, 0, count, dtype=torch.float64).round().long().tolist()
    pairs = zip(places, [*places[1:], None], strict=True)
    found = _ddpm(alphas, pairs, variance) if sampler == "ddpm" else _ddim(alphas, pairs, eta)
    return tuple(found)


def _ddpm(
    alphas: Sequence[float], pairs: Iterator[tuple[int, int | None]], variance: str
) -> Iterator[ReverseStep]:
    for t, then in pairs:
        alpha, before = alphas[t], 1.0 if then is None else alphas[then]
        beta, missing = 1 - alpha / before, 1 - alpha
        least = math.sqrt(max((1 - before) / missing * beta, _LEAST))
        spread = math.sqrt(beta) if variance.startswith("fixed_large") else least
        yield ReverseStep(
            t, alpha,
            clean=math.sqrt(before) * beta / missing,
            kept=math.sqrt(alpha / before) * (1 - before) / missing,
            along=0.0,
            spread=0.0 if then is None else spread,
            most=math.sqrt(beta) if variance == LEARNED and then is not None else None,
        )  # fmt: skip


def _ddim(
    alphas: Sequence[float], pairs: Iterator[tuple[int, int | None]], eta: float
) -> Iterator[ReverseStep]:
    for t, then in pairs:
        alpha, before = alphas[t], 1.0 if then is None else alphas[then]
        spread = eta * math.sqrt((1 - before) / (1 - alpha) * (1 - alpha / before))
        along = math.sqrt(max(1 - before - spread**2, 0.0))
        yield ReverseStep(t, alpha, math.sqrt(before), 0.0, along, spread)
