"""One attack over a list of radii, on a defense that draws noise.

What fools one draw of noise may not fool the next, so an image is done only when none of the draws
that are counted gives its class. They are the same draws at every radius, and a larger ball
contains what a smaller one does: such an image stays as it is, and larger radii attack the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from isoloss.robustness.ascent.ascent import spoilt_of
from isoloss.robustness.attacks.context import Attack


@dataclass(frozen=True)
class Correctness:
    """By how many of a defense's draws N images are classified rightly, and by which.

    Attributes:
        votes: (N,) int64, how many draws give the true class.
        majority, single, always: (N,) bool, whether the most frequent class, that of the first
            draw, and that of every draw is the true one.
        in_8_bits: (N,) bool, likewise of the first draw, once every value is one of 256.
    """

    votes: Tensor
    majority: Tensor
    single: Tensor
    always: Tensor
    in_8_bits: Tensor

    @property
    def resisting(self) -> Tensor:
        """Which images at least one of the draws still takes for what they are, rounded or not."""
        return ((self.votes > 0) | self.in_8_bits).nonzero()[:, 0]

    def of(self, rows: Tensor) -> Correctness:
        """Of some of the images."""
        return Correctness(*(getattr(self, f.name)[rows] for f in fields(self)))

    def renewed(self, rows: Tensor, other: Correctness) -> Correctness:
        """With what `other` says of `rows`."""
        return Correctness(
            *(
                getattr(self, f.name).index_put((rows,), getattr(other, f.name))
                for f in fields(self)
            )
        )


CountCorrect = Callable[[Tensor, Tensor, float], Correctness]
"""(images, (n,) which of all images they are, ε) to what is to be said of them."""


@dataclass(frozen=True)
class DefendedAtEpsilon:
    """All N images at one radius.

    Attributes:
        images: (N, C, H, W) adversarial images in [0, 1].
        correctness: what the draws say of them.
        without_gradient: (N,) bool, whether the attack found no gradient to follow.
        seconds: that it took; at the first radius with counting for the clean images.
        spoilt: (N,) bool, at which images the gradient was not finite; None where none was.
    """

    images: Tensor
    correctness: Correctness
    without_gradient: Tensor
    seconds: float
    spoilt: Tensor | None = None


def randomized_sweep(
    attack: Attack | None,
    count_correct: CountCorrect,
    x: Tensor,
    y: Tensor,
    epsilons: Sequence[float],
    *,
    carry: bool = True,
) -> Iterator[DefendedAtEpsilon]:
    """Attack (N, C, H, W) images `x` of classes `y` at each radius, from the smallest.

    Args:
        attack: None where 0 is the only radius.
        count_correct: how many of the draws are right, and which.
        epsilons: radii in ascending order.
        carry: whether images of which no draw gives the class are left as they are, also those
            that need no change for it, and whether an image stays as it is where that alone costs
            it the majority; without, every image is attacked at every radius.
    """
    began = time.perf_counter()
    nowhere = torch.zeros_like(y, dtype=torch.bool)
    everyone = torch.arange(len(x), device=x.device)
    known: DefendedAtEpsilon | None = None
    if carry or epsilons[0] == 0:
        known = DefendedAtEpsilon(x, count_correct(x, everyone, 0.0), nowhere, 0.0)
    clean = None if known is None else known.correctness
    for eps in epsilons:
        images, flat = (x, nowhere) if known is None else (known.images, known.without_gradient)
        correctness = None if known is None else known.correctness
        spoilt = None if known is None else known.spoilt
        if eps > 0:
            left = everyone if correctness is None else correctness.resisting
            if len(left):
                assert attack is not None
                attacked = attack(x[left], y[left], eps)
                images = images.index_put((left,), attacked.images)
                flat = flat.index_put((left,), attacked.without_gradient)
                spoilt = spoilt_of(attacked, left, spoilt, flat)
                of_left = count_correct(attacked.images, left, eps)
                correctness = of_left if correctness is None else correctness.renewed(left, of_left)
                if carry and clean is not None:
                    rows = (correctness.majority & ~clean.majority).nonzero()[:, 0]
                    images = images.index_put((rows,), x[rows])
                    correctness = correctness.renewed(rows, clean.of(rows))
        assert correctness is not None
        now = time.perf_counter()
        reached = DefendedAtEpsilon(images, correctness, flat, now - began, spoilt)
        began = now
        yield reached
        known = reached if carry else None
