"""Forms generated from the settings models: what a panel needs to draw and check them.

No imgui here: a form is its fields, the values typed so far and the first thing wrong with them.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from isoloss.options import command_line
from isoloss.settings import AnySettings, Settings, explain

Kind = Literal["text", "path", "choice", "switch", "integer", "number", "grid", "range", "numbers"]


@dataclass(frozen=True)
class FieldSpec:
    """One row of a form.

    Attributes:
        choices: what a "choice" may be; of a "text" merely what may be suggested.
        optional: whether None, the model's own default, is allowed.
        bounds: the allowed values in words, "" where anything goes.
        common: whether every kind of run has it (device, precision, seed).
        positional: whether the command line takes it without its name.
    """

    name: str
    label: str
    help: str
    kind: Kind
    default: Any
    choices: tuple[str, ...] = ()
    optional: bool = False
    bounds: str = ""
    common: bool = False
    positional: bool = False

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")


def fields_of(model: type[Settings]) -> list[FieldSpec]:
    """The rows of the form for `model`; what every run shares comes last."""
    rows = [_spec(name, field) for name, field in model.model_fields.items() if name != "kind"]
    return sorted(rows, key=lambda row: row.common)


class Form:
    """The values typed into a form, checked whenever they change.

    Attributes:
        settings: what the values ask for; None while something is wrong.
        error: the first thing that is wrong, in one line.
        wrong: the name of the field it is about.
        missing: whether that field has merely not been filled in yet.
    """

    def __init__(self, model: type[Settings]) -> None:
        self.model = model
        self.fields = fields_of(model)
        self.values: dict[str, Any] = {f.name: f.default for f in self.fields}
        self.settings: AnySettings | None = None
        self.error = ""
        self.wrong = ""
        self.missing = False
        self._check()

    @property
    def kind(self) -> str:
        """The kind of run it asks for, as on the command line."""
        return str(self.model.model_fields["kind"].default)

    def set(self, name: str, value: Any) -> None:
        """Enter a value."""
        if self.values[name] != value:
            self.values[name] = value
            self._check()

    def reset(self) -> None:
        """Back to the defaults."""
        self.values = {f.name: f.default for f in self.fields}
        self._check()

    def command(self, folder: Path) -> str:
        """The command line that asks for the same; "" while something is wrong."""
        return command_line(self.settings, folder) if self.settings is not None else ""

    def _check(self) -> None:
        self.settings, self.error, self.wrong = None, "", ""
        self.missing = False
        missing = [f for f in self.fields if f.positional and not str(self.values[f.name]).strip()]
        if missing:
            self.wrong, self.missing = missing[0].name, True
            self.error = f"{missing[0].label} is needed: {_first_small(missing[0].help)}"
            return
        try:
            self.settings = self.model(**self.values)  # type: ignore[assignment]
        except ValidationError as error:
            place = error.errors()[0]["loc"]
            self.wrong = str(place[0]) if place else ""
            self.error = self._in_words(explain(error))

    def _in_words(self, message: str) -> str:
        # The form shows labels, not options, so its messages name the labels too.
        for field in self.fields:
            if message.startswith(f"{field.option}: "):
                said = message.removeprefix(f"{field.option}: ").removeprefix("input ")
                if said.startswith("should"):
                    return f"{field.label} {said}"
                message = said.partition(" (got ")[0]
            message = message.replace(f"give {field.option}", f"give its {field.label.lower()}")
        return message[:1].upper() + message[1:]


def _spec(name: str, field: FieldInfo) -> FieldSpec:
    annotation, optional = _bare(field.annotation)
    kind, choices = _kind(annotation)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    required = field.is_required()
    default = "" if required else field.default
    return FieldSpec(
        name=name,
        label=field.title or name,
        help=field.description or "",
        kind=kind,
        default=str(default) if isinstance(default, Path) else default,
        choices=choices or tuple(map(str, field.examples or ())),
        optional=optional,
        bounds=_bounds(field.metadata),
        common=name in Settings.model_fields,
        positional=bool(extra.get("positional")),
    )


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


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    if get_origin(annotation) is Literal:
        return "choice", tuple(map(str, get_args(annotation)))
    if get_origin(annotation) in (tuple, list):
        items = [_bare(a)[0] for a in get_args(annotation)]
        if items == [int, int]:
            return "grid", ()
        return ("range" if items == [float, float] else "numbers"), ()
    plain: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number", Path: "path"}
    return plain.get(annotation, "text"), ()


def _bounds(metadata: list[Any]) -> str:
    """`ge=8, le=1024` in words."""
    said = []
    for name, word in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below")):
        for item in metadata:
            value = getattr(item, name, None)
            if value is not None:
                said.append(f"{word} {value:g}" if value < 2**31 - 1 else "")
    return ", ".join(filter(None, said))


def _first_small(text: str) -> str:
    return text[:1].lower() + text[1:]
