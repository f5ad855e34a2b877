"""How a gradient attack proceeds: steps, their length, starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isoloss.robustness.ascent.ball import Norm
from isoloss.robustness.ascent.strides import FIRST_STEP, Schedule, fraction_at
from isoloss.settings import AttackSettings, DefendSettings

# Of ε / steps: enough to cross the ball, and to turn around in it.
USUAL_STEP = 2.5


@dataclass(frozen=True)
class Protocol:
    """How a gradient attack proceeds.

    Attributes:
        name: for people; it decides nothing.
        steps: gradient steps.
        step_size: length of the first step in the ball's norm; None for what makes all of them
            together 2.5 ε long, or with "halving" and "apgd" for 2 ε.
        norm: of the ball, "linf" or "l2".
        random_start: begin uniformly in the ball, not at the image.
        restarts: how often to begin; only with a random start does that change anything.
        keep_best: return the best iterate of each image, and be done where it succeeds; else take
            all steps and return the last iterate, with "apgd" that of the largest loss. A network
            that draws noise is always attacked to the last: of its iterates the best would be the
            one whose noise was luckiest.
        schedule: how steps get shorter: "constant", "linear", "cosine", "halving", or as those of
            "apgd", which also go on in part as they went.
        iterate: of a network that draws noise the "last", or by "fresh" draws the best of it and of
            those that seemed best on the way (`isoloss.robustness.ascent.shortlist`).
        draws_by: whether gradients are taken over the same number of draws everywhere, "even", or
            over more where their signs are uncertain, "doubt", as many altogether.
        momentum: the fraction of what gradients have added up to that is kept at a step, 0 to 1.
    """

    name: str = "pgd"
    steps: int = 40
    step_size: float | None = None
    norm: Norm = "linf"
    random_start: bool = True
    restarts: int = 1
    keep_best: bool = True
    schedule: Schedule = "constant"
    momentum: float = 0.0
    iterate: Literal["last", "fresh"] = "last"
    draws_by: Literal["even", "doubt"] = "even"

    def step_at(self, eps: float) -> float:
        """The length of the first step for the radius `eps`."""
        if self.step_size is not None:
            return self.step_size
        if self.schedule in ("halving", "apgd"):
            return FIRST_STEP * eps
        return USUAL_STEP * eps / self._first_steps

    @property
    def _first_steps(self) -> float:
        """How many steps of the first one's length all of them are together."""
        return sum(fraction_at(self.schedule, step, self.steps) for step in range(self.steps))

    def shortfall(self, eps: float) -> str | None:
        """Why this protocol cannot use the whole ball, if so."""
        reach = self._first_steps * self.step_at(eps)
        if reach >= eps * (1 - 1e-9):
            return None
        return (
            f"the steps, {self.steps} × {self.step_at(eps):.4g}, reach {reach:.4g} and not "
            f"ε = {eps:.4g}: a larger ε changes nothing"
        )


# What the experiment this project starts from did: its reach ends at 10/255. There the images were
# clamped in normalized space; here, as always, in [0, 1].
LEGACY = Protocol("legacy", steps=5, step_size=2 / 255, random_start=False, keep_best=False)


def protocol_of(settings: AttackSettings | DefendSettings) -> Protocol:
    """How the attacks by gradients of a run proceed."""
    if settings.protocol == "legacy":
        return LEGACY
    return Protocol(
        "pgd", settings.steps, settings.step_size, settings.norm, restarts=settings.restarts,
        schedule=settings.schedule, momentum=settings.momentum,
        iterate=settings.iterate, draws_by=settings.draws_by,
    )  # fmt: skip
