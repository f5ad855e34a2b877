"""Whether attacks can be carried out on what was made ready: refused before a run is begun."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from isoloss.errors import IsolossError
from isoloss.robustness.ascent.aims import with_targets
from isoloss.robustness.ascent.asking import FEW
from isoloss.robustness.ascent.losses import USUAL
from isoloss.robustness.ascent.objective import frozen, objective_of, refuse_spoilt
from isoloss.robustness.ascent.refusals import check_logits
from isoloss.robustness.evaluation.setup import Setup
from isoloss.settings.attack_kinds import attack_of


def check_attacks(setup: Setup, names: Sequence[str]) -> None:
    """Refuse attacks that cannot be carried out.

    Raises:
        IsolossError: saying why.
    """
    kinds = [attack_of(name) for name in names]
    for kind in kinds:
        if kind.is_own and kind.name not in setup.own_attacks:
            raise IsolossError(
                f"the attack {kind.name} was given in Python and lies in no file: go on from "
                "there, with isoloss.robustness.evaluate(…, out=…)"
            )
        kind.refuse_impossible(len(setup.classes))
        if not kind.takes_random and any(model.is_random for model in setup.models):
            raise IsolossError(
                f"{kind.name} is for networks that give one answer to an image, and this one draws "
                "random numbers: leave it out of --attacks"
            )
    if any(kind.needs_gradients for kind in kinds):
        check_gradients(setup)


def check_aim(setup: Setup, targeted: str | None) -> None:
    """Refuse to aim at a class that a network does not know.

    Raises:
        IsolossError: saying which it knows.
    """
    if targeted is None or not targeted.isdecimal():
        return
    for model in setup.models:
        with torch.no_grad(), frozen(model.fast):
            known = check_logits(model.fast(setup.images[:1]), setup.labels[:1]).shape[1]
        if int(targeted) >= known:
            raise IsolossError(
                f"--targeted: {model.name} knows no class {targeted}: it has 0 to {known - 1}"
            )


def check_loss(setup: Setup, names: Sequence[str], loss: str, targeted: str | None) -> None:
    """Refuse a loss that cannot be climbed with these networks, if attacks of these names do.

    Raises:
        IsolossError: saying why.
    """
    kinds = [attack_of(name) for name in names]
    if loss == USUAL or not any(kind.needs_gradients and not kind.passes for kind in kinds):
        return
    few = setup.images[:FEW]
    labels = with_targets(setup.labels[:FEW], None if targeted is None else 0)
    for model in setup.models:
        with frozen(model.fast):
            objective_of(model.fast, setup.subject.own_loss or loss)(few, labels, True)


def check_gradients(setup: Setup) -> None:
    """Refuse networks that let no gradient through.

    Raises:
        IsolossError: saying which attack does without.
    """
    for model in setup.models:
        with frozen(model.fast):
            value = objective_of(model.fast)(setup.images[:FEW], setup.labels[:FEW], True)
        refuse_spoilt(value.spoilt)
