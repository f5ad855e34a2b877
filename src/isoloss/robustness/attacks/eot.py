"""Expectation over transformation: the gradient of a randomized defense is a mean over its draws.

Athalye, Engstrom, Ilyas, Kwok 2018, "Synthesizing Robust Adversarial Examples",
https://arxiv.org/abs/1707.07397; Athalye, Carlini, Wagner 2018, "Obfuscated Gradients Give a False
Sense of Security", https://arxiv.org/abs/1802.00420
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.robustness.ascent.aims import aimed
from isoloss.robustness.ascent.ascent import Attacked, Watch
from isoloss.robustness.ascent.asking import asked
from isoloss.robustness.ascent.climb import climb, judged
from isoloss.robustness.ascent.expectation import mean_objective
from isoloss.robustness.ascent.losses import USUAL, Loss
from isoloss.robustness.ascent.objective import (
    Draws,
    Objective,
    ObjectiveValue,
    frozen,
    refuse_spoilt,
    value_at,
)
from isoloss.robustness.ascent.protocol import Protocol
from isoloss.robustness.ascent.refusals import as_labels, is_half
from isoloss.robustness.ascent.shortlist import Shortlist, order_of
from isoloss.settings.robustness_fields import VOTES


def eot_pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    protocol: Protocol,
    draws: int = 16,
    generator: torch.Generator | None = None,
    *,
    batch_size: int | None = None,
    targeted: Any = None,
    loss: Loss = USUAL,
    watch: Watch | None = None,
) -> Attacked:
    """Gradient attack on a network that draws noise.

    Every step takes the mean gradient over `draws` draws of the network's noise, computed together.
    No image is done early, and the last iterate is returned, or that which fresh draws choose, as
    the protocol's `iterate` says: being misclassified in one step's draws is no lasting success.
    Restarts are compared on draws that they share. What `success` says is the majority of the last
    draws; count fresh ones.

    Args:
        model, x, y, eps, generator, targeted, loss: as for `pgd`.
        draws: of the noise, at every step and for each image.
        batch_size: images times draws that go through the network together.
        watch: is shown every iterate.

    Raises:
        IsolossError: as `pgd`.
    """
    network, images = asked(model, x)
    y = aimed(
        network, images, as_labels(y, images), targeted, generator,
        draws=draws, batch_size=batch_size,
    )  # fmt: skip
    found = expected_ascent(
        network, images, y, eps, protocol, draws, generator,
        batch_size=batch_size, loss=loss, watch=watch,
    )  # fmt: skip
    refuse_spoilt(found.spoilt)
    if not is_half(x):
        return found
    with frozen(network):
        judge = mean_objective(network, draws, batch_size, loss, about=y)
        return judged(found, judge, images, y, x, batch_size)


def expected_ascent(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    protocol: Protocol,
    draws: int,
    generator: torch.Generator | None,
    *,
    batch_size: int | None,
    loss: Loss = USUAL,
    watch: Watch | None = None,
) -> Attacked:
    """`eot_pgd` on a network of which is known that it draws noise."""
    by_doubt = protocol.draws_by == "doubt"
    objective = mean_objective(model, draws, batch_size, loss, by_doubt=by_doubt, about=y)
    judge = mean_objective(model, max(draws, VOTES), batch_size, loss, about=y)
    images_at_once = None if batch_size is None else max(batch_size // draws, 1)

    def chosen(last: Attacked, listed: Shortlist) -> Attacked:
        drawn, candidates = Draws(model, x.device), (last.images, *listed.images)
        values: list[ObjectiveValue] = []
        for images in candidates:
            drawn.again()
            values.append(value_at(judge, images, y, images_at_once))
        best = torch.stack([order_of(value, y) for value in values]).argmax(0)
        each = best, torch.arange(len(x), device=x.device)
        return replace(
            last,
            images=torch.stack(candidates)[each],
            losses=torch.stack([value.losses for value in values])[each],
            success=torch.stack([value.success for value in values])[each],
        )

    with frozen(model):
        return climb(
            objective, x, y, eps, replace(protocol, keep_best=False), generator,
            batch_size=images_at_once, watch=watch,
            compared=on_the_same_draws(model, objective, y, images_at_once),
            chosen=chosen if protocol.iterate == "fresh" else None,
        )  # fmt: skip


def on_the_same_draws(
    model: nn.Module, objective: Objective, y: Tensor, batch_size: int | None
) -> Callable[[Attacked, Attacked], tuple[Attacked, Attacked]]:
    """Gives two attacks on all images the values of `objective` on draws that they share."""

    def anew(outcome: Attacked) -> Attacked:
        value = value_at(objective, outcome.images, y, batch_size)
        return replace(outcome, losses=value.losses, success=value.success)

    def both(known: Attacked, fresh: Attacked) -> tuple[Attacked, Attacked]:
        drawn = Draws(model, y.device)
        known = anew(known)
        drawn.again()
        return known, anew(fresh)

    return both
