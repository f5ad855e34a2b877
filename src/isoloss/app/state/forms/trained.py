"""Networks and denoisers to choose from: those trained here and those that are shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from isoloss.app.state.forms.known_names import training_run
from isoloss.errors import IsolossError
from isoloss.files import read_json
from isoloss.library.entry import Entry
from isoloss.naming import percent, short_name
from isoloss.run_folder import CHECKPOINTS, POINTS
from isoloss.shipped import shipped_models, shipped_settings


@dataclass(frozen=True)
class Trained:
    """One training run.

    Attributes:
        value: what is entered to mean it: a path, or the name of a shipped one.
        name: what it is called; about: what it is, how good and of when.
        task: "classifier", "denoiser" or "path".
        data: what it was trained on.
        is_own: whether it was trained here.
    """

    value: str
    name: str
    about: str
    task: str
    data: str
    is_own: bool = True


def all_trained(entries: Sequence[Entry]) -> list[Trained]:
    """All there are, those trained here first, the newest at the top."""
    found: list[Trained] = []
    for entry in entries:
        if entry.is_training and entry.settings:
            about = _about(entry.settings, entry.figures.get("accuracy"))
            if entry.state != "done":
                about += f", {entry.state}"
            about += f", {entry.date[:10]}" if entry.date else ""
            task, data = _task(entry.settings), str(entry.settings.get("data", ""))
            found.append(Trained(short(entry.folder), entry.name, about, task, data))
    return found + list(_shipped())


@cache
def _shipped() -> tuple[Trained, ...]:
    folders = shipped_models()
    return tuple(
        Trained(
            name, name, _about(settings, _accuracy_of(folders[name])), _task(settings),
            str(settings.get("data", "")), is_own=False,
        )
        for name, settings in shipped_settings().items()
    )  # fmt: skip


def suitable(trained: Sequence[Trained], task: str, data: str = "") -> list[Trained]:
    """Those for a task; what was trained on the same data comes first."""
    of_task = [t for t in trained if (t.task == "denoiser") == (task == "denoiser")]
    return sorted(of_task, key=lambda t: bool(data) and t.data != data)


def denoiser_for(trained: Sequence[Trained], data: str) -> str:
    """A denoiser for networks trained on `data`; "" where there is none."""
    return next((t.value for t in trained if t.task == "denoiser" and t.data == data), "")


def data_of(source: str) -> str:
    """What the training run at a path, or the shipped one of this name, was trained on; "" where
    there is none."""
    run = training_run(source)
    return str(getattr(run.settings, "data", "")) if run is not None else ""


def short(folder: Path) -> str:
    """A path as one would type it in the working folder."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)


def _task(asked: Mapping[str, Any]) -> str:
    return str(asked.get("task", "classifier"))


def _about(asked: Mapping[str, Any], accuracy: float | None) -> str:
    is_denoiser = _task(asked) == "denoiser"
    size = asked.get("denoiser")
    what = "denoiser" if size == "auto" else f"{size} denoiser"
    what = what if is_denoiser else short_name(str(asked.get("model", "")))
    what = f"path of {what}" if _task(asked) == "path" else what
    said = [f"{what} on {short_name(str(asked.get('data', '')))}"]
    return ", ".join(said + ([percent(accuracy)] if accuracy is not None else []))


def _accuracy_of(folder: Path) -> float | None:
    """The test accuracy at the end of a training; None where none is told."""
    try:
        return float(read_json(folder / CHECKPOINTS / POINTS)[-1]["test_accuracy"])
    except (IsolossError, LookupError, TypeError, ValueError):
        return None
