"""The fields of a settings model as rows of a form."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from isoloss.settings import (
    ImportSettings,
    InputProbeSettings,
    NetworkSettings,
    ProbeSettings,
    RobustnessSettings,
    Settings,
    SharpnessSettings,
)
from isoloss.settings.text import (
    choices,
    each_of,
    examples_of,
    help_of,
    holds_one,
    only_with,
    others_of,
    takes_several,
    words_of,
)

Kind = Literal[
    "text", "path", "paths", "choice", "several", "switch", "integer", "number", "grid", "range",
    "numbers",
]  # fmt: skip

Section = Literal["", "More", "Compute"]
"""Parts of a form, of which those with a name are folded."""

_TAKES = {
    "source": "classifier", "also": "classifier", "to": "classifier", "third": "classifier",
    "begin": "classifier",
    "denoiser": "denoiser", "directions": "directions", "checkpoints": "checkpoints",
    "loss": "function", "device": "device", "attacks": "attacks",
}  # fmt: skip
"""What the texts of fields name that the settings do not say it of."""
_RARE: dict[type[Settings], set[str]] = {
    NetworkSettings: {
        "model", "stem", "data", "image_size", "key", "normalization", "mean", "std",
        "batch_size", "points_at_once",
    },
    ImportSettings: {
        "stem", "image_size", "key", "order", "batch_size", "normalization", "mean", "std",
    },
    ProbeSettings: {"parameters", "loss", "per_batch", "step_size"},
    SharpnessSettings: {
        "tolerance", "steps", "probes", "radius", "noise", "parameters", "loss", "smallest",
    },
    InputProbeSettings: {"step_size", "queries", "clamp", "split"},
    RobustnessSettings: {
        "split", "seeds", "keep", "protocol", "step_size", "restarts", "queries", "pilot", "radii",
        "loss", "targeted", "schedule", "momentum", "convergence", "iterate", "draws_by",
        "purify_sampler", "purify_eta",
    },
}  # fmt: skip
"""What few people change, by the kind of settings; a training run knows its network and data."""


@dataclass(frozen=True)
class FieldSpec:
    """One row of a form.

    Attributes:
        choices: what a "choice" may be, and "several" of; of a "text" merely what may be suggested.
        words: what the window calls these; others: what "several" may name besides, as one types.
        each: what some of these are, in a clause.
        optional: whether None, the model's own default, is allowed.
        bounds: the allowed values in words, "" where anything goes.
        section: "Compute" for what every kind of run has (device, precision, seed), "More" for
            what few people change.
        required: whether it has to be filled in.
        names: what a text names: "network" or "data"; "classifier" or "denoiser", for which task
            the training run that it names was; "function", "device", …; "" where it names nothing.
        only_with: the values of other fields without which it does not matter; from the settings
            model's `json_schema_extra={"only_with": {"plane": ["pca"]}}`.
    """

    name: str
    label: str
    help: str
    kind: Kind
    default: Any
    choices: tuple[str, ...] = ()
    words: dict[str, str] = field(default_factory=dict[str, str])
    each: dict[str, str] = field(default_factory=dict[str, str])
    others: str = ""
    optional: bool = False
    bounds: str = ""
    section: Section = ""
    required: bool = False
    names: str = ""
    only_with: dict[str, tuple[Any, ...]] = field(default_factory=dict[str, tuple[Any, ...]])

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")

    def matters(self, values: Mapping[str, Any]) -> bool:
        """Whether it makes a difference, given the values of the others."""
        return all(holds_one(values[name], wanted) for name, wanted in self.only_with.items())

    @property
    def takes_number(self) -> bool:
        """Whether one number is asked for."""
        return self.kind in ("integer", "number")

    def word(self, value: Any) -> str:
        """What the window calls a choice."""
        return self.words.get(str(value), str(value))

    def in_words(self, text: str) -> str:
        """A text about it, its choices called as the window does."""
        for value, word in self.words.items():
            short = word.partition(",")[0]
            ends = (
                r"\b" if self.kind == "several" else "(?=: | takes | is with | mirrors | leaves )"
            )
            chosen = rf"(?<=takes ){value}\b|(?<=else ){value}\b"
            text = re.sub(rf"'{value}'|(?<![\w-]){value}{ends}|{chosen}", short, text)
        return text


def fields_of(model: type[Settings]) -> list[FieldSpec]:
    """The rows of the form for `model`, section by section: what is needed first."""
    rows = [
        _spec(name, field, _section(name, model))
        for name, field in model.model_fields.items()
        if name != "kind"
    ]
    order = get_args(Section)
    return sorted(rows, key=lambda row: (order.index(row.section), not row.required))


def _section(name: str, model: type[Settings]) -> Section:
    if name in Settings.model_fields:
        return "Compute"
    is_rare = any(issubclass(model, kind) and name in names for kind, names in _RARE.items())
    return "More" if is_rare else ""


def _spec(name: str, field: FieldInfo, section: Section) -> FieldSpec:
    annotation, optional = _bare(field.annotation)
    named, words = choices(field), words_of(field)
    kind = "choice" if named else "several" if takes_several(field) else _kind(annotation)
    extra: dict[str, Any] = dict(field.json_schema_extra or {})  # type: ignore[arg-type]
    default = "" if field.is_required() else field.default
    if kind == "paths":
        default = default or ("",) * field.is_required()
    if kind == "path":  # typed as text, of which nothing is no path
        default, optional = "" if default is None else str(default), False
    return FieldSpec(
        name=name,
        label=field.title or name,
        help=help_of(field),
        kind=kind,
        default=default,
        choices=named + (tuple(words) if kind == "several" else examples_of(field)),
        words=words,
        each=each_of(field),
        others=others_of(field),
        optional=optional,
        bounds=_bounds(field.metadata),
        section=section,
        required=field.is_required(),
        names=str(extra.get("names", "")) or _named(name, kind),
        only_with=only_with(field),
    )


def _named(name: str, kind: Kind) -> str:
    """What the text of a field names, where it names something."""
    return _TAKES.get(name, "") if kind in ("path", "paths", "text", "several") else ""


def _bare(annotation: Any) -> tuple[Any, bool]:
    """The annotation without Annotated and None, and whether None was allowed."""
    optional = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            kinds = [a for a in get_args(annotation) if a is not types.NoneType]
            optional = optional or len(kinds) < len(get_args(annotation))
            annotation = kinds[0]
        else:
            return annotation, optional


def _kind(annotation: Any) -> Kind:
    if get_origin(annotation) in (tuple, list):
        items = [_bare(a)[0] for a in get_args(annotation)]
        if items[0] is Path:
            return "paths"
        if items == [int, int]:
            return "grid"
        return "range" if items == [float, float] else "numbers"
    plain: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number", Path: "path"}
    return plain.get(annotation, "text")


def _bounds(metadata: list[Any]) -> str:
    """`ge=8, le=1024` in words."""
    said = []
    for name, word in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below")):
        for item in metadata:
            value = getattr(item, name, None)
            if value is not None:
                said.append(f"{word} {value:,.10g}" if value < 2**31 - 1 else "")
    return ", ".join(filter(None, said))
