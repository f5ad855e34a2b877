"""Purification as a run asks for it: its names, and a defense for each t*."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from isoloss.errors import IsolossError
from isoloss.robustness.smoothing.purification import Purification, noise_at
from isoloss.robustness.smoothing.reverse_steps import Sampler
from isoloss.robustness.smoothing.schedule import schedule_of
from isoloss.settings import DefendSettings
from isoloss.settings.robustness_fields import purified_name

_DIGITS = 4
"""With so many a table gives the noise of t*, so that people can type it."""


@dataclass(frozen=True)
class Purifying:
    """How images are purified, whatever the network behind that."""

    t_star: float
    steps: int
    sampler: Sampler
    eta: float

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        return purified_name(self.t_star, self.steps, self.sampler, self.eta)

    def before(self, classifier: nn.Module, unet: nn.Module, scheduler: Any) -> Purification:
        """The classifier, given purified images."""
        return Purification(
            classifier, unet, scheduler, self.t_star, self.steps, sampler=self.sampler, eta=self.eta
        )


def purifying_of(settings: DefendSettings, scheduler: Any) -> Mapping[float, Purifying]:
    """{σ: how images are purified}, with the noise of t* on the [0, 1] scale, to four digits.

    Raises:
        IsolossError: if the denoiser has no such t*, or two of them are the same step.
    """
    found: dict[float, Purifying] = {}
    for t_star in settings.purify:
        purifying = Purifying(
            t_star, settings.purify_steps, settings.purify_sampler, settings.purify_eta
        )
        sigma = float(f"{noise_at(schedule_of(scheduler), t_star):.{_DIGITS}g}")
        if sigma in found:
            raise IsolossError(
                f"t* = {found[sigma].t_star:g} and {t_star:g} are the same step of the denoiser: "
                "give one of them"
            )
        found[sigma] = purifying
    return found
