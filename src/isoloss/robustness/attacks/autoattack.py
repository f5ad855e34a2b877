"""AutoAttack: of four attacks that need no settings, or of two on a network that draws noise.

Croce, Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks", https://arxiv.org/abs/2003.01690
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from isoloss.robustness.ascent.aims import mean_logits
from isoloss.robustness.ascent.ascent import Attacked
from isoloss.robustness.ascent.asking import asked
from isoloss.robustness.ascent.ball import Norm
from isoloss.robustness.ascent.objective import Draws, frozen
from isoloss.robustness.ascent.recorded import is_random
from isoloss.robustness.ascent.refusals import as_labels, check_labels
from isoloss.robustness.attacks.apgd import STEPS, TARGETS, apgd_attempts, check_classes
from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.fab import fab_attempts
from isoloss.robustness.attacks.in_turn import Attempt, finally_judged, in_turn
from isoloss.robustness.attacks.square import searched

QUERIES = 5000
DRAWS = 20
"""Of a network's noise, over which steps and comparisons are the mean."""
LEAST_CLASSES, LEAST_OF_RANDOM = 4, 3
"""The losses of its ascents are for no fewer."""


def check_autoattack(classes: int) -> None:
    """Refuse to begin what could not be carried out.

    Raises:
        IsolossError: with too few classes.
    """
    check_classes("autoattack", classes, LEAST_CLASSES, "apgd_ce, fab_t and square in its place")


def autoattack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    norm: Norm = "linf",
    generator: torch.Generator | None = None,
    *,
    batch_size: int | None = None,
) -> Attacked:
    """Attack by AutoAttack: its standard version, or that for random networks.

    Standard: APGD-CE, APGD-T, FAB-T (100 steps, the 9 likeliest other classes), Square (5,000
    queries), each on what the ones before have left; an image is done once one succeeds. Of a
    network that draws noise: APGD-CE and APGD-DLR, each step by the mean over 20 draws; neither
    ends at a lucky draw, they are compared on draws that they share, and what succeeds is judged by
    most of fresh ones.

    Args:
        model, x, y, eps, norm, generator: as for `pgd`.
        batch_size: images, times draws, that go through the network together.

    Returns:
        The attacked images; `losses` are by how much the best other class leads; `without_gradient`
        where none of the attacks that follow gradients found any.

    Raises:
        IsolossError: as `pgd`, and for a network of fewer than 4 classes, that draws noise of fewer
            than 3.
    """
    network, images = asked(model, x)
    y = as_labels(y, images)
    _refuse_few_classes(network, images[:1], y[:1])
    with frozen(network):
        found = _ensemble(network, images, y, eps, norm, generator, batch_size, batch_size)
        return finally_judged(network, found, images, y, x, batch_size)


def _refuse_few_classes(network: nn.Module, one: Tensor, label: Tensor) -> None:
    if len(one) == 0:
        return
    drawn = Draws(network, one.device)
    classes = mean_logits(network, one, label, 1, None).shape[1]
    drawn.again()
    least = LEAST_OF_RANDOM if is_random(network) else LEAST_CLASSES
    check_classes("autoattack", classes, least, "apgd, fab and square", "this network knows")


def autoattack_attack(context: AttackContext) -> Attack:
    """`autoattack` in the norm of a run."""

    def attack(x: Tensor, y: Tensor, eps: float) -> Attacked:
        check_labels(y, x)
        with frozen(context.model):
            return _ensemble(
                context.model, x, y, eps, context.settings.norm, context.generator,
                context.batch_size, context.forward_batch_size,
            )  # fmt: skip

    return attack


def _ensemble(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    norm: Norm,
    generator: torch.Generator | None,
    batch_size: int | None,
    forward_batch_size: int | None,
) -> Attacked:
    def by_apgd(loss: str, targets: int = 0, draws: int = 1) -> Iterator[Attempt]:
        return apgd_attempts(
            model, x, y, eps, STEPS, norm, 1, generator,
            loss=loss, targets=targets, draws=draws, batch_size=batch_size,
        )  # fmt: skip

    def by_square(rows: Tensor) -> Attacked:
        found = searched(
            model, x[rows], y[rows], eps, QUERIES, norm, generator, batch_size=forward_batch_size
        )
        # It looks for no gradient, and says nothing of whether there is one.
        nowhere = torch.zeros_like(found.success)
        return replace(found, without_gradient=~nowhere, spoilt=nowhere)

    def standard() -> Iterator[Attempt]:
        yield from by_apgd("ce")
        yield from by_apgd("dlr", TARGETS)
        yield from fab_attempts(model, x, y, eps, STEPS, norm, batch_size=batch_size)
        yield by_square

    def random() -> Iterator[Attempt]:
        yield from by_apgd("ce", draws=DRAWS)
        yield from by_apgd("dlr", draws=DRAWS)

    if is_random(model):
        return in_turn(model, x, y, random(), draws=DRAWS, batch_size=batch_size)
    return in_turn(model, x, y, standard(), batch_size=batch_size)
