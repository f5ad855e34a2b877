"""One run folder read into an entry, whatever lies in it: what is damaged is told, never raised."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError
from isoloss.events import ABOUT_DATA, Done, Event, Failed, Paused, Started, from_line
from isoloss.files import as_object, check_readable, is_plain_file, read_json
from isoloss.jobs.follow import RunState
from isoloss.library.about import read_about
from isoloss.library.entry import Entry
from isoloss.library.key_figures import figures_of
from isoloss.naming import in_one_line
from isoloss.paths import exists, is_folder
from isoloss.run import Run
from isoloss.run_folder import (
    ABOUT,
    CHECKPOINTS,
    CURVE,
    EVENTS,
    GROWING,
    JOB_LOG,
    OUTCOMES,
    REPORT,
    RUN,
    SHARPNESS,
    SURFACE,
    TABLE,
)
from isoloss.settings import AnySettings, ImportSettings, TrainSettings, parse_settings
from isoloss.settings.source import Source, data_set, network_type

TELLING = (RUN, EVENTS, ABOUT, TABLE, REPORT, SURFACE, CURVE, SHARPNESS)
"""The files that an entry is read from, directly in the run's folder."""
_TRACES = {RUN, EVENTS, JOB_LOG, CHECKPOINTS, GROWING, OUTCOMES}
"""What tells that a folder is a run's, or was to be one."""
_LARGEST_RUN = 1 << 22
_HEAD, _TAIL = 1 << 14, 1 << 20
"""Bytes of `run.json` at most, and of the events at their beginning and at their end."""

_SAMPLES = re.compile(r"([\d,]+) training and ([\d,]+) test")

Stamp = tuple[tuple[str, int, int], ...]


def read_entry(folder: Path, kept: Mapping[str, Any]) -> Entry:
    """What is known of the run in `folder`; never raises for what lies there.

    Args:
        kept: what is said of runs elsewhere than beside them (`about.read_kept`).
    """
    about = read_about(folder, kept)
    size = size_of(folder)
    try:
        _check_described(folder / RUN)
        run = Run.open(folder)
        told = _told(run.events_path)
        content = read_json(folder / RUN)
    except (IsolossError, OSError, ValueError, RecursionError) as error:
        return _damaged(folder, error, size=size, about=about)
    settings, environment = run.settings, as_object(content.get("environment"))
    network, data = subject_of(settings)
    state = told.state
    if state.status == "running" and not run.is_held:
        state.status = "paused"  # the process at work on it was killed before it could say so
    memory = environment.get("peak_memory")
    return Entry(
        folder,
        kind=settings.kind,
        network=network,
        data=data,
        began=told.began or _written(folder / RUN),
        state=state.status,
        problem=state.failure if state.status == "failed" else "",
        figures=figures_of(run, state),
        settings=run.asked.model_dump(mode="json", exclude={"kind"}),
        size=size,
        seconds=told.spent if state.status == "done" else None,
        device=state.device or str(environment.get("device") or ""),
        memory=memory if isinstance(memory, int) else 0,
        samples=samples_said(state.log),
        is_from_here=content.get("folder") == str(folder),
        resumable=not settings.is_from_python,
        about=about,
    )


def seconds_spent(run: Run) -> float:
    """For which processes have been at work on it, the one that ended it and those before."""
    return _told(run.events_path).spent


def subject_of(settings: AnySettings) -> tuple[str, str]:
    """The network and the data that settings are about, by short names."""
    trained = training_of(settings)
    return _network(settings, trained), _data(settings, trained)


def size_of(folder: Path) -> int:
    """The bytes of all files below `folder`; links are not followed."""
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            try:
                found = os.lstat(os.path.join(parent, name))  # noqa: PTH118
            except OSError:
                continue
            total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


def run_folders(folder: str, depth: int) -> Iterator[tuple[str, Stamp]]:
    """The runs in `folder`, or the run that it is, each with what tells whether it has changed.

    Args:
        depth: of folders in which runs are looked for; hidden ones are passed over.
    """
    try:
        with os.scandir(folder) as found:
            inside = list(found)
    except OSError:
        return
    if _looks_like_run({each.name for each in inside}):
        yield folder, tuple(sorted(filter(None, map(_stamp, inside))))
        return
    for each in inside if depth else ():
        if not each.name.startswith(".") and is_folder(each.path):
            yield from run_folders(each.path, depth - 1)


def _looks_like_run(names: set[str]) -> bool:
    """Whether a folder with these names in it is a run's, be it half-written."""
    return RUN in names or (EVENTS in names and len(names & _TRACES) > 1)


