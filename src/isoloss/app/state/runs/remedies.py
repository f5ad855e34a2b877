"""What findings say is to be set otherwise: as a form is filled in with it, and in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from isoloss.geometry.findings import Finding, Remedy
from isoloss.library.columns import setting_in_words
from isoloss.run_folder import is_run
from isoloss.settings import KINDS
from isoloss.settings.text import choices, words_of

_OPTION = re.compile(r"--([a-z-]+) (?:(-?\d\S*) (-?\d[^\s)]*)|([a-z]\w*))")
_NAMED = ("attacks", "parameters")
"""Options whose values are no closed list, but words."""
_NUMBER = r"-?\d[^\s)]*[^\s).,]|-?\d"
_TOLD = re.compile(rf"--([a-z]+(?:-[a-z]+)*)(?: ({_NUMBER}) ({_NUMBER})| ([a-z]\w*))?")
_OF_THE_WINDOW = {"range": "Range", "log_height": "Scale 'Logarithmic'"}
"""Options of which no form has a field: what the window calls them."""


def remedy_of(finding: Finding, kind: str) -> dict[str, Any]:
    """The settings that `finding` has set otherwise in a run of this kind; empty where it says
    none. Of what was found before remedies were kept, those that its message says."""
    fields = KINDS[kind].model_fields
    given = finding.remedy or _said_in(finding.message, kind)
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if name in fields and name != "kind"
    }


def in_words(remedy: Remedy, kind: str) -> str:
    """A remedy by the labels of the form: "Range of α −2 to 2, Samples 400"."""
    fields = KINDS[kind].model_fields
    return ", ".join(
        f"{fields[name].title} {_word(fields[name], value)}" for name, value in remedy.items()
    )


def in_terms(message: str) -> str:
    """A finding's message with the labels of forms and panels in place of options."""
    return _TOLD.sub(_term, message)


def _term(option: re.Match[str]) -> str:
    name, low, high, word = option[1].replace("-", "_"), *option.groups()[1:]
    of_name = (m.model_fields[name] for m in KINDS.values() if name in m.model_fields)
    of_probes = (KINDS["probe"].model_fields.get(name), *of_name)
    row = next(filter(None, of_probes), None)
    title = _OF_THE_WINDOW.get(name) or (row and row.title) or option[1]
    if low:
        return f"{title} {low} to {high}".replace("-", "−")
    is_value = row is not None and word and (word in choices(row) or name in _NAMED)
    return f"{title} '{_word(row, word)}'" if row and is_value else f"{title} {word or ''}".rstrip()


def run_of(source: Path | None) -> Path | None:
    """The folder of the run whose surface lies at `source`; None if it is no run's."""
    if source is None:
        return None
    return next((folder for folder in (source, source.parent) if is_run(folder)), None)


def _word(row: FieldInfo, value: Any) -> str:
    """A value of a field as its form shows it."""
    return words_of(row).get(str(value)) or setting_in_words(value, row)


def _said_in(message: str, kind: str) -> Remedy:
    """The options that stand in a message with their values beside them."""
    fields = KINDS[kind].model_fields
    found: dict[str, Any] = {}
    for option, low, high, word in _OPTION.findall(message):
        name = option.replace("-", "_")
        if low:
            names = ("alpha_range", "beta_range") if name == "range" else (name,)
            ends = (float(low), float(high))
            found |= {n: ends for n in names if n.endswith("_range") and n in fields}
        elif name in fields and (name in _NAMED or word in choices(fields[name])):
            found[name] = word
    return found
