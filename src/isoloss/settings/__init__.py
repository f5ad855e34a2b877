"""What can be asked for: one model per kind of run.

These models are the single source for the command line, the panel's forms, `run.json` and their
validation: a field added here appears in all four. A field's `title` is its label, its
`description` the help and the tooltip.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast, get_args

from pydantic import Field, TypeAdapter, ValidationError

from isoloss.errors import IsolossError
from isoloss.settings.attacking import AttackingSettings, AttackSettings, DefendSettings
from isoloss.settings.base import NetworkSettings, Precision, Settings, Stem, Targets
from isoloss.settings.base import explain as _explain
from isoloss.settings.imported import ImportSettings
from isoloss.settings.input_probe import InputProbeSettings
from isoloss.settings.probe import ProbeSettings
from isoloss.settings.robustness import CertifySettings, RobustnessSettings
from isoloss.settings.sharpness import SharpnessSettings
from isoloss.settings.train import TrainSettings

__all__ = [
    "KINDS",
    "AnySettings",
    "AttackSettings",
    "AttackingSettings",
    "CertifySettings",
    "DefendSettings",
    "EvaluationSettings",
    "ImportSettings",
    "InputProbeSettings",
    "NetworkSettings",
    "Precision",
    "ProbeSettings",
    "RobustnessSettings",
    "Settings",
    "SharpnessSettings",
    "Stem",
    "Targets",
    "TrainSettings",
    "TrainingSettings",
    "as_before",
    "explain",
    "parse_saved",
    "parse_settings",
]

TrainingSettings = TrainSettings | ImportSettings
"""What leaves a network with its trajectory: for an isinstance."""
EvaluationSettings = AttackSettings | DefendSettings | CertifySettings
"""Of all robustness runs; `kind` says of which. What a kind does not let one choose stands in the
class: no σ and no denoiser of an attack, L2 and no ε of a certification."""
AnySettings = (
    TrainSettings
    | ImportSettings
    | ProbeSettings
    | InputProbeSettings
    | AttackSettings
    | DefendSettings
    | CertifySettings
    | SharpnessSettings
)
_adapter: TypeAdapter[AnySettings] = TypeAdapter(
    Annotated[AnySettings, Field(discriminator="kind")]
)
KINDS: dict[str, type[AnySettings]] = {
    str(model.model_fields["kind"].default): model for model in get_args(AnySettings)
}


def parse_settings(content: Any) -> AnySettings:
    """The settings that `content`, as read from JSON, describes.

    Raises:
        IsolossError: naming the first field that is wrong.
    """
    try:
        return _adapter.validate_python(content)
    except ValidationError as error:
        raise IsolossError(explain(error)) from error


def parse_saved(content: Any) -> AnySettings:
    """The settings that a run was begun with: what these do not say was as it was before there was
    anything to choose.

    Raises:
        IsolossError: as `parse_settings`.
    """
    if isinstance(content, dict):
        saved = cast("dict[str, Any]", content)
        kind = KINDS.get(str(saved.get("kind")))
        content = {**(kind.before if kind else {}), **saved}
    return parse_settings(content)


def as_before(settings: AnySettings, saved: AnySettings) -> AnySettings:
    """What is asked for, but for fields that nobody has asked for and that run `saved` was begun
    without: these as they were before."""
    update = {
        name: value
        for name, value in saved.before.items()
        if name not in settings.model_fields_set and getattr(saved, name, None) == value
    }
    return settings.model_copy(update=update) if settings.kind == saved.kind else settings


def explain(error: ValidationError, typed: Mapping[str, str] | None = None) -> str:
    """One line on the first thing that is wrong: the option as typed, and why.

    Args:
        typed: {field: the option by which it was given}, where that is another than its own.
    """
    return _explain(error, KINDS, typed or {})
