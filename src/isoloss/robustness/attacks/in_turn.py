"""Several attacks in turn, each on the images that the ones before have left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.robustness.ascent.ascent import Attacked
from isoloss.robustness.ascent.climb import better_of, judged
from isoloss.robustness.ascent.expectation import mean_objective
from isoloss.robustness.ascent.objective import refuse_spoilt, value_at
from isoloss.robustness.ascent.recorded import is_random
from isoloss.robustness.ascent.refusals import is_half
from isoloss.robustness.attacks.eot import on_the_same_draws
from isoloss.settings.robustness_fields import VOTES

Attempt = Callable[[Tensor], Attacked]
"""(n,) which of all images are left, to what an attack makes of them."""


@torch.no_grad()
def in_turn(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    attempts: Iterable[Attempt],
    *,
    draws: int = 1,
    batch_size: int | None = None,
) -> Attacked:
    """Of each image what succeeds first: it itself, or what an attempt makes of it; where none
    does, what has the largest margin. That is what `losses` are.

    For a network that draws noise no image is done, for what fools some draws may not fool others:
    all attempts are made on all images, and each is compared with the best before it on draws that
    they share.

    Args:
        model: held in eval mode.
        y: (N,) true classes, or (N, 2) of them and of those that are aimed at.
        draws: of a randomized network's noise, over which an answer is the mean.
        batch_size: images times draws that go through the network together.
    """
    judge = mean_objective(model, draws, batch_size, "margin", about=y)
    at_once = None if batch_size is None else max(batch_size // draws, 1)
    lasting = not is_random(model)
    clean = value_at(judge, x, y, at_once)
    # Who is never attacked has no gradient that is missing; who is, where no attempt finds any.
    untried = ~clean.success if lasting else torch.ones_like(clean.success)
    found = Attacked(
        x.clone(), clean.losses, clean.success, untried, torch.zeros_like(clean.success)
    )
    rows = torch.arange(len(x), device=x.device)
    for attempt in attempts:
        if lasting:
            rows = (~found.success).nonzero()[:, 0]
        if len(rows) == 0:
            break
        fresh = attempt(rows)
        if lasting:
            of_fresh = value_at(judge, fresh.images, y[rows], at_once)
            found = better_of(found, replace(fresh, losses=of_fresh.losses), rows)
        else:
            found = better_of(*on_the_same_draws(model, judge, y, at_once)(found, fresh), rows)
    return found


def refusing_spoilt(attempt: Attempt) -> Attempt:
    """`attempt`, but an error where it finds a gradient that is finite at no image."""

    def checked(rows: Tensor) -> Attacked:
        fresh = attempt(rows)
        refuse_spoilt(fresh.spoilt)
        return fresh

    return checked


def finally_judged(
    network: nn.Module,
    found: Attacked,
    images: Tensor,
    y: Tensor,
    given: Any,
    batch_size: int | None,
) -> Attacked:
    """What was found, and whether it succeeds, of a network that draws noise by most of fresh
    draws; of images in half precision, rounded to it."""
    if not (is_random(network) or is_half(given)):
        return found
    votes = VOTES if is_random(network) else 1
    judge = mean_objective(network, votes, batch_size, "margin", about=y)
    at_once = None if batch_size is None else max(batch_size // votes, 1)
    return judged(found, judge, images, y, given, at_once)
