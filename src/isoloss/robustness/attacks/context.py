"""What an attack of a run is given, and what it has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.robustness.ascent.aims import aimed
from isoloss.robustness.ascent.ascent import Attacked, Watch
from isoloss.robustness.ascent.losses import Loss, OwnLoss
from isoloss.robustness.ascent.protocol import Protocol, protocol_of
from isoloss.settings import AttackSettings, DefendSettings

Attack = Callable[[Tensor, Tensor, float], Attacked]
"""((N, C, H, W) images in [0, 1], (N,) labels, ε on the [0, 1] scale) to what the attack makes of
them. It may be called several times, for several ε and for fewer images."""

OwnAttack = Callable[[nn.Module, Tensor, Tensor, float], Any]
"""An attack of one's own, as `isoloss.robustness.attacks.own` says."""


@dataclass(frozen=True)
class Strayed:
    """How many images an attack gave that nobody may show.

    Attributes:
        outside: images outside [0, 1], or further than ε from their own.
        farthest: the largest distance beyond ε of one from its own; 0 where none is beyond it.
        spoilt: images that are not finite.
    """

    outside: int = 0
    farthest: float = 0.0
    spoilt: int = 0


@dataclass(frozen=True)
class AttackContext:
    """What the implementation of an attack may use.

    An implementation is a function of this, and returns the `Attack`. All that is random in it
    comes from `generator`, and is drawn when the attack is called.

    Attributes:
        model: what is attacked: (N, C, H, W) images in [0, 1] to (N, classes) logits. Behind a
            defense it is the defense, an `isoloss.robustness.Smoothing`: it draws noise at every
            call.
        undefended: the network without its defense; without one the same as `model`. Of an attack
            by images made on another network of the run it is that one.
        generator: on the images' device.
        settings: of the run.
        classes: how many there are.
        seed: of the combination, for what cannot use a generator.
        draws: of the defense's noise, over which a step or an answer is to be the mean; 1 without
            a defense.
        attack: its name.
        own: the function, of an attack of one's own; `strayed` by ε what it gave that is not
            allowed.
        batch_size: images, or images times draws, that suitably go through `model` together,
            forward and back; `forward_batch_size` likewise, forward alone.
        watch: is shown every iterate of an attack by gradients, which then goes the whole way from
            the image itself.
        own_loss: what attacks by gradients climb, where that is a function of one's own.
    """

    model: nn.Module
    undefended: nn.Module
    generator: torch.Generator
    settings: AttackSettings | DefendSettings
    classes: int
    seed: int
    draws: int
    attack: str
    own: OwnAttack | None
    strayed: dict[float, Strayed]
    batch_size: int
    forward_batch_size: int
    watch: Watch | None = None
    own_loss: OwnLoss | None = None

    @property
    def differentiable(self) -> nn.Module:
        """`model` as gradients of it are taken: a defense without the clamps, which end them."""
        unclamped: Any = getattr(self.model, "unclamped", None)
        return self.model if unclamped is None else unclamped()

    @property
    def loss(self) -> Loss:
        """What attacks by gradients climb."""
        legacy = self.settings.protocol == "legacy"
        return self.own_loss or ("ce" if legacy else self.settings.loss)

    def aimed(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """(N,) the true classes, or (N, 2) with those that attacks by gradients on `model` are to
        aim at."""
        return aimed(
            model, x, y, self.settings.targeted, self.generator,
            draws=self.draws, batch_size=self.batch_size,
        )  # fmt: skip

    @property
    def protocol(self) -> Protocol:
        """How attacks by gradients proceed in the run."""
        protocol = protocol_of(self.settings)
        if self.watch is None:
            return protocol
        return replace(protocol, random_start=False, keep_best=False)
