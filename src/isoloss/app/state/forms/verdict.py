"""What there is to say of the values in a form: what they ask for, what is wrong with them, what
is used where nothing is typed, and what each field offers.

This looks at the disk; `FormWatch` does it beside the window's frames.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pydantic import ValidationError

from isoloss.app.state.forms.field_specs import FieldSpec
from isoloss.app.state.forms.known_names import PROBLEMS, Here
from isoloss.app.state.forms.offers import Offer, offers_for
from isoloss.app.state.forms.subject import Subject, subject_of
from isoloss.app.state.forms.usual import Usual, of_how_many, usual
from isoloss.errors import IsolossError
from isoloss.naming import capitalized
from isoloss.settings import AnySettings, Settings, explain
from isoloss.settings.sweep import Swept, swept, values_in


@dataclass(frozen=True)
class Typed:
    """What is typed into a form.

    Attributes:
        values: of all fields, by their names.
        several: what is typed for fields that take several values, by their names.
    """

    model: type[Settings]
    fields: Sequence[FieldSpec]
    values: Mapping[str, Any]
    several: Mapping[str, str]

    def matters(self, row: FieldSpec) -> bool:
        """Whether a field makes a difference, given the values of the others."""
        return row.matters(self.values)


@dataclass(frozen=True)
class Verdict:
    """What there is to say of it.

    Attributes:
        settings: what the values ask for; None while something is wrong.
        runs: of the sweep that they ask for; the first has `settings`.
        error: the first thing that is wrong, in one line.
        wrong: the name of the field it is about.
        missing: whether that field has merely not been filled in yet.
        usual: what is used where a field is left to the program, by the field's name.
        remarks: what is to be read beside a value, by the field's name.
        offers: what a field may be chosen from, by its name.
    """

    settings: AnySettings | None = None
    runs: tuple[Swept, ...] = ()
    error: str = ""
    wrong: str = ""
    missing: bool = False
    usual: Mapping[str, Usual] = field(default_factory=dict[str, Usual])
    remarks: Mapping[str, str] = field(default_factory=dict[str, str])
    offers: Mapping[str, Sequence[Offer]] = field(default_factory=dict[str, Sequence[Offer]])


def judge(typed: Typed, here: Here) -> Verdict:
    """Look at what is typed into a form."""
    subject = subject_of(typed.values, here)
    shown = [row for row in typed.fields if typed.matters(row)]
    return replace(
        _checked(typed, shown, here, subject),
        usual={
            row.name: Usual("needed") if row.required else usual(row.name, typed.values, subject)
            for row in shown
        },
        remarks=of_how_many(typed.values, subject),
        offers={row.name: offers_for(row, here, subject) for row in shown},
    )


def _checked(typed: Typed, shown: Sequence[FieldSpec], here: Here, subject: Subject) -> Verdict:
    for row in typed.fields:
        if row.required and row.name not in typed.several and _is_blank(typed.values[row.name]):
            return Verdict(error=_asking_for(row), wrong=row.name, missing=True)
    runs: tuple[Swept, ...] = ()
    try:
        if typed.several:
            runs = _runs(typed)
            settings = runs[0].settings
        else:
            settings = cast(AnySettings, typed.model(**asked(typed)))
    except IsolossError as error:
        message = str(error).removeprefix("--sweep: ")
        wrong = named_in(typed, message) or next(iter(typed.several))
        return Verdict(error=in_form_words(typed, message), wrong=wrong)
    except ValidationError as error:
        place, message = error.errors()[0]["loc"], explain(error)
        wrong = str(place[0]) if place else named_in(typed, message)
        return Verdict(error=in_form_words(typed, message), wrong=wrong)
    for row in shown:
        check, value = PROBLEMS.get(row.names), typed.values[row.name]
        if check is None or row.name in typed.several:
            continue
        named = value if isinstance(value, tuple) else (value,)
        for name in map(str, filter(None, named)):
            if name.strip() and (problem := check(name, here)):
                return Verdict(error=problem, wrong=row.name)
    if wrong := subject.refuses(settings):
        return Verdict(error=wrong[1], wrong=wrong[0])
    return Verdict(settings, runs)


def _runs(typed: Typed) -> tuple[Swept, ...]:
    """The runs that several values ask for.

    Raises:
        IsolossError: if one of them cannot be asked for.
    """
    values = {name: values_in(text) for name, text in typed.several.items()}
    for name in values:
        if not values[name]:
            option = name.replace("_", "-")
            raise IsolossError(f"--{option}: give several values, for example 0.1, 0.01 or 0..4")
    return tuple(swept(typed.model, asked(typed), values))


def asked(typed: Typed) -> dict[str, Any]:
    """The values that are asked for: of those that matter, without the blank paths."""
    found: dict[str, Any] = {}
    for row in filter(typed.matters, typed.fields):
        value = typed.values[row.name]
        if row.kind == "paths":
            found[row.name] = tuple(path for path in value if path.strip())
        elif row.kind != "path" or value.strip():
            found[row.name] = value
    return found


def named_in(typed: Typed, message: str) -> str:
    """The name of the first field that a message about several of them asks for."""
    found = (row.name for row in typed.fields if re.search(_whole(row.option), message))
    return next(found, "")


def in_form_words(typed: Typed, message: str) -> str:
    """A message about options that names the labels of a form, which shows no options."""
    for row in typed.fields:
        if message.startswith(f"{row.option}: "):
            said = message.removeprefix(f"{row.option}: ").removeprefix("input ")
            if said.startswith("should"):
                return f"{row.label} {row.in_words(said)}"
            message = said.partition(" (got ")[0]
        message = message.replace(f"give {row.option}", f"give its {row.label.lower()}")
        for value, word in row.words.items():
            message = re.sub(rf"{_whole(row.option)} {value}\b", f"{row.label} '{word}'", message)
        message = re.sub(_whole(row.option), row.label, message)
    return capitalized(message)


def _whole(option: str) -> str:
    """A pattern for `option` where it is not the beginning of another."""
    return rf"{re.escape(option)}(?![\w-])"


def _is_blank(value: Any) -> bool:
    """Whether a text, or each of several paths, has yet to be typed."""
    texts = value if isinstance(value, tuple) else (value,)
    return not any(str(text).strip() for text in texts)


def _asking_for(row: FieldSpec) -> str:
    """What a field that has yet to be filled in takes; its tooltip has the details."""
    takes = re.sub(r" \([^)]*\)", "", row.help)
    are = "are" if row.kind == "paths" else "is"
    return f"{row.label} {are} needed: {takes[:1].lower()}{takes[1:]}"
