"""Projected gradient ascent with a queue: where an attack succeeds, the next image takes the place.

Every image keeps its own count of steps, so that a batch stays full however many succeed early.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from isoloss.compute.machine.waiting import put, sent, told
from isoloss.robustness.ascent.ball import Ball
from isoloss.robustness.ascent.few_sizes import in_few_sizes
from isoloss.robustness.ascent.objective import Objective, RefusedLater
from isoloss.robustness.ascent.shortlist import Shortlist, order_of
from isoloss.robustness.ascent.strides import Schedule, stride_of

Watch = Callable[[Tensor], object]
"""Is shown (N, C, H, W) iterates, every time that their objective is looked at."""


@dataclass(frozen=True, repr=False)
class Attacked:
    """What came out of an attack on N images.

    Attributes:
        images: (N, C, H, W) adversarial images in [0, 1], within the ball.
        losses: (N,) what the network loses on them, as the attack saw it.
        success: (N,) bool, whether they are misclassified, as the attack saw it.
        without_gradient: (N,) bool, whether the gradient was exactly zero wherever it was taken, or
            not finite somewhere and the image resists: such images were left alone.
        spoilt: (N,) bool, whether it was not finite somewhere; None where none was taken.
    """

    images: Tensor
    losses: Tensor
    success: Tensor
    without_gradient: Tensor
    spoilt: Tensor | None = None

    def __repr__(self) -> str:
        return (
            f"<Attacked: {int(self.success.sum()):,} of {len(self.success):,} images misclassified>"
        )

    @property
    def fooled(self) -> Tensor:
        """`success`, by its earlier name."""
        return self.success


def spoilt_of(outcome: Attacked, rows: Tensor, known: Tensor | None, like: Tensor) -> Tensor | None:
    """(N,) bool, at which of all images the gradient was not finite and the attack did not succeed,
    after one on `rows`; None where it was at all that were ever attacked."""
    if outcome.spoilt is None:
        return known
    resisting = outcome.spoilt & ~outcome.success
    if known is None and not resisting.any():
        return None
    known = torch.zeros_like(like) if known is None else known
    return known.index_put((rows,), resisting)


@torch.no_grad()
def ascend(
    objective: Objective,
    images: Tensor,
    labels: Tensor,
    start: Tensor,
    ball: Ball,
    steps: int,
    step_size: float,
    *,
    schedule: Schedule = "constant",
    momentum: float = 0.0,
    keep_best: bool = True,
    batch_size: int | None = None,
    watch: Watch | None = None,
    shortlist: Shortlist | None = None,
) -> Attacked:
    """Climb the loss from `start`, inside the balls around `images` and inside [0, 1].

    Args:
        images, start: (N, C, H, W); the ball's centres, and where to begin in it.
        labels: (N,) true classes.
        step_size: of the first; further ones are as `schedule` and `momentum` say
            (`isoloss.robustness.ascent.strides`).
        keep_best: return each image's best iterate, misclassified before others, then by loss,
            and be done with an image as soon as it is misclassified; else take all steps and
            return the last one, with "apgd" that of the largest loss.
        batch_size: images looked at together; None for all.
        watch: is shown the images that are looked at.
        shortlist: likewise, of a network that draws noise.
    """
    n, device = len(images), images.device
    stride = stride_of(ball, images, steps, step_size, schedule, momentum)
    asked = RefusedLater(in_few_sizes(objective, batch_size or n))
    current = start.clone()
    best, losses = start.clone(), images.new_full((n,), -torch.inf, dtype=torch.float32)
    success = torch.zeros(n, dtype=torch.bool, device=device)
    flat, spoilt = torch.ones_like(success), torch.zeros_like(success)
    # The host's: who is next, and after how many steps.
    queue, taken = torch.arange(n), torch.zeros(n, dtype=torch.long)
    rows = sent(queue[:batch_size], device)
    while len(queue) > 0:
        now, waiting = queue[: len(rows)], queue[len(rows) :]
        whole = len(rows) == n
        here = current if whole else current[rows]
        centres, truth = (images, labels) if whole else (images[rows], labels[rows])
        so_far = taken[now]
        going = so_far < steps
        value = asked(here, truth, bool(going.any()))
        if watch is not None:
            watch(here)
        if shortlist is not None:
            shortlist.look(rows, here, order_of(value, truth))

        seen = value.losses.float()
        better = seen > losses[rows]
        if keep_best:  # none of these has succeeded before
            better |= value.success
        elif not stride.is_to_best:
            better = torch.ones_like(better)
        put(rows, better, (best, here), (losses, seen), (success, value.success))

        if value.gradient is not None:
            level = (value.gradient.flatten(1) == 0).all(1)
            odd = torch.zeros_like(level) if value.spoilt is None else value.spoilt
            if not bool(going.all()):
                stays = sent(~going, device)
                level, odd = level | stays, odd & ~stays
            flat[rows] &= level
            spoilt[rows] |= odd
            moved = stride.on(rows, so_far, here, seen, value.gradient)
            moved = ball.project(moved, centres).clamp_(0, 1)
            if whole:
                current = moved
            else:
                current[rows] = moved
        taken[now] += 1
        if keep_best:
            going &= ~told(value.success)[0]
        if not bool(going.all()):
            queue = torch.cat([now[going], waiting])
            rows = sent(queue[:batch_size], device)
    asked.refuse()
    flat = flat & sent(taken > 1, device) | spoilt & ~success
    return Attacked(best, losses, success, flat, spoilt)
