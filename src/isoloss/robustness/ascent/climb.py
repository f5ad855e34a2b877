"""An attack by gradients carried out as its protocol says: starts, restarts, what is kept."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from isoloss.compute.machine.waiting import put
from isoloss.robustness.ascent.ascent import Attacked, Watch, ascend
from isoloss.robustness.ascent.ball import Ball, ball_of
from isoloss.robustness.ascent.objective import Objective, value_at
from isoloss.robustness.ascent.protocol import Protocol
from isoloss.robustness.ascent.refusals import (
    check_at_least,
    check_generator,
    check_images,
    check_labels,
    check_step_size,
    is_half,
)
from isoloss.robustness.ascent.rounding import in_type
from isoloss.robustness.ascent.shortlist import Shortlist


def as_they_are(known: Attacked, fresh: Attacked) -> tuple[Attacked, Attacked]:
    """Two attacks whose values can be compared already."""
    return known, fresh


@torch.no_grad()
def climb(
    objective: Objective,
    x: Tensor,
    y: Tensor,
    eps: float,
    protocol: Protocol,
    generator: torch.Generator | None,
    *,
    batch_size: int | None,
    compared: Callable[[Attacked, Attacked], tuple[Attacked, Attacked]] = as_they_are,
    chosen: Callable[[Attacked, Shortlist], Attacked] | None = None,
    watch: Watch | None = None,
) -> Attacked:
    """Carry a protocol out with whatever gradient `objective` gives.

    Args:
        y: (N,) true classes, or (N, 2) of them and of those that are aimed at.
        compared: two attacks on all images, with values of the objective that can be compared;
            for an objective that is random.
        chosen: of an attack on all images that ended at its last iterates, and of the list of
            those that seemed best, the best ones; for an objective that is random.
    """
    check_images(x)
    for labels in (y,) if y.ndim == 1 else y.unbind(1):
        check_labels(labels, x)
    check_at_least("steps", protocol.steps)
    check_at_least("restarts", protocol.restarts)
    if batch_size is not None:
        check_at_least("batch_size", batch_size)
    if protocol.step_size is not None:
        check_step_size(protocol.step_size)
    check_generator(generator, x)
    ball = ball_of(protocol.norm, eps)
    if (shortfall := protocol.shortfall(eps)) is not None:
        warnings.warn(shortfall, stacklevel=4)
    begun = protocol.restarts if protocol.random_start else 1
    outcome: Attacked | None = None
    for _ in range(begun):
        # Drawn for all images, so that one's start does not depend on whether another succeeds.
        start = _start(x, ball, protocol, generator)
        rows = torch.arange(len(x), device=x.device)
        if outcome is not None and protocol.keep_best:
            rows = (~outcome.success).nonzero()[:, 0]
        shortlist = None if chosen is None else Shortlist(x[rows])
        fresh = ascend(
            objective, x[rows], y[rows], start[rows], ball, protocol.steps, protocol.step_at(eps),
            schedule=protocol.schedule, momentum=protocol.momentum,
            keep_best=protocol.keep_best, batch_size=batch_size, watch=watch, shortlist=shortlist,
        )  # fmt: skip
        if chosen is not None and shortlist is not None:
            fresh = chosen(fresh, shortlist)
        if outcome is None:
            outcome = fresh
            continue
        outcome = better_of(*compared(outcome, fresh), rows)
    assert outcome is not None
    return outcome


def judged(
    found: Attacked, judge: Objective, x: Tensor, y: Tensor, given: Any, batch_size: int | None
) -> Attacked:
    """What was found, and whether `judge` says that it succeeds.

    Args:
        given: the images `x` as they came; what was found is of their type where that is of half
            precision.
    """
    images = found.images
    if is_half(given):
        images = in_type(images, x, torch.as_tensor(given).dtype)
    success = value_at(judge, images.to(x), y, batch_size).success
    return replace(found, images=images, success=success)


def _start(x: Tensor, ball: Ball, protocol: Protocol, generator: torch.Generator | None) -> Tensor:
    if not protocol.random_start or len(x) == 0:
        return x.detach().clone()
    return (x + ball.random_offsets(x, generator)).clamp_(0, 1)


def better_of(known: Attacked, fresh: Attacked, rows: Tensor) -> Attacked:
    """Image by image the better of two attacks; `fresh` is of `rows` only."""
    wins = fresh.success & ~known.success[rows]
    wins |= (fresh.success == known.success[rows]) & (fresh.losses > known.losses[rows])
    merged = replace(
        known,
        images=known.images.clone(),
        losses=known.losses.clone(),
        success=known.success.clone(),
    )
    put(
        rows, wins, (merged.images, fresh.images), (merged.losses, fresh.losses),
        (merged.success, fresh.success),
    )  # fmt: skip
    still = known.without_gradient.clone()
    still[rows] &= fresh.without_gradient
    if known.spoilt is None or fresh.spoilt is None:
        return replace(merged, without_gradient=still)
    spoilt = known.spoilt.clone()
    spoilt[rows] |= fresh.spoilt
    still |= spoilt & ~merged.success
    return replace(merged, without_gradient=still, spoilt=spoilt)
