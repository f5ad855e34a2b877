"""Sweeps: fields that take several values, and one run for each combination of these."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from isoloss.errors import IsolossError
from isoloss.naming import file_name
from isoloss.settings import AnySettings, Settings, explain
from isoloss.settings.text import missing, text_of

_ONE_NUMBER = re.compile(r"-?0,\d+|-?[1-9]\d{0,2}(,\d{3})+")
MOST = 1000
"""Runs in one sweep."""


@dataclass(frozen=True)
class Swept:
    """One run of a sweep.

    Attributes:
        chosen: what it has of each field that takes several values, as it was typed.
    """

    settings: AnySettings
    chosen: Mapping[str, str]

    @property
    def suffix(self) -> str:
        """What tells its folder from those of the others: lr0.1-seed2."""
        said = (f"{name}{value}" for name, value in self.chosen.items())
        return file_name("-".join(said).replace(" ", "_"))


def several(words: Iterable[str]) -> dict[str, list[str]]:
    """Which values fields are to take, of words like lr=0.1,0.01 and seed=0..4.

    Values are apart by commas or, where one has commas or is a list itself, by semicolons; whole
    numbers in a row are lo..hi.

    Raises:
        IsolossError: naming the first word that says nothing of that kind.
    """
    found: dict[str, list[str]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        values = values_in(text)
        if not equals or not name or not values:
            raise IsolossError(f"a sweep is FIELD=VALUE,VALUE, for example lr=0.1,0.01, not {word}")
        found[name.replace("-", "_")] = values
    return found


def is_several(text: str) -> bool:
    """Whether a text that might have been one number is several: not 0,5 or 1,000, which are one to
    many people."""
    separated = any(mark in text for mark in (",", ";", ".."))
    return separated and not _ONE_NUMBER.fullmatch(text.strip())


def values_in(text: str) -> list[str]:
    """The values in a text, each once."""
    apart = text.split(";" if ";" in text else ",")
    return [*dict.fromkeys(v for part in apart if part.strip() for v in _row(part.strip()))]


def _row(text: str) -> list[str]:
    low, dots, high = text.partition("..")
    if not dots or not (low.isdecimal() and high.isdecimal()):
        return [text]
    if int(high) - int(low) >= MOST:
        raise IsolossError(f"a sweep has at most {MOST:,} runs: {text} are more")
    return [str(k) for k in range(int(low), int(high) + 1)]


def swept(
    model: type[Settings], given: Mapping[str, Any], fields: Mapping[str, Sequence[str]]
) -> list[Swept]:
    """All runs of a sweep, the last field changing fastest.

    Args:
        given: what all of them are asked for, as `model` takes it.
        fields: the values that each of some fields takes, as they are typed.

    Raises:
        IsolossError: naming the first field or value that is wrong, or changes nothing.
    """
    for name in fields:
        if name not in model.model_fields or name == "kind":
            raise IsolossError(f"--sweep: there is no field {name!r}")
    runs: list[Swept] = []
    for values in itertools.product(*fields.values()):
        chosen = dict(zip(fields, values, strict=True))
        try:
            settings = cast(AnySettings, model.model_validate({**given, **chosen}))
        except ValidationError as error:
            raise IsolossError(explain(error)) from error
        for name in fields:
            if wanted := missing(settings, name):
                raise IsolossError(f"--{name.replace('_', '-')} is for {wanted}")
        runs.append(Swept(settings, chosen))
        if len(runs) > MOST:
            raise IsolossError(f"a sweep has at most {MOST:,} runs: give fewer values")
    _require_different(runs)
    return runs


def _require_different(runs: Sequence[Swept]) -> None:
    """Refuse two values that mean the same, as 0.1 and 0.10."""
    seen: dict[str, Swept] = {}
    for run in runs:
        same = seen.setdefault(run.settings.model_dump_json(), run)
        if same is not run:
            values = " and ".join(", ".join(map(text_of, r.chosen.values())) for r in (same, run))
            raise IsolossError(f"--sweep: {values} ask for the same run")
