"""Forms generated from the settings models: what a panel needs to draw and check them.

No imgui here: a form is its fields, the values typed so far and what there is to say of them.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from isoloss.app.state.forms.field_specs import FieldSpec, Section, fields_of
from isoloss.app.state.forms.known_names import Here
from isoloss.app.state.forms.trained import short
from isoloss.app.state.forms.verdict import (
    Typed,
    Verdict,
    in_form_words,
    judge,
    named_in,
)
from isoloss.settings import AnySettings, Settings
from isoloss.settings.sweep import Swept, is_several
from isoloss.settings.text import command_line


class Judge(Protocol):
    """Whoever looks at what is typed into forms."""

    def look_at(self, form: Form, typed: Typed) -> None:
        """Look at it now or soon, and have the form `take` what there is to say."""
        ...


class AtOnce:
    """Looks at a form while one waits."""

    def __init__(self, here: Here | None = None) -> None:
        self.here = here or Here()

    def look_at(self, form: Form, typed: Typed) -> None:
        """Look at it now."""
        form.take(typed, judge(typed, self.here))


class Form:
    """The values typed into a form, checked whenever they change.

    Attributes:
        verdict: what was last said of them.
        repeated: the values of the run that it was filled in from; None where it was not.
        several: what is typed for fields that take several values, by their names.
        version: how often what is typed has changed.
    """

    def __init__(self, model: type[Settings], judge: Judge | None = None) -> None:
        self.model = model
        self.fields = fields_of(model)
        self.values: dict[str, Any] = {f.name: f.default for f in self.fields}
        self.repeated: dict[str, Any] | None = None
        self.several: dict[str, str] = {}
        self.verdict = Verdict()
        self.version = 0
        self._judge = judge or AtOnce()
        self._typed: Typed | None = None
        self._refused = False
        self._changed()

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

    @property
    def is_judged(self) -> bool:
        """Whether the verdict is of what is typed now."""
        return self._typed is None

    @property
    def settings(self) -> AnySettings | None:
        """What the values ask for; None while something is wrong, or nobody has looked yet."""
        return self.verdict.settings if self.is_judged else None

    @property
    def runs(self) -> tuple[Swept, ...]:
        """Of the sweep that several values ask for; the first has `settings`."""
        return self.verdict.runs if self.is_judged else ()

    @property
    def error(self) -> str:
        """The first thing that is wrong, in one line."""
        return self.verdict.error

    @property
    def wrong(self) -> str:
        """The name of the field that the error is about."""
        return self.verdict.wrong

    @property
    def missing(self) -> bool:
        """Whether that field has merely not been filled in yet."""
        return self.verdict.missing

    def take(self, typed: Typed, verdict: Verdict) -> None:
        """Take in what there is to say of what was typed; nothing, if that has changed since."""
        if typed is self._typed:
            self.verdict, self._typed = verdict, None
        elif self._typed is None and (typed.values, typed.several) == self._spread():
            self.verdict = verdict  # the world has changed

    def look_again(self) -> None:
        """Have what is typed looked at once more, for the world may have changed."""
        if self.is_judged and not self._refused:
            self._judge.look_at(self, self._now())

    def refuse(self, error: str) -> None:
        """Say why a run was refused that the form has asked for, until something is typed."""
        typed = self._now()
        self._refused = True
        self.verdict = replace(
            self.verdict, error=in_form_words(typed, error), wrong=named_in(typed, error)
        )

    def set(self, name: str, value: Any) -> None:
        """Enter a value."""
        if self.values[name] != value:
            self.values[name] = value
            self._changed()

    def matters(self, field: FieldSpec) -> bool:
        """Whether a field makes a difference, given the values of the others; else it is hidden."""
        return field.matters(self.values)

    def is_changed(self, field: FieldSpec) -> bool:
        """Whether a field that matters holds something else than its default."""
        return self.matters(field) and self.values[field.name] != field.default

    def differs(self, field: FieldSpec) -> bool:
        """Whether a field holds something else than in the run that is repeated."""
        return self.repeated is not None and self.values[field.name] != self.repeated[field.name]

    def repeat(self, settings: AnySettings) -> None:
        """Fill in what a run was asked for."""
        self.values = {f.name: as_typed(f, getattr(settings, f.name)) for f in self.fields}
        self.repeated, self.several = dict(self.values), {}
        self._changed()

    def fill(self, values: Mapping[str, Any]) -> None:
        """Enter several values, as settings have them."""
        known = {f.name: f for f in self.fields}
        self.values |= {k: as_typed(known[k], v) for k, v in values.items() if k in known}
        self.several = {k: text for k, text in self.several.items() if k not in values}
        self._changed()

    def set_several(self, name: str, text: str | None) -> None:
        """Let a field take several values, as `sweep.values_in` reads them, or one again."""
        if text is None:
            self.several.pop(name, None)
        elif self.several.get(name) == text:
            return
        else:
            self.several[name] = text
        self._changed()

    def leave(self, field: FieldSpec) -> None:
        """The keyboard is elsewhere: a number's field of several values is one of these now."""
        if isinstance(self.values[field.name], str):
            self.values, self.several = self._spread()

    def reset(self) -> None:
        """Back to the defaults."""
        self.values = {f.name: f.default for f in self.fields}
        self.repeated, self.several = None, {}
        self._changed()

    def command(self, folder: Path) -> str:
        """The command line that asks for the same; "" while something is wrong."""
        settings = self.verdict.settings
        if settings is None:
            return ""
        fields = {f.name: f for f in self.fields}
        paths = {n: _typed_paths(f, getattr(settings, n)) for n, f in fields.items()}
        settings = settings.model_copy(update={n: p for n, p in paths.items() if p})
        if not self.verdict.runs:
            return command_line(settings, folder)
        several = self._spread()[1]
        unsaid = {name: fields[name].default for name in several if not fields[name].required}
        alike = command_line(settings.model_copy(update=unsaid), folder)
        words = (f"{name}={text.replace(' ', '')}" for name, text in several.items())
        return f"{alike} --sweep {shlex.join(words)}"

    def _changed(self) -> None:
        self.version += 1
        self._refused = False
        self._typed = self._now()
        self._judge.look_at(self, self._typed)

    def _now(self) -> Typed:
        return Typed(self.model, self.fields, *self._spread())

    def _spread(self) -> tuple[dict[str, Any], dict[str, str]]:
        """The values, and the several of a field: also those typed where a number is asked for."""
        values, several = dict(self.values), dict(self.several)
        for field in self.fields:
            typed = values[field.name]
            if field.takes_number and isinstance(typed, str) and is_several(typed):
                several.setdefault(field.name, typed)
                values[field.name] = field.default
        return values, several


def as_typed(field: FieldSpec, value: Any) -> Any:
    """A value of settings as a form holds it."""
    if field.kind == "paths":
        return _typed_paths(field, value) or field.default
    return _typed_paths(field, value) if field.kind == "path" else value


def _typed_paths(field: FieldSpec, value: Any) -> Any:
    """What is to be typed for the value of a field that holds paths; nothing for another."""
    if field.kind == "paths":
        return tuple(short(Path(path)) if path else "" for path in value or ())
    return short(Path(value)) if field.kind == "path" and value else ""
