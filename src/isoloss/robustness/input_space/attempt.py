"""One attack on one image, and the way that it took."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.machine.device import rounding
from isoloss.robustness.ascent.ball import ball_of
from isoloss.robustness.ascent.objective import frozen, objective_of
from isoloss.robustness.attacks.context import AttackContext, Strayed
from isoloss.robustness.evaluation.setup import Setup
from isoloss.settings import AttackSettings, InputProbeSettings, NetworkSettings
from isoloss.settings.attack_kinds import AttackKind, attack_of
from isoloss.settings.robustness_fields import EOT_DRAWS

_SHARED = ("norm", "steps", "step_size", "queries", "seed", "device", "precision")


@dataclass(frozen=True)
class Attempt:
    """What an attack made of an image.

    Attributes:
        path: (n, C, H, W) from the image to what was made of it; of an attack by gradients all
            iterates, of others these two.
        without_gradient: whether the gradient was zero wherever it was taken.
        warned: what is to be said of how it proceeded, in words.
    """

    path: Tensor
    without_gradient: bool
    warned: tuple[str, ...] = ()


def attempt(setup: Setup, settings: InputProbeSettings, name: str) -> Attempt:
    """Attack the one image of a setup.

    Raises:
        IsolossError: if the attack fails, or the network lets no gradient through.
    """
    kind, image, label = attack_of(name), setup.images[:], setup.labels
    generator = torch.Generator(setup.device).manual_seed(
        seed_of(settings.seed, settings.image, kind.seed_number)
    )
    # Attacks on the network itself take it in single precision: the surface shows that.
    undefended = model = setup.models[0].reference
    if not attacks_the_network(kind):
        assert settings.noise is not None
        model = setup.defense(0, settings.noise)
        model.generator = generator
    iterates: list[Tensor] = []
    strayed: dict[float, Strayed] = {}
    context = AttackContext(
        model=model,
        undefended=undefended,
        generator=generator,
        settings=_as_asked_of_an_attack(settings),
        classes=len(setup.classes),
        seed=settings.seed,
        draws=1 if model is undefended else EOT_DRAWS,
        attack=name,
        own=setup.own_attacks.get(name),
        strayed=strayed,
        batch_size=setup.batch_sizes.attacking,
        forward_batch_size=setup.batch_sizes.counting,
        watch=lambda images: iterates.append(images.detach().clone()),
    )
    precision = "fp32" if model is undefended else setup.precision
    with warnings.catch_warnings(record=True) as caught, rounding(setup.device, precision):
        warnings.simplefilter("always")
        found = kind.load()(context)(image, label, settings.epsilon)
    path = torch.cat(iterates or [image, found.images])
    warned = [str(w.message) for w in caught if str(w.message).startswith("the steps, ")]
    if any(s.outside + s.spoilt for s in strayed.values()):
        warned.append(f"the attack {name} left the ball or [0, 1], and was brought back to it")
    return Attempt(path, bool(found.without_gradient.any()), tuple(warned))


def attacks_the_network(kind: AttackKind) -> bool:
    """Whether an attack is on the network itself, and not on what it is behind."""
    return "attack" in kind.offered or not kind.adaptive


def steepest(setup: Setup, settings: InputProbeSettings) -> Tensor:
    """(C, H, W) the step of length ε, in the norm, up the gradient of the loss at the image."""
    network = setup.models[0].reference
    with frozen(network), rounding(setup.device, "fp32"):
        value = objective_of(network)(setup.images[:], setup.labels, True)
    assert value.gradient is not None
    return settings.epsilon * ball_of(settings.norm, settings.epsilon).ascent(value.gradient)[0]


def seed_of(*words: int) -> int:
    """A seed that follows from several numbers."""
    return int(np.random.SeedSequence([*words, 2]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _as_asked_of_an_attack(settings: InputProbeSettings) -> AttackSettings:
    """What an attack's run would have been asked for."""
    names = (*NetworkSettings.model_fields, *_SHARED)
    given = {name: getattr(settings, name) for name in names}
    return AttackSettings.model_validate({**given, "eps": (settings.epsilon,)})
