"""Forms generated from the settings models: what a panel needs to draw and check them.

No imgui here: a form is its fields, the values typed so far and the first thing wrong with them.
"""

from __future__ import annotations

import re
import shlex
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from isoloss.app.state.forms.known_names import (
    problem_with_classifier,
    problem_with_data,
    problem_with_denoiser,
    problem_with_network,
)
from isoloss.errors import IsolossError
from isoloss.naming import capitalized
from isoloss.settings import (
    AnySettings,
    ImportSettings,
    InputProbeSettings,
    NetworkSettings,
    ProbeSettings,
    RobustnessSettings,
    Settings,
    explain,
)
from isoloss.settings.sweep import Swept, swept, values_in
from isoloss.settings.text import (
    choices,
    command_line,
    examples_of,
    help_of,
    holds_one,
    only_with,
)

Kind = Literal[
    "text", "path", "paths", "choice", "switch", "integer", "number", "grid", "range", "numbers"
]

Section = Literal["", "More", "Compute"]
"""Parts of a form, of which those with a name are folded."""

_NAME_CHECKS = {
    "network": problem_with_network,
    "data": problem_with_data,
    "classifier": problem_with_classifier,
    "denoiser": problem_with_denoiser,
}
_TAKES = {"source": "classifier", "also": "classifier", "to": "classifier", "denoiser": "denoiser"}
"""Fields that take a training run or its name, and for which task it must have been."""
_RARE: dict[type[Settings], set[str]] = {
    NetworkSettings: {
        "model", "stem", "data", "image_size", "key", "batch_size", "points_at_once",
    },
    ImportSettings: {"stem", "image_size", "key", "order", "batch_size"},
    ProbeSettings: {"parameters", "loss", "per_batch", "step_size"},
    InputProbeSettings: {"step_size", "queries", "clamp", "split"},
    RobustnessSettings: {
        "split", "seeds", "keep", "protocol", "step_size", "restarts", "queries", "pilot",
    },
}  # fmt: skip
"""What few people change, by the kind of settings; a training run knows its network and data."""


@dataclass(frozen=True)
class FieldSpec:
    """One row of a form.

    Attributes:
        choices: what a "choice" may be; of a "text" merely what may be suggested.
        optional: whether None, the model's own default, is allowed.
        bounds: the allowed values in words, "" where anything goes.
        section: "Compute" for what every kind of run has (device, precision, seed), "More" for
            what few people change.
        required: whether it has to be filled in.
        names: what a text names, "network" or "data", or for which task the training run that it
            names was, "classifier" or "denoiser"; "" where it is not checked as a name.
        only_with: the values of other fields without which it does not matter; from the settings
            model's `json_schema_extra={"only_with": {"plane": ["pca"]}}`.
    """

    name: str
    label: str
    help: str
    kind: Kind
    default: Any
    choices: tuple[str, ...] = ()
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


def fields_of(model: type[Settings]) -> list[FieldSpec]:
    """The rows of the form for `model`, section by section: what is needed first."""
    rows = [
        _spec(name, field, _section(name, model))
        for name, field in model.model_fields.items()
        if name != "kind"
    ]
    order = get_args(Section)
    return sorted(rows, key=lambda row: (order.index(row.section), not row.required))


