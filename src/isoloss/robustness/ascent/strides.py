"""How an image goes from one iterate to the next: how long a step is, and how steadily it goes on.

"linear" and "cosine" let steps shrink to nothing. "halving" halves an image's steps, and has it go
on from its best iterate, where it has climbed at too few of the last steps; "apgd" does so too, and
has each move go on in part as the last one went: Auto-PGD, algorithm 1 of Croce, Hein 2020,
"Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks",
https://arxiv.org/abs/2003.01690. Momentum adds up gradients of the length 1 in L1: Dong et al.
2018, "Boosting Adversarial Attacks with Momentum", https://arxiv.org/abs/1710.06081
"""

from __future__ import annotations

import math
from itertools import count
from typing import Literal, Protocol

import torch
from torch import Tensor

from isoloss.compute.machine.waiting import put, sent
from isoloss.robustness.ascent.ball import Ball, column

Schedule = Literal["constant", "linear", "cosine", "halving", "apgd"]
FIRST_STEP = 2.0
"""Of ε, where steps are halved: from one side of the ball to the other."""
STRAIGHT = 0.75
"""α of the paper: of each move of "apgd" so much is the step, the rest what the last move was."""
RISING = 0.75
"""ρ of the paper: of the steps since the last look so many have to raise the loss, or fewer are
taken to be too many. At exactly so many the authors' code halves, as here; the paper does not."""


class Stride(Protocol):
    """How the images of one attack move.

    Attributes:
        is_to_best: whether an attack that goes to its end ends at the best iterate, not the last.
    """

    is_to_best: bool

    def on(
        self, rows: Tensor, taken: Tensor, here: Tensor, losses: Tensor, gradient: Tensor
    ) -> Tensor:
        """(n, C, H, W) where some of the images go next, inside their ball or out of it.

        Args:
            rows: (n,) which images they are.
            taken: (n,) steps that each has taken, on the host.
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


def looks_at(steps: int) -> dict[int, int]:
    """{after how many steps an image's steps may be halved: steps since the last look}.

    Hundredths of all steps: the first period is 22 long, each later one 3 shorter than the one
    before, but none shorter than 6 (section 3.1 of the paper).
    """
    found: dict[int, int] = {}
    reached, period, last = 0, 22, 0
    for _ in count():
        reached += period
        at = -(-reached * steps // 100)
        if at >= steps:
            return found
        if at > last:
            found[at] = at - last
            last = at
        period = max(period - 3, 6)
    raise AssertionError


def stride_of(
    ball: Ball, like: Tensor, steps: int, length: float, schedule: Schedule, momentum: float
) -> Stride:
    """How images (N, C, H, W) `like` these move, the first step being so long."""
    if momentum == 0 and schedule == "constant":
        return _Steady(ball, length)
    direction = _Momentum(like, momentum) if momentum else None
    if schedule == "halving":
        return _Halving(ball, like, steps, length, direction)
    if schedule == "apgd":
        return _AutoPGD(ball, like, steps, length, direction)
    fractions = [fraction_at(schedule, step, steps) for step in range(steps + 1)]
    lengths = length * torch.tensor(fractions, dtype=like.dtype)
    return _Scheduled(ball, lengths, direction)


class _Steady:
    is_to_best = False

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
        scaled = gradient / column(largest)
        total = scaled.flatten(1).abs().sum(1).clamp(min=1)
        self._sum[rows] = self._decay * self._sum[rows] + scaled / column(total)
        return self._sum[rows]


class _Scheduled:
    is_to_best = False

    def __init__(self, ball: Ball, lengths: Tensor, momentum: _Momentum | None) -> None:
        self._ball, self._lengths, self._momentum = ball, lengths, momentum

    def on(
        self, rows: Tensor, taken: Tensor, here: Tensor, losses: Tensor, gradient: Tensor
    ) -> Tensor:
        along = gradient if self._momentum is None else self._momentum.with_(rows, gradient)
        lengths = sent(self._lengths[taken], here.device)
        return here + column(lengths) * self._ball.ascent(along)


class _Halving:
    is_to_best = False

    def __init__(
        self, ball: Ball, like: Tensor, steps: int, length: float, momentum: _Momentum | None
    ) -> None:
        n, device = len(like), like.device
        self._ball, self._momentum = ball, momentum
        self._lengths = like.new_full((n,), length)
        # At each step how many steps lie between the last look and this one; 0 between looks.
        self._since = torch.zeros(steps + 1)
        for look, since in looks_at(steps).items():
            self._since[look] = since
        self._best, self._uphill = like.clone(), torch.zeros_like(like)  # the gradient there
        self._losses = torch.full((n,), -torch.inf, device=device)
        self._before, self._at_look = self._losses.clone(), self._losses.clone()
        self._rises = torch.zeros(n, device=device)
        self._halved = torch.ones(n, dtype=torch.bool, device=device)

    def on(
        self, rows: Tensor, taken: Tensor, here: Tensor, losses: Tensor, gradient: Tensor
    ) -> Tensor:
        return self._step(rows, *self._from(rows, taken, here, losses, gradient))

    def _from(
        self, rows: Tensor, taken: Tensor, here: Tensor, losses: Tensor, gradient: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Where the images are to go on from, and the gradient there."""
        self._rises[rows] += (losses > self._before[rows]) & sent(taken > 0, rows.device)
        self._before[rows] = losses
        better = losses > self._losses[rows]
        put(
            rows, better, (self._losses, losses), (self._best, here), (self._uphill, gradient)
        )  # fmt: skip
        since = self._since[taken]
        if not (since > 0).any():
            return here, gradient
        since = sent(since, rows.device)
        due, rises, reached = since > 0, self._rises[rows], self._losses[rows]
        stuck = ~self._halved[rows] & (self._at_look[rows] == reached)
        halves = due & ((rises <= RISING * since) | stuck)
        put(rows, halves, (self._lengths, self._lengths[rows] / 2))
        put(
            rows, due, (self._halved, halves), (self._at_look, reached),
            (self._rises, torch.zeros_like(rises)),
        )  # fmt: skip
        where = column(halves)
        return here.where(~where, self._best[rows]), gradient.where(~where, self._uphill[rows])

    def _step(self, rows: Tensor, here: Tensor, gradient: Tensor) -> Tensor:
        along = gradient if self._momentum is None else self._momentum.with_(rows, gradient)
        return here + column(self._lengths[rows]) * self._ball.ascent(along)


class _AutoPGD(_Halving):
    is_to_best = True

    def __init__(
        self, ball: Ball, like: Tensor, steps: int, length: float, momentum: _Momentum | None
    ) -> None:
        super().__init__(ball, like, steps, length, momentum)
        self._centres, self._previous = like, like.clone()

    def on(
        self, rows: Tensor, taken: Tensor, here: Tensor, losses: Tensor, gradient: Tensor
    ) -> Tensor:
        here, gradient = self._from(rows, taken, here, losses, gradient)
        moving = torch.where(taken > 0, STRAIGHT, 1.0).to(here.dtype)
        straight = column(sent(moving, here.device))
        aim = self._step(rows, here, gradient)
        aim = self._ball.project(aim, self._centres[rows]).clamp_(0, 1)
        moved = here + straight * (aim - here) + (1 - straight) * (here - self._previous[rows])
        self._previous[rows] = here
        return moved
