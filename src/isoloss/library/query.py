"""The words by which runs are found, the same on the command line and in the window.

    paper resnet              runs in which both words occur: in name, network, data, tags, note …
    kind:probe,train          a field that holds a text, or one of several
    state!=done               … that holds none of them;  name="first try"  … that is just this
    accuracy>0.9  loss<=0.1   a number above, below;  accuracy>90%  time<10min  size>1GB
    date>=2026-11  date:today
    favourite:yes  tag:paper  tag:none
    epochs:20  lr<0.1  norm:l2    any setting, by the name of its option

All words must hold. `FIELDS` lists what is no setting.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from isoloss.errors import IsolossError
from isoloss.library.entry import Entry
from isoloss.library.key_figures import KEY_FIGURES, figure_names, in_words
from isoloss.settings import KINDS

Value = str | float | None | list[Any]

FIELDS: Mapping[str, Callable[[Entry], Value]] = {
    "name": lambda e: [e.name, e.folder.name],
    "kind": lambda e: e.kind,
    "date": lambda e: e.date,
    "network": lambda e: e.network,
    "data": lambda e: e.data,
    "state": lambda e: e.state,
    "figure": lambda e: in_words(e.kind, e.figures),
    "tag": lambda e: list(e.about.tags),
    "note": lambda e: e.about.note,
    "favourite": lambda e: "yes" if e.about.favourite else "no",
    "size": lambda e: float(e.size),
    "time": lambda e: e.seconds,
    "memory": lambda e: float(e.memory) if e.memory else None,
    "device": lambda e: e.device,
    "folder": lambda e: str(e.folder),
}
"""What runs can be found and sorted by, beside figures and settings."""

_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_FIELD = re.compile(r"([A-Za-z][\w-]*)(!=|>=|<=|:|=|>|<)(.*)", re.DOTALL)
_ORDERS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
_UNITS = {
    "": 1, "%": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "s": 1, "min": 60,
    "h": 3600, "d": 86400,
}  # fmt: skip
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(%|[a-z]*)", re.IGNORECASE)
_DAY = re.compile(r"\d[\d :-]*")
"""A date as far as it was typed."""

Test = Callable[[Entry], bool]


@dataclass(frozen=True)
class Query:
    """Which runs are wanted."""

    tests: tuple[Test, ...] = ()

    def __call__(self, entry: Entry) -> bool:
        """Whether a run is."""
        return all(test(entry) for test in self.tests)


def query(words: str | Iterable[str]) -> Query:
    """What words ask for: a text with blanks between, or what a command line gives one by one.

    Raises:
        IsolossError: if there is no such field, or it is compared with nothing.
    """
    tokens = _TOKEN.findall(words) if isinstance(words, str) else list(words)
    return Query(tuple(_test(token) for token in tokens if token.strip('" ')))


def known_fields() -> set[str]:
    """The names of all that runs can be found and sorted by."""
    settings = {name for model in KINDS.values() for name in model.model_fields}
    return {*FIELDS, *figure_names(), *settings}


def value_of(entry: Entry, field: str) -> Value:
    """What a run has for a field: a text, a number, several of them, or None."""
    if field in FIELDS:
        return FIELDS[field](entry)
    if field in entry.figures:
        return entry.figures[field]
    return entry.settings.get(field)


def in_order(entries: Iterable[Entry], field: str, *, reverse: bool = False) -> list[Entry]:
    """Runs sorted by a field: texts from a, numbers and dates from the largest; those that have
    none come last, either way.

    Raises:
        IsolossError: if there is no such field.
    """
    field = _known(field)
    keyed = [(_sort_key(entry, field), entry) for entry in entries]
    known = [(key, entry) for key, entry in keyed if key is not None]
    known.sort(key=operator.itemgetter(0), reverse=reverse)
    return [entry for _, entry in known] + [entry for key, entry in keyed if key is None]


def _sort_key(entry: Entry, field: str) -> tuple[str, float, str] | None:
    """Kinds of runs, whose figures cannot be compared, stay together; None where there is none."""
    if field == "date":
        return "", -entry.began, ""
    if field == "figure":
        known = KEY_FIGURES.get(entry.kind)
        first = known.first(entry.figures) if known is not None else None
        return None if first is None else (f"{entry.kind} {first[0]}", -first[1], "")
    value = value_of(entry, field)
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or value == "":
        return None
    if isinstance(value, int | float):
        return None if math.isnan(value) else ("", -float(value), "")
    return "", 0.0, str(value).casefold()


def _known(field: str) -> str:
    name = field.replace("-", "_")
    if name not in known_fields():
        raise IsolossError(
            f"runs have no {field!r}: ask for {', '.join(FIELDS)}, a figure such as accuracy or "
            f'loss, or a setting; a text with such signs in it is put in quotes, "{field}:…"'
        )
    return name


def _test(token: str) -> Test:
    parts = None if token.startswith('"') else _FIELD.fullmatch(token)
    if parts is None:
        text = token.replace('"', "").casefold()
        return lambda entry: text in entry.text
    field, sign, given = _known(parts[1]), parts[2], parts[3].replace('"', "").strip()
    if not given:
        raise IsolossError(f"say what {parts[1]}{sign} is to be, for example {_example(field)}")
    if sign in _ORDERS:
        return _ordered(field, sign, given)
    wanted = [word.strip() for word in given.split(",")] if sign != "=" else [given]
    if sign == "!=":
        return lambda entry: not any(_holds(entry, field, word, whole=False) for word in wanted)
    return lambda entry: any(_holds(entry, field, word, whole=sign == "=") for word in wanted)


def _ordered(field: str, sign: str, given: str) -> Test:
    order = _ORDERS[sign]
    if field == "date":
        day = _day(given)
        if not _DAY.fullmatch(day):
            raise IsolossError(f"{field}{sign} takes a day such as 2026-11-30, not {given!r}")
        return lambda entry: bool(entry.date) and order(entry.date[: len(day)], day)
    limit = _number(given)
    if limit is None:
        raise IsolossError(f"{field}{sign} takes a number, not {given!r}")

    def test(entry: Entry) -> bool:
        return any(order(number, limit) for number in _numbers(value_of(entry, field)))

    return test


def _holds(entry: Entry, field: str, word: str, *, whole: bool) -> bool:
    """Whether a field holds a text, or is it as a whole, or is that number."""
    value = value_of(entry, field)
    if field == "date":
        return entry.date.startswith(_day(word))
    if word.casefold() == "none" and value in (None, "", []):
        return True
    number = _number(word)
    if number is not None and any(math.isclose(number, n) for n in _numbers(value)):
        return True
    texts = [*map(_text, value if isinstance(value, list) else [value])]
    wanted = word.casefold()
    return any(wanted == text if whole else wanted in text for text in texts)


def _text(value: Value) -> str:
    """A value as it is compared with a word; numbers are compared as numbers."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).casefold() if isinstance(value, str) else ""


def _numbers(value: Value) -> list[float]:
    values = value if isinstance(value, list) else [value]
    return [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]


def _number(word: str) -> float | None:
    above, slash, below = word.partition("/")
    if slash:
        parts = _number(above), _number(below)
        return parts[0] / parts[1] if parts[0] is not None and parts[1] else None
    match = _NUMBER.fullmatch(word.strip().replace("−", "-"))
    if match is None or match[2].lower() not in _UNITS:
        return None
    number, unit = float(match[1]), match[2].lower()
    return number / 100 if unit == "%" else number * _UNITS[unit]


def _day(word: str) -> str:
    """A date as it is compared: as typed, or what today and yesterday are."""
    today = date.today()
    days = {"today": today, "yesterday": today - timedelta(days=1)}
    return str(days.get(word.casefold(), word))


def _example(field: str) -> str:
    examples = {"kind": "kind:probe", "state": "state:failed", "date": "date>2026-11"}
    return examples.get(field, f"{field}>0.9" if field in figure_names() else f"{field}:…")
