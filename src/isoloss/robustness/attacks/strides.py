"""How an image goes from one iterate to the next: how long a step is, and how steadily it goes on.

"linear" and "cosine" let steps shrink to nothing. "halving" halves an image's steps, and has it go
on from its best iterate, where it has climbed at too few of the last steps: Croce, Hein 2020,
section 3, https://arxiv.org/abs/2003.01690. Momentum adds up gradients of the length 1 in L1: Dong
et al. 2018, "Boosting Adversarial Attacks with Momentum", https://arxiv.org/abs/1710.06081
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal, Protocol

import torch
from torch import Tensor

from isoloss.robustness.attacks.ball import Ball

Schedule = Literal["constant", "linear", "cosine", "halving"]
SHARE_THAT_CLIMBS = 0.75
"""Of the steps between two looks at an image so many have to climb, or its steps are halved."""
ROUNDING = 1e-6


class Stride(Protocol):
    """How the images of one attack move."""

    def on(
        self, rows: Tensor, taken: Tensor, here: Tensor, losses: Tensor, gradient: Tensor
    ) -> Tensor:
        """(n, C, H, W) where some of the images go next, inside their ball or out of it.

        Args:
            rows: (n,) which images they are.
            taken: (n,) steps that each has taken.
            here: (n, C, H, W) where they are.
            losses, gradient: (n,) and (n, C, H, W), there.
        """
        ...


def fraction_at(schedule: Schedule, step: int, steps: int) -> float:
    """The length of a step, from 0 on, as a fraction of the first; halving is up to the images."""
    match schedule:
        case "linear":
            return 1 - step / steps
        case "cosine":
            return (1 + math.cos(math.pi * step / steps)) / 2
        case _:
            return 1.0


def looks_at(steps: int) -> list[int]:
    """After which steps an image's steps may be halved: w_j of the paper, for so many steps."""
    shares, looks = [0.0, 0.22], {0}
    while shares[-1] <= 1:
        looks.add(math.ceil(shares[-1] * steps - ROUNDING))
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    return sorted(looks)


def stride_of(
    ball: Ball, like: Tensor, steps: int, length: float, schedule: Schedule, momentum: float
) -> Stride:
    """How images (N, C, H, W) `like` these move, the first step being so long."""
    if momentum == 0 and schedule == "constant":
        return _Steady(ball, length)
    direction = _Momentum(like, momentum) if momentum else None
    if schedule == "halving":
        return _Halving(ball, like, steps, length, direction)
    fractions = [fraction_at(schedule, step, steps) for step in range(steps + 1)]
    return _Scheduled(ball, length * like.new_tensor(fractions), direction)


class _Steady:
    def __init__(self, ball: Ball, length: float) -> None:
        self._ball, self._length = ball, length

    def on(
        self, rows: Tensor, taken: Tensor, here: Tensor, losses: Tensor, gradient: Tensor
    ) -> Tensor:
        return here + self._length * self._ball.ascent(gradient)


class _Momentum:
    """What gradients have added up to, for each of N images."""

    def __init__(self, like: Tensor, decay: float) -> None:
        self._sum, self._decay = torch.zeros_like(like), decay

    def with_(self, rows: Tensor, gradient: Tensor) -> Tensor:
        # First by the largest value, that very small ones can be added up.
        largest = gradient.flatten(1).abs().amax(1).clamp(min=torch.finfo(gradient.dtype).tiny)
        scaled = gradient / _column(largest)
        total = scaled.flatten(1).abs().sum(1).clamp(min=1)
        self._sum[rows] = self._decay * self._sum[rows] + scaled / _column(total)
        return self._sum[rows]


class _Scheduled:
    def __init__(self, ball: Ball, lengths: Tensor, momentum: _Momentum | None) -> None:
        self._ball, self._lengths, self._momentum = ball, lengths, momentum

    def on(
        self, rows: Tensor, taken: Tensor, here: Tensor, losses: Tensor, gradient: Tensor
    ) -> Tensor:
        along = gradient if self._momentum is None else self._momentum.with_(rows, gradient)
        return here + _column(self._lengths[taken]) * self._ball.ascent(along)


class _Halving:
    def __init__(
        self, ball: Ball, like: Tensor, steps: int, length: float, momentum: _Momentum | None
    ) -> None:
        n, looks = len(like), looks_at(steps)
        self._ball, self._momentum = ball, momentum
        self._lengths = like.new_full((n,), length)
        # At each step how many steps lie between the last look and this one; 0 between looks.
        self._since = torch.zeros(steps + 1, device=like.device)
        for before, look in pairwise(looks):
            self._since[look] = look - before
        self._best, self._gradient = like.clone(), torch.zeros_like(like)
        self._losses = torch.full((n,), -torch.inf, device=like.device)
        self._before, self._at_look = self._losses.clone(), self._losses.clone()
        self._climbed = torch.zeros(n, device=like.device)
        self._halved = torch.ones(n, dtype=torch.bool, device=like.device)

    def on(
        self, rows: Tensor, taken: Tensor, here: Tensor, losses: Tensor, gradient: Tensor
    ) -> Tensor:
        self._climbed[rows] += losses > self._before[rows]
        self._before[rows] = losses
        better = losses > self._losses[rows]
        risen = rows[better]
        self._losses[risen], self._best[risen] = losses[better], here[better]
        self._gradient[risen] = gradient[better]
        since = self._since[taken]
        if (since > 0).any():
            here, gradient = self._looked_at(rows, since, here, gradient)
        along = gradient if self._momentum is None else self._momentum.with_(rows, gradient)
        return here + _column(self._lengths[rows]) * self._ball.ascent(along)

    def _looked_at(
        self, rows: Tensor, since: Tensor, here: Tensor, gradient: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Where the images are to go on from, and the gradient there."""
        few = self._climbed[rows] < SHARE_THAT_CLIMBS * since
        stuck = ~self._halved[rows] & (self._at_look[rows] == self._losses[rows])
        looked, halves = since > 0, (since > 0) & (few | stuck)
        self._lengths[rows[halves]] /= 2
        seen = rows[looked]
        self._halved[seen], self._at_look[seen] = halves[looked], self._losses[seen]
        self._climbed[seen] = 0
        where = _column(halves)
        return here.where(~where, self._best[rows]), gradient.where(~where, self._gradient[rows])


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