class Form:
    """The values typed into a form, checked whenever they change.

    Attributes:
        settings: what the values ask for; None while something is wrong.
        error: the first thing that is wrong, in one line.
        wrong: the name of the field it is about.
        missing: whether that field has merely not been filled in yet.
        repeated: the values of the run that it was filled in from; None where it was not.
        several: what is typed for fields that take several values, by their names.
        runs: of the sweep that these ask for; the first has `settings`.
    """

    def __init__(self, model: type[Settings]) -> None:
        self.model = model
        self.fields = fields_of(model)
        self.values: dict[str, Any] = {f.name: f.default for f in self.fields}
        self.repeated: dict[str, Any] | None = None
        self.several: dict[str, str] = {}
        self.runs: list[Swept] = []
        self.settings: AnySettings | None = None
        self.error = ""
        self.wrong = ""
        self.missing = False
        self._check()

    @property
    def kind(self) -> str:
        """The kind of run it asks for, as on the command line."""
        return str(self.model.model_fields["kind"].default)

    @property
    def sections(self) -> dict[Section, list[FieldSpec]]:
        """The fields of each section that has any."""
        found: dict[Section, list[FieldSpec]] = {}
        for row in self.fields:
            found.setdefault(row.section, []).append(row)
        return found

    def set(self, name: str, value: Any) -> None:
        """Enter a value."""
        if self.values[name] != value:
            self.values[name] = value
            self._check()

    def matters(self, field: FieldSpec) -> bool:
        """Whether a field makes a difference, given the values of the others; else it is hidden."""
        return all(holds_one(self.values[name], v) for name, v in field.only_with.items())

    def is_changed(self, field: FieldSpec) -> bool:
        """Whether a field that matters holds something else than its default."""
        return self.matters(field) and self.values[field.name] != field.default

    def differs(self, field: FieldSpec) -> bool:
        """Whether a field holds something else than in the run that is repeated."""
        return self.repeated is not None and self.values[field.name] != self.repeated[field.name]

    def repeat(self, settings: AnySettings) -> None:
        """Fill in what a run was asked for."""
        self.values = {f.name: _typed(f, getattr(settings, f.name)) for f in self.fields}
        self.repeated = dict(self.values)
        self._check()

    def fill(self, values: Mapping[str, Any]) -> None:
        """Enter several values, as settings have them."""
        known = {f.name: f for f in self.fields}
        self.values |= {k: _typed(known[k], v) for k, v in values.items() if k in known}
        self._check()

    def set_several(self, name: str, text: str | None) -> None:
        """Let a field take several values, as `sweep.values_in` reads them, or one again."""
        if text is None:
            self.several.pop(name, None)
        elif self.several.get(name) == text:
            return
        else:
            self.several[name] = text
        self._check()

    def reset(self) -> None:
        """Back to the defaults."""
        self.values = {f.name: f.default for f in self.fields}
        self.repeated, self.several = None, {}
        self._check()

    def command(self, folder: Path) -> str:
        """The command line that asks for the same; "" while something is wrong."""
        if self.settings is None:
            return ""
        if not self.runs:
            return command_line(self.settings, folder)
        fields = {f.name: f for f in self.fields}
        unsaid = {name: fields[name].default for name in self.several if not fields[name].required}
        alike = command_line(self.settings.model_copy(update=unsaid), folder)
        words = (f"{name}={text.replace(' ', '')}" for name, text in self.several.items())
        return f"{alike} --sweep {shlex.join(words)}"

    def _check(self) -> None:
        self.settings, self.error, self.wrong = None, "", ""
        self.missing, self.runs = False, []
        missing = [
            f
            for f in self.fields
            if f.required and f.name not in self.several and _is_blank(self.values[f.name])
        ]
        if missing:
            self.wrong, self.missing = missing[0].name, True
            self.error = _asking_for(missing[0])
            return
        try:
            if self.several:
                self._check_sweep()
            else:
                self.settings = self.model(**self._asked())  # type: ignore[assignment]
        except IsolossError as error:
            message = str(error).removeprefix("--sweep: ")
            self.wrong = self._named_in(message) or next(iter(self.several))
            self.error = self._in_words(message)
        except ValidationError as error:
            place, message = error.errors()[0]["loc"], explain(error)
            self.wrong = str(place[0]) if place else self._named_in(message)
            self.error = self._in_words(message)
        else:
            self._check_names()

    def _check_sweep(self) -> None:
        """The runs that several values ask for.

        Raises:
            IsolossError: if one of them cannot be asked for.
        """
        values = {name: values_in(text) for name, text in self.several.items()}
        for name in values:
            if not values[name]:
                option = name.replace("_", "-")
                raise IsolossError(
                    f"--{option}: give several values, for example 0.1, 0.01 or 0..4"
                )
        self.runs = swept(self.model, self._asked(), values)
        self.settings = self.runs[0].settings

    def _check_names(self) -> None:
        """What the settings let pass, but the run would refuse."""
        for row in filter(self.matters, self.fields):
            check = _NAME_CHECKS.get(row.names)
            value = self.values[row.name]
            named = value if isinstance(value, tuple) else (value,)
            for name in filter(None, named):
                problem = check(name) if check is not None else ""
                if problem:
                    self.settings, self.wrong, self.error = None, row.name, problem
                    return

    def _asked(self) -> dict[str, Any]:
        """The values that are asked for: of those that matter, without the blank paths."""
        asked: dict[str, Any] = {}
        for row in filter(self.matters, self.fields):
            value = self.values[row.name]
            if row.kind == "paths":
                asked[row.name] = tuple(path for path in value if path.strip())
            elif row.kind != "path" or value.strip():
                asked[row.name] = value
        return asked

    def _named_in(self, message: str) -> str:
        """The first field that a message about several of them asks for."""
        return next((row.name for row in self.fields if _mentions(row, message)), "")

    def _in_words(self, message: str) -> str:
        # The form shows labels, not options, so its messages name the labels too.
        for row in self.fields:
            if message.startswith(f"{row.option}: "):
                said = message.removeprefix(f"{row.option}: ").removeprefix("input ")
                if said.startswith("should"):
                    return f"{row.label} {said}"
                message = said.partition(" (got ")[0]
            message = message.replace(f"give {row.option}", f"give its {row.label.lower()}")
            message = re.sub(_whole(row.option), row.label, message)
        return capitalized(message)


