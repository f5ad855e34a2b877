"""Settings as text: what one would type on a command line to ask for them."""

from __future__ import annotations

import shlex
import types
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin

from pydantic.fields import FieldInfo

from isoloss.settings import AnySettings, Settings
from isoloss.settings.base import ANYTHING, NOTHING


def command_line(settings: AnySettings, out: Path) -> str:
    """What one would type to ask for `settings`: only what differs from the defaults."""
    words = ["isoloss", *(settings.verb or settings.kind).split()]
    for name, field in type(settings).model_fields.items():
        value: Any = getattr(settings, name)
        if name == "kind" or (not field.is_required() and value == field.default):
            continue
        if missing(settings, name):
            continue
        option = [] if is_positional(field) else ["--" + name.replace("_", "-")]
        values: list[object] = [value]
        if value is True:
            values = []
        if isinstance(value, tuple) and not is_grid(field):
            values = list(cast("tuple[object, ...]", value))
        words += option + [text_of(v) for v in values]
    return shlex.join([*words, "--out", str(out)])


def missing(settings: Settings, name: str) -> str:
    """The options without which that of a field changes nothing; "" if they are as they must be."""
    return next(
        (
            _options_in_words(other, values)
            for other, values in only_with(type(settings).model_fields[name]).items()
            if not holds_one(getattr(settings, other), values)
        ),
        "",
    )


def _options_in_words(name: str, values: Collection[str]) -> str:
    option = "--" + name.replace("_", "-")
    if NOTHING in values:
        return f"runs without {option}"
    return " or ".join(f"{option} {value}".removesuffix(f" {ANYTHING}") for value in values)


def holds_one(given: object, values: Collection[object]) -> bool:
    """Whether what is given is one of `values`, or a text of words of which one is."""
    if ANYTHING in values or NOTHING in values:
        return (given in (None, "", ())) == (NOTHING in values)
    return given in values or bool({*str(given).replace(",", " ").split()}.intersection(values))


def only_with(field: FieldInfo) -> dict[str, tuple[str, ...]]:
    """{name of another field: the values without which this one changes nothing}.

    From the field's `json_schema_extra={"only_with": {"plane": ["pca"]}}`; in place of the values
    there may be a function that gives them; `ANYTHING` stands for all values but none, `NOTHING`
    for none.
    """
    given: dict[str, list[str] | Callable[[], list[str]]] = _extra(field).get("only_with", {})
    return {name: tuple(v() if callable(v) else v) for name, v in given.items()}


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The words that a field may be; () where it may be anything else.

    Those of a `Literal`, or what the function `json_schema_extra["choices"]` gives.
    """
    for kind in alternatives(field.annotation):
        if get_origin(kind) is Literal:
            return tuple(map(str, get_args(kind)))
    return _given_by(field, "choices", ())


def words_of(field: FieldInfo) -> dict[str, str]:
    """{value: the words in which the window offers it}, of a field that is one of some or, where it
    takes several, of those that have names: `json_schema_extra["words"]`, or what it gives."""
    words: Any = _extra(field).get("words", {})
    return cast("dict[str, str]", words() if callable(words) else words)


def by_labels(field: FieldInfo, value: str) -> str:
    """What a text names, where there is little room: each by the label that the function
    `json_schema_extra["label"]` gives; without it the text as it is."""
    label: Callable[[str], str] | None = _extra(field).get("label")
    return ", ".join(map(label, value.split(","))) if label else value


def others_of(field: FieldInfo) -> str:
    """What else a field that takes several may name, as one types it; "" for nothing."""
    return str(_extra(field).get("others", ""))


def help_of(field: FieldInfo) -> str:
    """What a field is about: its description, or what the function `json_schema_extra["help"]`
    gives."""
    return _given_by(field, "help", field.description or "")


def each_of(field: FieldInfo) -> dict[str, str]:
    """{choice: what it is}, of a field whose choices need a clause each: the function
    `json_schema_extra["each"]` gives it."""
    return _given_by(field, "each", {})


def examples_of(field: FieldInfo) -> tuple[str, ...]:
    """What may be suggested for a field: its examples, and what the function
    `json_schema_extra["examples"]` gives."""
    found = (*map(str, field.examples or ()), *_given_by(field, "examples", ()))
    return tuple(dict.fromkeys(found))


def _given_by(field: FieldInfo, function: str, otherwise: Any) -> Any:
    """What a function gives that a field names, so that it may know of what is registered later."""
    return _extra(field)[function]() if function in _extra(field) else otherwise


def is_positional(field: FieldInfo) -> bool:
    """Whether the field is given without its name on the command line."""
    return bool(_extra(field).get("positional"))


def _extra(field: FieldInfo) -> dict[str, Any]:
    extra = field.json_schema_extra
    return cast("dict[str, Any]", extra) if isinstance(extra, dict) else {}


def takes_several(field: FieldInfo) -> bool:
    """Whether the field is a text of words, which may be given one by one."""
    return bool(_extra(field).get("several"))


def is_grid(field: FieldInfo) -> bool:
    """Whether the field is a grid of cells: "N" or "AxB" on the command line."""
    return any(
        get_origin(kind) is tuple and all(alternatives(a) == [int] for a in get_args(kind))
        for kind in alternatives(field.annotation)
    )


def alternatives(annotation: Any) -> list[Any]:
    """The types in `A | B | None`, bare of `Annotated`."""
    if hasattr(annotation, "__metadata__"):
        return alternatives(annotation.__origin__)
    if get_origin(annotation) in (Union, types.UnionType):
        return [k for a in get_args(annotation) for k in alternatives(a) if k is not type(None)]
    return [annotation]


def text_of(value: Any) -> str:
    """One value as it is typed; a grid's are joined by "x"."""
    if isinstance(value, tuple):
        return "x".join(map(str, cast("tuple[object, ...]", value)))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
