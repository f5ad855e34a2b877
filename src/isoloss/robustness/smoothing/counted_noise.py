"""Normal noise that is a function of a number and a place, and of nothing that happened before.

What a step of a purification draws follows from the draw that the purification began with: counted
alone or in a batch, computed once or again on the way back, it is the same. splitmix64 (Steele,
Lea, Flood 2014, "Fast Splittable Pseudorandom Number Generators") makes the bits, Box and Muller's
transform the numbers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_ROUNDS = ((30, 0xBF58476D1CE4E5B9 - (1 << 64)), (27, 0x94D049BB133111EB - (1 << 64)), (31, 1))
_LOW = (1 << 32) - 1


def seeds_of(noise: Tensor) -> Tensor:
    """(N,) int64, a number for each of N draws (N, …): another one for each other draw."""
    bits = noise.detach().float().flatten(1).contiguous().view(torch.int32).long()
    return mixed(mixed(bits + _counts(bits.shape[1], bits.device)).sum(1))


def normal(seeds: Tensor, stream: int, like: Tensor) -> Tensor:
    """(N, …) standard normal, of the shape and the type of `like`.

    Args:
        seeds: (N,) int64.
        stream: which of the independent draws of each seed, from 0.
    """
    size = like[0].numel()
    pairs = -(-size // 2)
    counts = _counts(pairs, like.device, stream * pairs)
    bits = mixed(seeds[:, None] + counts)
    first, second = (((b & _LOW).float() + 0.5) * 2.0**-32 for b in (bits, bits >> 32))
    radius, angle = (-2 * first.log()).sqrt(), 2 * math.pi * second
    both = torch.cat([radius * angle.cos(), radius * angle.sin()], 1)
    return both[:, :size].reshape(like.shape).to(like.dtype)


def mixed(words: Tensor) -> Tensor:
    """splitmix64's finalizer of int64 words, taken as 64 bits; sums and products wrap around."""
    for shift, factor in _ROUNDS:
        words = words ^ (words >> shift & (1 << 64 - shift) - 1)
        words = words * factor
    return words


def _counts(count: int, device: torch.device, first: int = 0) -> Tensor:
    """(count,) the steps of splitmix64's counter from `first` on."""
    return torch.arange(first + 1, first + count + 1, device=device) * _GOLDEN
