"""Projected gradient descent: the attack that all else is measured against.

Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks",
https://arxiv.org/abs/1706.06083
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.robustness.attacks.ascent import Attacked, Watch, ascend
from isoloss.robustness.attacks.ball import Ball, Norm, ball_of
from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.losses import Loss
from isoloss.robustness.attacks.objective import Objective, frozen, is_random, objective_of
from isoloss.robustness.attacks.protocol import Protocol
from isoloss.robustness.attacks.refusals import (
    as_images,
    as_labels,
    check_at_least,
    check_generator,
    check_images,
    check_labels,
    check_step_size,
)


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    steps: int,
    step_size: float | None = None,
    norm: Norm = "linf",
    random_start: bool = True,
    restarts: int = 1,
    generator: torch.Generator | None = None,
    *,
    batch_size: int | None = None,
    targeted: Any = None,
    loss: Loss = "ce",
) -> Tensor:
    """Adversarial images (N, C, H, W) in [0, 1] within `eps` of `x`.

    Each image's best iterate is returned: a misclassified one if there was any, else that of the
    largest loss. An image is done once it is misclassified. Of a network that draws noise the last
    iterate is returned. Aimed at classes, an image is done once it is taken for its own.

    Args:
        model: (N, C, H, W) images in [0, 1] to (N, classes) logits; it is held in eval mode.
        x: images, floats in [0, 1] or uint8 from 0 to 255, as tensor or array.
        y: (N,) true classes, as tensor, array or list of integers.
        eps: the ball's radius on the [0, 1] scale.
        step_size: by default 2.5 · eps / steps.
        norm: "linf" or "l2".
        restarts: how often to begin anew for images on which it has not succeeded.
        generator: draws the starts, on the images' device; by default PyTorch's own.
        batch_size: images attacked together; by default all.
        targeted: classes to be taken for, (N,) or one for all; by default any but the true one.
        loss: what is climbed: "ce", "margin" or "dlr" (`isoloss.robustness.attacks.losses`), or a
            function of (N, classes) logits and (N,) classes that gives (N,) losses. Aimed at
            classes, it is given those, and its negative is climbed.

    Raises:
        IsolossError: for images outside [0, 1], labels out of range, ε < 0, a network that gives
            NaN or lets no gradient through, a loss that there is not or that is not for so few
            classes (dlr: 3, aimed 4).
    """
    protocol = Protocol("pgd", steps, step_size, norm, random_start, restarts)
    return attack(
        model, x, y, eps, protocol, generator, batch_size=batch_size, targeted=targeted, loss=loss
    ).images


def attack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    protocol: Protocol,
    generator: torch.Generator | None = None,
    *,
    batch_size: int | None = None,
    targeted: Any = None,
    loss: Loss = "ce",
    watch: Watch | None = None,
) -> Attacked:
    """`pgd` by a protocol, with all that is known of its outcome. Aimed at classes, `success` says
    whether these were reached."""
    x = as_images(x, model)
    y = with_targets(as_labels(y, x), targeted)
    if is_random(model):
        protocol = replace(protocol, keep_best=False)
    with frozen(model):
        objective = objective_of(model, loss)
        return climb(objective, x, y, eps, protocol, generator, batch_size=batch_size, watch=watch)


def with_targets(y: Tensor, targeted: Any) -> Tensor:
    """(N, 2) true classes and those to be taken for; `y` alone where there are none.

    Args:
        y: (N,) true classes.
        targeted: (N,) classes, or one for all.

    Raises:
        IsolossError: if they are no classes, or not as many.
    """
    if targeted is None:
        return y
    one_for_all = isinstance(targeted, int) or getattr(targeted, "ndim", 1) == 0
    targets = y.new_full(y.shape, int(targeted)) if one_for_all else as_labels(targeted, y)
    return torch.stack([y, targets], 1)


def pgd_attack(context: AttackContext) -> Attack:
    """`attack` by the protocol of a run."""
    return lambda x, y, eps: attack(
        context.model, x, y, eps, context.protocol, context.generator,
        batch_size=context.batch_size, watch=context.watch,
    )  # fmt: skip


def transfer_attack(context: AttackContext) -> Attack:
    """`attack` on the network without its defense."""
    # What is to fool another network must not stop as soon as it fools its own.
    to_the_end = replace(context.protocol, keep_best=False)
    return lambda x, y, eps: attack(
        context.undefended, x, y, eps, to_the_end, context.generator,
        batch_size=context.batch_size, watch=context.watch,
    )  # fmt: skip


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
    compared: Callable[[Attacked, Attacked], tuple[Attacked, Attacked]] = lambda a, b: (a, b),
    watch: Watch | None = None,
) -> Attacked:
    """Carry a protocol out with whatever gradient `objective` gives.

    Args:
        y: (N,) true classes, or (N, 2) of them and of those that are aimed at.
        compared: two attacks on all images, with values of the objective that can be compared;
            for an objective that is random.
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
            rows = rows[~outcome.success]
        fresh = ascend(
            objective, x[rows], y[rows], start[rows], ball, protocol.steps, protocol.step_at(eps),
            keep_best=protocol.keep_best, batch_size=batch_size, watch=watch,
        )  # fmt: skip
        if outcome is None:
            outcome = fresh
            continue
        outcome = _better(*compared(outcome, fresh), rows)
    assert outcome is not None
    return outcome


def _start(x: Tensor, ball: Ball, protocol: Protocol, generator: torch.Generator | None) -> Tensor:
    if not protocol.random_start or len(x) == 0:
        return x.detach().clone()
    return (x + ball.random_offsets(x, generator)).clamp_(0, 1)


def _better(known: Attacked, fresh: Attacked, rows: Tensor) -> Attacked:
    """Image by image the better of two attacks; `fresh` is of `rows` only."""
    wins = fresh.success & ~known.success[rows]
    wins |= (fresh.success == known.success[rows]) & (fresh.losses > known.losses[rows])
    won = rows[wins]
    merged = replace(
        known,
        images=known.images.clone(),
        losses=known.losses.clone(),
        success=known.success.clone(),
    )
    merged.images[won] = fresh.images[wins]
    merged.losses[won] = fresh.losses[wins]
    merged.success[won] = fresh.success[wins]
    still = known.without_gradient.clone()
    still[rows] &= fresh.without_gradient
    return replace(merged, without_gradient=still)