def _typed(field: FieldSpec, value: Any) -> Any:
    """A value of settings as a form holds it."""
    if field.kind == "paths":
        return tuple(map(str, value or ())) or field.default
    if field.kind == "path":
        return "" if value is None else str(value)
    return value


def _is_blank(value: Any) -> bool:
    """Whether a text, or each of several paths, has yet to be typed."""
    texts = value if isinstance(value, tuple) else (value,)
    return not any(str(text).strip() for text in texts)


def _whole(option: str) -> str:
    """A pattern for `option` where it is not the beginning of another."""
    return rf"{re.escape(option)}(?![\w-])"


def _mentions(row: FieldSpec, message: str) -> bool:
    return re.search(_whole(row.option), message) is not None


def _section(name: str, model: type[Settings]) -> Section:
    if name in Settings.model_fields:
        return "Compute"
    is_rare = any(issubclass(model, kind) and name in names for kind, names in _RARE.items())
    return "More" if is_rare else ""


def _spec(name: str, field: FieldInfo, section: Section) -> FieldSpec:
    annotation, optional = _bare(field.annotation)
    words = choices(field)
    kind = "choice" if words else _kind(annotation)
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
        choices=words or examples_of(field),
        optional=optional,
        bounds=_bounds(field.metadata),
        section=section,
        required=field.is_required(),
        names=str(extra.get("names", "")) or _task(name, kind),
        only_with=only_with(field),
    )


def _task(name: str, kind: Kind) -> str:
    """For which task the training run must have been that a field takes; "" if it takes none."""
    return _TAKES.get(name, "") if kind in ("path", "paths", "text") else ""


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
                said.append(f"{word} {value:g}" if value < 2**31 - 1 else "")
    return ", ".join(filter(None, said))


def _asking_for(row: FieldSpec) -> str:
    """What a field that has yet to be filled in takes; its tooltip has the details."""
    takes = re.sub(r" \([^)]*\)", "", row.help)
    are = "are" if row.kind == "paths" else "is"
    return f"{row.label} {are} needed: {takes[:1].lower()}{takes[1:]}"
