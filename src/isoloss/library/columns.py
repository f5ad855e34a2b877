"""What a table of runs shows of each: the columns of `isoloss runs` and of the window."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args, get_origin

from pydantic.fields import FieldInfo

from isoloss.library.entry import Entry
from isoloss.library.key_figures import in_words
from isoloss.naming import size_in_words
from isoloss.settings import KINDS
from isoloss.settings.text import alternatives, by_labels, is_grid, text_of


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        field: what it is sorted by, as `query` knows it.
        title: stands over it.
        text: what it says of a run.
        is_number: whether it is read from its right end.
        importance: where there is no room for all columns, those with the lowest go first.
        least: characters to which it may be shortened; 0 where it may not.
    """

    field: str
    title: str
    text: Callable[[Entry], str]
    importance: int
    least: int = 0
    is_number: bool = False


def outcome(entry: Entry) -> str:
    """What a run came to or, where it came to nothing, why."""
    return entry.problem or in_words(entry.kind, entry.figures)


def difference(entry: Entry) -> str:
    """What differs from the run of its kind before it, in words: `Epochs 20, Seed 1`."""
    return ", ".join(settings_in_words(entry.kind, entry.differs).values())


def settings_in_words(kind: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as people read them, by their names: {"lr": "Learning rate 0.1"}."""
    model = KINDS.get(kind)
    fields = model.model_fields if model is not None else {}
    return {
        name: f"{(name in fields and fields[name].title) or name} "
        f"{setting_in_words(value, fields.get(name))}"
        for name, value in settings.items()
    }


def setting_in_words(value: Any, field: FieldInfo | None) -> str:
    """The value of one setting as people read it; of a path its last part."""
    if value is None:
        return "by default"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        values = [setting_in_words(v, None) for v in cast("Sequence[Any]", value)]
        of_two = " to " if field is not None and _is_range(field) else ", "
        joint = "×" if field is not None and is_grid(field) else of_two
        return joint.join(values) or "none"
    if isinstance(value, str):
        value = value if field is None else by_labels(field, value)
        named = re.split(r"[/\\]", value.rstrip("/\\"))[-1]
        return named or value
    return text_of(value).replace("-", "−", 1)


def _is_range(field: FieldInfo) -> bool:
    return any(
        get_origin(kind) is tuple and len(get_args(kind)) == 2 and Ellipsis not in get_args(kind)
        for kind in alternatives(field.annotation)
    )


COLUMNS: tuple[Column, ...] = (
    Column("favourite", "", lambda e: "★" if e.about.favourite else "", 5),
    Column("name", "Name", lambda e: e.name, 9, least=24),
    Column("kind", "Kind", lambda e: e.kind, 6),
    Column("state", "State", lambda e: e.state, 8),
    Column("figure", "Key figure", outcome, 7, least=19),
    Column("differs", "Differs in", difference, 2, least=16),
    Column("network", "Network", lambda e: e.network, 3, least=8),
    Column("data", "Data", lambda e: e.data, 1, least=7),
    Column("date", "Date", lambda e: e.date, 4),
    Column("size", "Size", lambda e: size_in_words(e.size), 0, is_number=True),
    Column("tag", "Tags", lambda e: " ".join(e.about.tags), 5, least=6),
)


def total_size(entries: Iterable[Entry]) -> int:
    """The bytes of all these runs."""
    return sum(entry.size for entry in entries)
