"""What was last asked for of each kind of run, kept between sessions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from isoloss.app.state.forms.field_specs import FieldSpec, fields_of
from isoloss.errors import IsolossError
from isoloss.files import as_object, read_json, write_json
from isoloss.settings import KINDS
from isoloss.user_folders import config_folder

SCHEMA = 1


class FormMemory:
    """The last values of each form, in the person's settings folder.

    What is damaged, of another version, or no longer means anything is as if it had not been kept.
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}

    @property
    def path(self) -> Path:
        """The file in which they are kept."""
        return config_folder() / "forms.json"

    def load(self) -> dict[str, dict[str, Any]]:
        """{kind of run: {field: value}} of all that still make sense."""
        try:
            content = as_object(read_json(self.path))
        except IsolossError:
            return {}
        if content.get("schema") != SCHEMA:
            return {}
        asked = as_object(content.get("forms"))
        self._kept = {
            kind: found
            for kind, model in KINDS.items()
            if (found := _sound(fields_of(model), as_object(asked.get(kind))))
        }
        return {kind: dict(values) for kind, values in self._kept.items()}

    def keep(self, kind: str, values: Mapping[str, Any]) -> None:
        """Keep what a form says, but for what is left at its default."""
        fields = {f.name: f for f in fields_of(KINDS[kind])}
        self._kept[kind] = {k: v for k, v in values.items() if v != fields[k].default}

    def save(self) -> None:
        """Write it; a folder that cannot be written costs the memory, not the session."""
        try:
            write_json(self.path, {"schema": SCHEMA, "forms": self._kept})
        except IsolossError:
            return


def _sound(fields: list[FieldSpec], values: dict[str, Any]) -> dict[str, Any]:
    """Those values that their fields can hold."""
    given = [(f, _as_tuple(values[f.name])) for f in fields if f.name in values]
    return {f.name: value for f, value in given if _can_hold(f, value)}


def _can_hold(field: FieldSpec, value: Any) -> bool:
    """Whether a field can be drawn with a value, be that right or wrong."""
    if value is None:
        return field.default is None
    match field.kind:
        case "choice":
            return value in field.choices
        case "switch":
            return isinstance(value, bool)
        case "integer" | "number":
            kind = int if field.kind == "integer" else (int, float)
            is_number = isinstance(value, kind) and not isinstance(value, bool)
            return is_number or isinstance(value, str)
        case "paths":
            return isinstance(value, tuple) and _all(value, str)
        case "grid":
            return isinstance(value, tuple) and len(value) == 2 and _all(value, int)
        case "range":
            return isinstance(value, tuple) and len(value) == 2 and _all(value, (int, float))
        case "numbers":
            return isinstance(value, str) or (
                isinstance(value, tuple) and _all(value, (int, float))
            )
        case _:
            return isinstance(value, str)


def _all(values: tuple[Any, ...], kind: Any) -> bool:
    return all(isinstance(each, kind) and not isinstance(each, bool) for each in values)


def _as_tuple(value: Any) -> Any:
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value
