"""Auto-PGD: ascent without a step size to choose, on one loss, or towards the likeliest classes.

Croce, Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks", https://arxiv.org/abs/2003.01690
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.errors import IsolossError
from isoloss.robustness.ascent.aims import likeliest, with_targets
from isoloss.robustness.ascent.ascent import Attacked, Watch
from isoloss.robustness.ascent.asking import Asked, asked
from isoloss.robustness.ascent.ball import Norm
from isoloss.robustness.ascent.climb import as_they_are, climb
from isoloss.robustness.ascent.expectation import mean_objective
from isoloss.robustness.ascent.losses import Loss, misses, reaches
from isoloss.robustness.ascent.objective import (
    Objective,
    ObjectiveValue,
    Reached,
    frozen,
    objective_of,
)
from isoloss.robustness.ascent.protocol import Protocol
from isoloss.robustness.ascent.recorded import is_random
from isoloss.robustness.ascent.refusals import as_labels, check_at_least, check_labels
from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.eot import on_the_same_draws
from isoloss.robustness.attacks.in_turn import Attempt, finally_judged, in_turn, refusing_spoilt

STEPS = 100
"""Of the authors' evaluations; likewise the number of classes that images are driven towards."""
TARGETS = 9


def apgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    steps: int = STEPS,
    norm: Norm = "linf",
    restarts: int = 1,
    generator: torch.Generator | None = None,
    *,
    loss: Loss | None = None,
    targets: int = 0,
    draws: int = 1,
    batch_size: int | None = None,
    targeted: Any = None,
) -> Attacked:
    """Attack by Auto-PGD: APGD-CE; with `loss="dlr"` APGD-DLR; with `targets=9` APGD-T.

    The first steps cross the ball; they are halved where too few of them raise the loss. An image
    is done once the attack succeeds. Of a network that draws noise every step takes the mean over
    `draws` of its draws and no image is done early; most of fresh draws say what succeeds.

    Args:
        model, x, y, eps, norm, generator, targeted: as for `pgd`.
        steps: gradient steps, from each start.
        restarts: starts, for images on which it has not succeeded.
        loss: what is climbed, as for `pgd`; by default "ce", or "dlr" with `targets`.
        targets: towards so many of the likeliest other classes, one after the other, or all there
            are; each start anew. An image is done once it is misclassified, as whatever.
        draws: of the noise; of a network found to draw some, at least 8.
        batch_size: images, times draws, that go through the network together.

    Raises:
        IsolossError: as `pgd`.
    """
    network, images = asked(model, x)
    y = with_targets(as_labels(y, images), targeted)
    if isinstance(network, Asked):
        draws = max(draws, network.draws)
    if targets and targeted is not None:
        raise IsolossError("targets are classes on the way to any other: leave out targeted")
    with frozen(network):
        attempts = apgd_attempts(
            network, images, y, eps, steps, norm, restarts, generator,
            loss=loss, targets=targets, draws=draws, batch_size=batch_size,
        )  # fmt: skip
        found = in_turn(
            network, images, y, map(refusing_spoilt, attempts), draws=draws, batch_size=batch_size
        )
        return finally_judged(network, found, images, y, x, batch_size)


def apgd_attempts(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    steps: int,
    norm: Norm,
    restarts: int,
    generator: torch.Generator | None,
    *,
    loss: Loss | None = None,
    targets: int = 0,
    draws: int = 1,
    batch_size: int | None = None,
    watch: Watch | None = None,
) -> Iterator[Attempt]:
    """`apgd` on a network that is known, to be carried out by `in_turn`: for each class that images
    are driven towards an attempt, or one."""
    check_at_least("draws", draws)
    check_at_least("targets", targets, 0)
    lasting = not is_random(model)
    loss = loss or ("dlr" if targets else "ce")
    reached = misses if targets else reaches
    objective = (
        objective_of(model, loss, reached, about=y)
        if lasting and draws == 1
        else _by_votes(mean_objective(model, draws, batch_size, loss, about=y), reached)
    )
    at_once = None if batch_size is None else max(batch_size // draws, 1)
    protocol = Protocol(
        "apgd", steps, None, norm, watch is None, restarts, keep_best=lasting and watch is None,
        schedule="apgd",
    )  # fmt: skip

    def attempt(labels: Tensor, rows: Tensor) -> Attacked:
        on_the_same = on_the_same_draws(model, objective, labels, at_once)
        return climb(
            objective, x[rows], labels[rows], eps, protocol, generator, batch_size=at_once,
            compared=as_they_are if lasting else on_the_same, watch=watch,
        )  # fmt: skip

    if not targets:
        yield partial(attempt, y)
        return
    for towards in likeliest(model, x, y, targets, draws, batch_size):
        yield partial(attempt, torch.stack([y, towards], 1))


def _by_votes(objective: Objective, reached: Reached) -> Objective:
    """`objective` of a network that draws noise, with another notion of what succeeds."""

    def judged(images: Tensor, labels: Tensor, with_gradient: bool) -> ObjectiveValue:
        value = objective(images, labels, with_gradient)
        assert value.votes is not None
        return replace(value, success=reached(value.votes.argmax(1), labels))

    return judged


def apgd_attack(context: AttackContext, *, loss: Loss, targets: int = 0) -> Attack:
    """`apgd` as the authors evaluate with it."""
    climbed = context.differentiable

    def attack(x: Tensor, y: Tensor, eps: float) -> Attacked:
        model, draws, size = context.model, context.draws, context.batch_size
        check_labels(y, x)
        with frozen(model):
            attempts = apgd_attempts(
                climbed, x, y, eps, STEPS, context.settings.norm, 1, context.generator,
                loss=loss, targets=targets, draws=draws, batch_size=size, watch=context.watch,
            )  # fmt: skip
            return in_turn(model, x, y, attempts, draws=draws, batch_size=size)

    return attack


apgd_ce_attack = partial(apgd_attack, loss="ce")
apgd_dlr_attack = partial(apgd_attack, loss="dlr")
apgd_t_attack = partial(apgd_attack, loss="dlr", targets=TARGETS)


def check_dlr(classes: int) -> None:
    """Refuse APGD-DLR where the loss divides by what there is not.

    Raises:
        IsolossError: with fewer than three classes.
    """
    check_classes("apgd_dlr", classes, 3, "apgd_ce")


def check_targeted_dlr(classes: int) -> None:
    """Refuse APGD-T likewise.

    Raises:
        IsolossError: with fewer than four classes.
    """
    check_classes("apgd_t", classes, 4, "apgd_ce or fab_t")


def check_classes(
    name: str, classes: int, least: int, instead: str, known: str = "the data have"
) -> None:
    """Refuse an attack whose losses are for more classes than there are.

    Raises:
        IsolossError: saying which to take instead.
    """
    if classes < least:
        raise IsolossError(
            f"{name} is for {least} classes and more, {known} {classes}: take {instead}"
        )
