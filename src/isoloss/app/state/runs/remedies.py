"""What findings say is to be set otherwise: as a form is filled in with it, and in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from isoloss.geometry.findings import Finding, Remedy
from isoloss.run_folder import is_run
from isoloss.settings import KINDS
from isoloss.settings.text import choices

_OPTION = re.compile(r"--([a-z-]+) (?:(-?\d\S*) (-?\d[^\s)]*)|([a-z]\w*))")
_NAMED = ("attacks", "parameters")
"""Options whose values are no closed list, but words."""


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
    return ", ".join(f"{fields[name].title} {_value(value)}" for name, value in remedy.items())


def run_of(source: Path | None) -> Path | None:
    """The folder of the run whose surface lies at `source`; None if it is no run's."""
    if source is None:
        return None
    return next((folder for folder in (source, source.parent) if is_run(folder)), None)


def _value(value: Any) -> str:
    match value:
        case None:
            return "by default"
        case (low, high):
            return f"{_value(low)} to {_value(high)}"
        case float():
            return f"{value:g}".replace("-", "−")
        case _:
            return str(value)


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
