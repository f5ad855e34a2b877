"""What is usually done next with a run that is done, and what that form takes over of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isoloss.settings import KINDS, AnySettings, TrainingSettings


@dataclass(frozen=True)
class NextStep:
    """A button.

    Attributes:
        name: the kind of run whose form it fills in; or "open", which shows what was found, or
            "compare", which shows the runs of a sweep beside each other.
    """

    name: str
    label: str


OPEN, COMPARE = NextStep("open", "Open"), NextStep("compare", "Compare")
_PROBE, _ATTACK = NextStep("probe", "Probe it"), NextStep("attack", "Attack it")
_DEFEND, _CERTIFY = NextStep("defend", "Defend it"), NextStep("certify", "Certify it")
_NEXT: dict[str, tuple[NextStep, ...]] = {
    "classifier": (_PROBE, _ATTACK),
    "denoiser": (NextStep("defend", "Defend with it"), NextStep("certify", "Certify with it")),
    "path": (NextStep("probe", "Show it on its plane"), _ATTACK),
    "probe": (OPEN, _ATTACK),
    "probe-input": (OPEN, _DEFEND),
    "sharpness": (OPEN, _PROBE),
    "attack": (OPEN, _DEFEND),
    "defend": (OPEN, _CERTIFY),
    "certify": (OPEN,),
}

_ABOUT = (
    "device", "source", "model", "stem", "data", "image_size", "key",
    "normalization", "mean", "std",
)  # fmt: skip
_JUDGED = (*_ABOUT, "also", "split", "samples", "norm", "eps", "denoiser", "sigma")


def next_steps(settings: AnySettings) -> tuple[NextStep, ...]:
    """What is usually done next with a run that is done, the likeliest first."""
    kind = settings.task if isinstance(settings, TrainingSettings) else settings.kind
    steps = _NEXT.get(kind, ())
    return steps[:1] if settings.is_from_python else steps


def taken_over(settings: AnySettings, kind: str) -> dict[str, Any]:
    """What a form takes over of what another kind of run was asked for: the network, its data and,
    among robustness runs, the images and the adversary."""
    names = _JUDGED if settings.is_robustness and KINDS[kind].is_robustness else _ABOUT
    mine, theirs = type(settings).model_fields, KINDS[kind].model_fields
    return {
        name: value
        for name in names
        if name in mine
        and name in theirs
        and (value := getattr(settings, name)) != mine[name].default
    }
