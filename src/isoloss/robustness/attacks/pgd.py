"""Projected gradient descent: the attack that all else is measured against.

Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks",
https://arxiv.org/abs/1706.06083
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.machine.waiting import put
from isoloss.robustness.ascent.aims import aimed
from isoloss.robustness.ascent.ascent import Attacked, Watch
from isoloss.robustness.ascent.asking import Asked, asked
from isoloss.robustness.ascent.ball import Norm
from isoloss.robustness.ascent.climb import climb, judged
from isoloss.robustness.ascent.expectation import mean_objective
from isoloss.robustness.ascent.losses import USUAL, Loss
from isoloss.robustness.ascent.objective import (
    Objective,
    frozen,
    objective_of,
    refuse_spoilt,
    value_at,
)
from isoloss.robustness.ascent.protocol import Protocol
from isoloss.robustness.ascent.recorded import is_random
from isoloss.robustness.ascent.refusals import as_labels, is_half
from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.eot import expected_ascent
from isoloss.settings.robustness_fields import EOT_DRAWS, VOTES


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
    loss: Loss = USUAL,
) -> Tensor:
    """Adversarial images (N, C, H, W) in [0, 1] within `eps` of `x`.

    Each image's best iterate is returned: a misclassified one if there was any, else that of the
    largest loss. An image is done once it is misclassified. Aimed at classes, an image is done once
    it is taken for its own. The network is asked twice beforehand, which finds out, and warns, that
    it draws noise (then gradients are means over draws, and the last iterate is returned) or that
    its answers depend on the batch (then it is asked about one image at a time).

    Args:
        model: (N, C, H, W) images in [0, 1] to (N, classes) logits; it is held in eval mode.
        x: images, floats in [0, 1] or uint8 from 0 to 255, as tensor or array.
        y: (N,) true classes as integers, or one-hot rows, as tensor, array or list.
        eps: the ball's radius on the [0, 1] scale.
        steps: gradient steps, from each start.
        step_size: by default 2.5 · eps / steps.
        norm: "linf" or "l2".
        restarts: how often to begin anew for images on which it has not succeeded.
        generator: draws the starts, on the images' device; by default PyTorch's own.
        batch_size: images attacked together; by default all.
        targeted: classes to be taken for, (N,) or one for all; or "runner-up", "least-likely" or
            "random"; by default any but the true one.
        loss: what is climbed: "ce", "margin" or "dlr" (`isoloss.robustness.ascent.losses`); by
            default "ce", and the margin where this has rounded to 0; or a function of (N, classes)
            logits and (N,) classes that gives (N,) losses. Aimed at classes, it is given those, and
            its negative is climbed.

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
    loss: Loss = USUAL,
    watch: Watch | None = None,
) -> Attacked:
    """`pgd` by a protocol, with all that is known of its outcome. Aimed at classes, `success` says
    whether these were reached; of a network found to draw noise, whether by most of fresh draws."""
    network, images = asked(model, x)
    draws = network.draws if isinstance(network, Asked) else 1
    y = aimed(
        network, images, as_labels(y, images), targeted, generator,
        draws=draws, batch_size=batch_size,
    )  # fmt: skip
    found = climbed(
        network, images, y, eps, protocol, generator,
        draws=draws, batch_size=batch_size, loss=loss, watch=watch,
    )  # fmt: skip
    refuse_spoilt(found.spoilt)
    with frozen(network):
        if draws > 1:
            judge = mean_objective(network, VOTES, batch_size, loss, about=y)
            return judged(found, judge, images, y, x, batch_size)
        objective = objective_of(network, loss, about=y)
        if not is_random(network) and (protocol.random_start or not protocol.keep_best):
            found = _or_as_it_is(found, objective, images, y, batch_size)
        return judged(found, objective, images, y, x, batch_size) if is_half(x) else found


def climbed(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    protocol: Protocol,
    generator: torch.Generator | None,
    *,
    draws: int,
    batch_size: int | None,
    loss: Loss = USUAL,
    watch: Watch | None = None,
) -> Attacked:
    """`attack` on a network that is known, by the mean over so many draws if it draws noise."""
    if draws > 1:
        return expected_ascent(
            model, x, y, eps, protocol, draws, generator,
            batch_size=batch_size, loss=loss, watch=watch,
        )  # fmt: skip
    if is_random(model):
        protocol = replace(protocol, keep_best=False)
    with frozen(model):
        objective = objective_of(model, loss, about=y)
        return climb(objective, x, y, eps, protocol, generator, batch_size=batch_size, watch=watch)


@torch.no_grad()
def _or_as_it_is(
    found: Attacked, objective: Objective, x: Tensor, y: Tensor, batch_size: int | None
) -> Attacked:
    """What was found, but the images as they are where only these succeed."""
    rows = (~found.success).nonzero()[:, 0]
    if len(rows) == 0:
        return found
    clean = value_at(objective, x[rows], y[rows], batch_size)
    losses, success, images = found.losses.clone(), found.success.clone(), found.images.clone()
    put(
        rows, clean.success, (images, x[rows]), (success, clean.success),
        (losses, clean.losses.to(losses)),
    )  # fmt: skip
    return replace(found, images=images, losses=losses, success=success)


def pgd_attack(context: AttackContext) -> Attack:
    """`attack` by the protocol of a run."""
    return lambda x, y, eps: climbed(
        context.model, x, context.aimed(context.model, x, y), eps, context.protocol,
        context.generator, draws=context.draws, batch_size=context.batch_size, loss=context.loss,
        watch=context.watch,
    )  # fmt: skip


def transfer_attack(context: AttackContext) -> Attack:
    """`attack` on the network without its defense."""
    # What is to fool another network must not stop as soon as it fools its own.
    to_the_end = replace(context.protocol, keep_best=False)
    draws = EOT_DRAWS if is_random(context.undefended) else 1
    return lambda x, y, eps: climbed(
        context.undefended, x, context.aimed(context.undefended, x, y), eps, to_the_end,
        context.generator, draws=draws, batch_size=context.batch_size, loss=context.loss,
        watch=context.watch,
    )  # fmt: skip
