"""What stands in the form of each kind of run, kept between sessions."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from isoloss.app.state.forms.field_specs import FieldSpec, fields_of
from isoloss.app.state.forms.settings_form import Form
from isoloss.errors import IsolossError
from isoloss.files import as_object, read_json, write_json
from isoloss.settings import KINDS
from isoloss.system.user_folders import config_folder

SCHEMA = 1


@dataclass(frozen=True)
class Entered:
    """What is typed into one form.

    Attributes:
        values: those that are other than the defaults, by the names of their fields.
        several: what is typed for fields that take several values.
        folder: where the run is to go; None where no one has said so.
    """

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    several: dict[str, str] = field(default_factory=dict[str, str])
    folder: str | None = None


class FormMemory:
    """What stands in each form, in the person's settings folder.

    What is damaged, of another version, or no longer means anything is as if it had not been kept.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Entered] = {}

    @property
    def path(self) -> Path:
        """The file in which they are kept."""
        return config_folder() / "forms.json"

    def load(self) -> dict[str, Entered]:
        """{kind of run: what is typed}, as far as it still makes sense; nothing of the others."""
        try:
            content = as_object(read_json(self.path))
        except IsolossError:
            return {}
        if content.get("schema") != SCHEMA:
            return {}
        asked, several, folders = (
            as_object(content.get(key)) for key in ("forms", "several", "folders")
        )
        for kind, model in KINDS.items():
            folder = folders.get(kind)
            found = Entered(
                _sound(fields_of(model), as_object(asked.get(kind))),
                _texts(fields_of(model), as_object(several.get(kind))),
                folder if isinstance(folder, str) else None,
            )
            if found != Entered():
                self._kept[kind] = found
        return dict(self._kept)

    def keep(self, form: Form, folder: str | None = None) -> bool:
        """Keep what a form says, but for what is left at its default; returns whether that is
        news."""
        values = form.values
        changed = {f.name: values[f.name] for f in form.fields if values[f.name] != f.default}
        entered = Entered(changed, dict(form.several), folder)
        is_news = entered != self._kept.get(form.kind, Entered())
        self._kept[form.kind] = entered
        return is_news

    def save(self) -> None:
        """Write it; a folder that cannot be written costs the memory, not the session."""
        kept = self._kept.items()
        content = {
            "schema": SCHEMA,
            "forms": {kind: entered.values for kind, entered in kept if entered.values},
            "several": {kind: entered.several for kind, entered in kept if entered.several},
            "folders": {kind: entered.folder for kind, entered in kept if entered.folder},
        }
        with suppress(IsolossError):
            write_json(self.path, content)


def _sound(fields: list[FieldSpec], values: dict[str, Any]) -> dict[str, Any]:
    """Those values that their fields can hold."""
    given = [(f, _as_tuple(values[f.name])) for f in fields if f.name in values]
    return {f.name: value for f, value in given if _can_hold(f, value)}


def _texts(fields: list[FieldSpec], values: dict[str, Any]) -> dict[str, str]:
    """Those that are typed for fields that there are."""
    names = {field.name for field in fields}
    return {k: v for k, v in values.items() if k in names and isinstance(v, str)}


def _can_hold(field: FieldSpec, value: Any) -> bool:
    """Whether a field can be drawn with a value, be that right or wrong."""
    if value is None:
        return field.default is None
    match field.kind:
        case "choice":
            counts = type(value) is int and any(each.isdecimal() for each in field.choices)
            return value in field.choices or counts
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
