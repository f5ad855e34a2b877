"""Settings as text: what one would type on a command line to ask for them."""

from __future__ import annotations

import shlex
import types
from pathlib import Path
from typing import Any, Union, cast, get_args, get_origin

from pydantic.fields import FieldInfo

from isoloss.settings import AnySettings, Settings
from isoloss.settings.attack_kinds import offered, offered_in_words


def command_line(settings: AnySettings, out: Path) -> str:
    """What one would type to ask for `settings`: only what differs from the defaults."""
    words = ["isoloss", settings.kind]
    for name, field in type(settings).model_fields.items():
        value: Any = getattr(settings, name)
        if name == "kind" or (not field.is_required() and value == field.default):
            continue
        if missing(settings, name):
            continue
        option = [] if is_positional(field) else ["--" + name.replace("_", "-")]
        values: list[object] = [value]
        if isinstance(value, tuple) and not is_grid(field):
            values = list(cast("tuple[object, ...]", value))
        words += option + [text_of(v) for v in values]
    return shlex.join([*words, "--out", str(out)])


def missing(settings: Settings, name: str) -> str:
    """The options without which that of a field changes nothing; "" if they are as they must be."""
    only_with = _extra(type(settings).model_fields[name]).get("only_with", {})
    return next(
        (
            " or ".join(f"--{other} {value}" for value in values)
            for other, values in only_with.items()
            if getattr(settings, other) not in values
        ),
        "",
    )


def help_of(field: FieldInfo) -> str:
    """What a field is, for help and tooltips; of attacks, with all that are registered."""
    run = _extra(field).get("attacks")
    return f"Of {offered_in_words(run)}" if run else field.description or ""


def examples_of(field: FieldInfo) -> tuple[str, ...]:
    """What may be suggested for a field; of attacks, all that are registered too."""
    run = _extra(field).get("attacks")
    found = [*map(str, field.examples or ()), *([",".join(offered(run))] if run else [])]
    return tuple(dict.fromkeys(found))


def is_positional(field: FieldInfo) -> bool:
    """Whether the field is given without its name on the command line."""
    return bool(_extra(field).get("positional"))


def _extra(field: FieldInfo) -> dict[str, Any]:
    extra = field.json_schema_extra
    return cast("dict[str, Any]", extra) if isinstance(extra, dict) else {}


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