def _stamp(file: os.DirEntry[str]) -> tuple[str, int, int] | None:
    if file.name not in TELLING:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return file.name, found.st_mtime_ns, found.st_size


def _check_described(path: Path) -> None:
    """Refuse a `run.json` that is none: a pipe would be waited for, a huge one read whole."""
    if not exists(path):
        raise IsolossError(f"it has no {path.name}: it was stopped before it began")
    check_readable(path)
    if not is_plain_file(path, _LARGEST_RUN):
        raise IsolossError(f"{path} is too large to be that of a run")


@dataclass
class _Told:
    """What the events of a run say; of very many the first and the last.

    Attributes:
        began: when the first of them was.
        spent: seconds for which processes have been at work on it.
    """

    state: RunState
    began: float = 0.0
    spent: float = 0.0


def _told(path: Path) -> _Told:
    told, process, last = _Told(RunState()), 0, 0.0
    for time, event in _events(path):
        told.began = told.began or max(time, 0.0)
        if isinstance(event, Started) and event.pid != process:
            process = event.pid
        elif process:
            told.spent += max(time - last, 0.0)
        if isinstance(event, Done | Paused | Failed):
            process = 0
        last = time
        told.state.take(event)
    if math.isfinite(told.state.seconds):  # of its last process, by a clock that does not jump
        told.spent = max(told.spent, told.state.seconds)
    return told


def _events(path: Path) -> Iterator[tuple[float, Event]]:
    if not is_plain_file(path, sys.maxsize):
        return
    try:
        with path.open("rb") as file:
            content = file.read(_HEAD + _TAIL)
            size = file.seek(0, os.SEEK_END)
            if size > _HEAD + _TAIL:
                file.seek(size - _TAIL)
                # The lines at either seam are cut short, and pass for damaged ones.
                content = content[:_HEAD] + b"\n" + file.read(_TAIL)
    except OSError:
        return
    for line in content[: content.rfind(b"\n") + 1].decode("utf-8", errors="replace").split("\n"):
        if (stamped := from_line(line)) is not None:
            yield stamped


def training_of(settings: AnySettings) -> TrainSettings | ImportSettings | None:
    """What the training run was asked for that a run is about, where there is one."""
    if isinstance(settings, TrainSettings | ImportSettings):
        return settings
    return trained_as(settings.networks[0])


def trained_as(source: Source) -> TrainSettings | ImportSettings | None:
    """What the training run was asked for that a network comes from, where there is one."""
    if source.kind not in ("run", "shipped"):
        return None
    try:
        if not is_plain_file(source.path / RUN, _LARGEST_RUN):
            return None
        asked = parse_settings(json.loads((source.path / RUN).read_bytes())["settings"])
    except (IsolossError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return asked if isinstance(asked, TrainSettings | ImportSettings) else None


def _network(settings: AnySettings, trained: TrainSettings | ImportSettings | None) -> str:
    if isinstance(trained, TrainSettings) and trained.task == "denoiser":
        return "denoiser"
    if trained is not None:
        return network_type(trained.model).label
    assert not isinstance(settings, TrainSettings | ImportSettings)
    known = settings.architecture
    return known.label if known is not None else settings.networks[0].label


def _data(settings: AnySettings, trained: TrainSettings | ImportSettings | None) -> str:
    text = settings.data or (trained.data if trained is not None else "")
    return data_set(text).label if text else ""


def samples_said(log: Sequence[str]) -> tuple[int, int] | None:
    """How many training and test samples a run has said that its data have."""
    about_data = (line for line in log if line.startswith(ABOUT_DATA))
    found = next(filter(None, map(_SAMPLES.search, about_data)), None)
    if found is None:
        return None
    train, test = (int(number.replace(",", "")) for number in found.groups())
    return train, test


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _damaged(folder: Path, error: Exception, **known: Any) -> Entry:
    """Of what cannot be opened, what `run.json` says all the same."""
    said = in_one_line(getattr(error, "strerror", None) or error)
    said = said.replace(f"{folder / RUN}", RUN).replace(f"{folder} ", "it ")
    kind, settings = "", {}
    try:
        _check_described(folder / RUN)
        content = json.loads((folder / RUN).read_bytes())["settings"]
        kind, settings = str(content.pop("kind", "")), dict(content)
    except (IsolossError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    began = _written(folder / RUN) or _written(folder)
    return Entry(folder, kind=kind, began=began, problem=said, settings=settings, **known)
