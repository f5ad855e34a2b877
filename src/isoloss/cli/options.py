"""Command-line options out of settings models, and settings out of command lines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from isoloss.errors import IsolossError
from isoloss.settings import Settings, explain
from isoloss.settings.text import (
    alternatives,
    choices,
    each_of,
    help_of,
    is_grid,
    is_positional,
    missing,
    takes_several,
    text_of,
)

ANY_NUMBER = -1
NOTHING: Mapping[str, str] = MappingProxyType({})


def add_options(parser: argparse.ArgumentParser, model: type[Settings]) -> None:
    """Give `parser` one option for each field of `model`.

    Values stay text here; the model itself validates them, so that the command line, the form and
    `run.json` cannot disagree.
    """
    for name, field in model.model_fields.items():
        if name == "kind":
            continue
        unsaid = field.is_required() or field.default in (None, ())
        default = "" if unsaid else f" [{_default_text(field)}]"
        each = "; ".join(f"{choice}: {what}" for choice, what in each_of(field).items())
        help_text = f"{': '.join(filter(None, (help_of(field), each)))}{default}"
        help_text = help_text.replace("%", "%%")
        size = _tuple_size(field)
        if is_positional(field):
            free: dict[str, Any] = {}
            if size == ANY_NUMBER:
                default = () if field.is_required() else argparse.SUPPRESS
                free = {"nargs": "*", "default": default}
            added = parser.add_argument(name, help=help_text, metavar=name.upper(), **free)
            if name == "source":  # which the type of a published network says too
                added.required, added.default = False, argparse.SUPPRESS
            continue
        if alternatives(field.annotation) == [bool]:
            option = "--" + name.replace("_", "-")
            parser.add_argument(
                option, action="store_true", default=argparse.SUPPRESS, help=help_of(field)
            )
            continue
        parser.add_argument(
            "--" + name.replace("_", "-"),
            default=argparse.SUPPRESS,
            action=_action(field, size),
            nargs=_nargs(field, size),
            metavar=_metavar(name, field, size),
            help=help_text,
        )


def settings_from(
    model: type[Settings],
    namespace: argparse.Namespace,
    typed: Mapping[str, str] = NOTHING,
    preset: Mapping[str, Any] = NOTHING,
) -> Any:
    """The validated settings that a parsed command line asks for.

    Args:
        typed: {field: the option by which it was given}, where that is another than its own.
        preset: what is asked for where the command line does not say otherwise.

    Raises:
        IsolossError: naming the first option that is wrong, or that would change nothing.
    """
    given = given_in(model, namespace)
    try:
        settings = model.model_validate({**preset, **given})
    except ValidationError as error:
        raise IsolossError(explain(error, typed)) from error
    for name in given:
        if wanted := missing(settings, name):
            raise IsolossError(f"--{name.replace('_', '-')} is for {wanted}")
    return settings


def given_in(model: type[Settings], namespace: argparse.Namespace) -> dict[str, Any]:
    """What a command line says of the fields of `model`, by their names."""
    return {k: v for k, v in vars(namespace).items() if k in model.model_fields}


def _action(field: FieldInfo, size: int) -> Any:
    """What an option does that is given again."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "then" in extra:
        return partial(_InTurn, then=str(extra["then"]))
    # "--also a b" and "--also a --also b" mean the same.
    return "extend" if size == ANY_NUMBER else "store"


class _InTurn(argparse.Action):
    """An option whose second value is that of another field, `then`."""

    def __init__(self, *, then: str, **more: Any) -> None:
        super().__init__(**more)
        self._then = then

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
        option_string: str | None = None,
    ) -> None:  # fmt: skip
        free = [name for name in (self.dest, self._then) if not hasattr(namespace, name)]
        if not free:
            parser.error(f"{option_string} is given twice at most")
        setattr(namespace, free[0], values)


def _nargs(field: FieldInfo, size: int) -> int | str | None:
    if size == ANY_NUMBER:
        return "+"
    return size if size and not is_grid(field) else None


def _tuple_size(field: FieldInfo) -> int:
    """The number of values of a tuple field, `ANY_NUMBER` where that is free; 0 for others."""
    if takes_several(field):
        return ANY_NUMBER
    for kind in alternatives(field.annotation):
        if get_origin(kind) is tuple:
            return ANY_NUMBER if Ellipsis in get_args(kind) else len(get_args(kind))
    return 0


def _metavar(name: str, field: FieldInfo, size: int) -> Any:
    if is_grid(field):
        return "N|AxB"
    if size == 2:
        return ("LO", "HI")
    if words := choices(field):
        number = ("N",) if int in alternatives(field.annotation) else ()
        return "{" + ",".join((*words, *number)) + "}"
    for kind in alternatives(field.annotation):
        if kind in (int, float):
            return "N" if kind is int else "X"
    return name.split("_")[-1].upper()


def _default_text(field: FieldInfo) -> str:
    if isinstance(field.default, tuple) and not is_grid(field):
        return " ".join(map(text_of, field.default))
    return text_of(field.default)
