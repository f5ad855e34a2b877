"""Frozen dataclasses as plain values for JSON, and strictly back."""

from __future__ import annotations

import math
import reprlib
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum, EnumType
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from isoloss.errors import IsolossError
from isoloss.scene.textures import TEXTURES, Texture

LONGEST = 500
"""Characters in one text, unless its field has a range of its own."""
LARGEST = 1e30
"""What no number may exceed, unless its field has a range of its own: float32 can still hold it."""

_ANY = (-LARGEST, LARGEST)
_LARGEST = sys.float_info.max
_INFINITE = ("inf", "-inf")
Kind = TypeVar("Kind")
Ranges = Mapping[tuple[type, str], tuple[float, float]]
_Bounds = tuple[float, float]


def to_plain(value: Any) -> Any:
    """`value` as dicts, lists, texts and numbers; a member of a closed list is its name."""
    if isinstance(value, Enum | Texture):
        return _word(value)
    if is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [to_plain(v) for v in cast(tuple[Any, ...], value)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such numbers
    return value


def from_plain(kind: type[Kind], value: object, ranges: Ranges) -> Kind:
    """The dataclass `kind` that `to_plain` made `value` of.

    Fields that are not there have their defaults. Nothing is converted but whole numbers where a
    fraction may stand.

    Args:
        ranges: (lo, hi) of numbers by (dataclass, field), both ends included; they hold for each
            number of a tuple too. Of a text they are its length.

    Raises:
        IsolossError: the first thing that does not fit, with the way to it: `views[0].title …`.
    """
    return cast(Kind, _read(kind, value, "", ranges, _ANY))


def members(kind: Any) -> dict[str, Any]:
    """The values of a `kind` that is a closed list, by their names in words; none of any other."""
    if kind is Texture:
        return {texture.name: texture for texture in TEXTURES}
    return {_word(m): m for m in cast(type[Enum], kind)} if isinstance(kind, EnumType) else {}


def _read(kind: Any, value: Any, where: str, ranges: Ranges, bounds: _Bounds) -> Any:
    """`value` as `kind`, an annotation; `bounds` are those of its numbers."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):  # of which we only have "X | None"
        (other,) = (a for a in arguments if a is not type(None))
        return None if value is None else _read(other, value, where, ranges, bounds)
    if origin is Literal:
        return _one_of(dict(zip(arguments, arguments, strict=True)), value, where)
    if origin is tuple:
        return _read_tuple(arguments, value, where, ranges, bounds)
    if named := members(kind):
        return _one_of(named, value, where)
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where, ranges)
    if kind is bool:
        return value if isinstance(value, bool) else _refuse(where, "true or false", value)
    if kind is str:
        return _read_text(value, where, LONGEST if bounds is _ANY else int(bounds[1]))
    assert kind in (int, float), f"{where}: {kind} cannot be read"
    return _read_number(kind, value, where, bounds)


def _read_dataclass(kind: Any, value: Any, where: str, ranges: Ranges) -> Any:
    if not isinstance(value, dict):
        _refuse(where, "an object", value)
    content = cast(dict[str, Any], value)
    known = _fields(kind)
    dot = f"{where}." if where else ""
    for name in content:
        if name not in known:
            raise IsolossError(f"{dot}{_quoted(name).strip(chr(39))} is not a known field")
    read: dict[str, Any] = {}
    for name, (field, hint) in known.items():
        if name in content:
            bounds = ranges.get((kind, name), _ANY)
            read[name] = _read(hint, content[name], f"{dot}{name}", ranges, bounds)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise IsolossError(f"{dot}{name} is missing")
    return kind(**read)


def _read_tuple(
    kinds: tuple[Any, ...], value: Any, where: str, ranges: Ranges, bounds: _Bounds
) -> tuple[Any, ...]:
    if not isinstance(value, list):
        return _refuse(where, "a list", value)
    items = cast(list[Any], value)
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(items)
    if len(items) != len(kinds):
        return _refuse(where, f"a list of {len(kinds)}", items)
    return tuple(
        _read(kind, item, f"{where}[{k}]", ranges, bounds)
        for k, (kind, item) in enumerate(zip(kinds, items, strict=True))
    )


def _read_number(kind: type, value: Any, where: str, bounds: _Bounds) -> float:
    what, (lo, hi) = "a whole number" if kind is int else "a number", bounds
    if kind is float and value in _INFINITE and math.isinf(lo):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        return _refuse(where, what, value)
    # Compared, not converted: a whole number may be too large to become a fraction.
    if not max(lo, -_LARGEST) <= value <= min(hi, _LARGEST):
        return _refuse(where, f"{what} from {lo:g} to {hi:g}", value)
    return kind(value)


def _read_text(value: Any, where: str, longest: int) -> str:
    if not isinstance(value, str):
        _refuse(where, "a text", value)
    if len(value) > longest:
        _refuse(where, f"a text of at most {longest} characters", value)
    # Half a character cannot be encoded and 0 ends a text in C: neither can be drawn.
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        _refuse(where, "a text that can be shown", value)
    return value


def _one_of(choices: Mapping[Any, Any], value: Any, where: str) -> Any:
    for choice, meant in choices.items():
        if type(choice) is type(value) and choice == value:
            return meant
    return _refuse(where, f"one of {', '.join(map(str, choices))}", value)


def _refuse(where: str, wanted: str, value: object) -> Any:
    raise IsolossError(f"{where or 'its content'} must be {wanted}, not {_quoted(value)}")


def _quoted(value: object) -> str:
    return " ".join(reprlib.repr(value).encode("utf-8", "backslashreplace").decode().split())


def _word(member: Enum | Texture) -> str:
    if isinstance(member, Texture):
        return member.name
    return member.value if isinstance(member.value, str) else member.name.lower()


@cache
def _fields(kind: Any) -> dict[str, tuple[Field[Any], Any]]:
    hints = get_type_hints(kind)
    return {f.name: (f, hints[f.name]) for f in fields(kind)}
