"""Networks and denoisers to choose from: those trained here and those that are shipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoloss.app.state.forms.known_names import training_settings
from isoloss.app.state.runs.known_runs import Runs
from isoloss.shipped import shipped_settings


@dataclass(frozen=True)
class Trained:
    """One training run.

    Attributes:
        value: what is entered to mean it: a path, or the name of a shipped one.
        label: what tells it from the others.
        task: "classifier" or "denoiser".
        data: what it was trained on.
    """

    value: str
    label: str
    task: str
    data: str


def all_trained(runs: Runs, short: Callable[[Path], str]) -> list[Trained]:
    """All there are, those trained here first; `short` writes a path as one would type it."""
    found: list[Trained] = []
    for entry in runs.trained:
        label = f"{entry.name}  ({_what(entry.settings)}, {entry.state})"
        task, data = _task(entry.settings), str(entry.settings.get("data", ""))
        found.append(Trained(short(entry.folder), label, task, data))
    for name, settings in shipped_settings().items():
        label = f"{name}  ({_what(settings)}, comes with isoloss)"
        found.append(Trained(name, label, _task(settings), str(settings.get("data", ""))))
    return found


def suggestions(trained: Sequence[Trained], task: str, data: str = "") -> list[tuple[str, str]]:
    """(value, as shown) of those for a task; what was trained on the same data comes first."""
    suitable = [t for t in trained if t.task == task]
    ordered = sorted(suitable, key=lambda t: bool(data) and t.data != data)
    return [(t.value, t.label) for t in ordered]


def denoiser_for(trained: Sequence[Trained], data: str) -> str:
    """A denoiser for networks trained on `data`; "" where there is none."""
    return next((t.value for t in trained if t.task == "denoiser" and t.data == data), "")


def data_of(source: str) -> str:
    """What the training run at a path, or the shipped one of this name, was trained on; "" where
    there is none."""
    asked = training_settings(source)
    return asked.data if asked is not None else ""


def _task(asked: Mapping[str, Any]) -> str:
    return str(asked.get("task", "classifier"))


def _what(asked: Mapping[str, Any]) -> str:
    is_denoiser = _task(asked) == "denoiser"
    return f"{asked.get('denoiser')} denoiser" if is_denoiser else str(asked.get("model", ""))
