"""The runs of a sweep, begun together: beside each other, with a tag by which they are compared."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.library.about import About, tag, write_about
from isoloss.library.entry import Entry
from isoloss.paths import exists
from isoloss.run import Run
from isoloss.settings.sweep import Swept


@dataclass(frozen=True)
class Sweep:
    """The runs of a sweep, and the tag that they share."""

    tag: str
    folders: tuple[Path, ...]


def sweeps_in(entries: Sequence[Entry]) -> list[Sweep]:
    """The sweeps among runs: several with a tag by which their folders are called."""
    found: dict[tuple[Path, str], list[Path]] = {}
    for entry in entries:
        for name in entry.about.tags:
            if entry.folder.name.startswith(f"{name}-"):
                found.setdefault((entry.folder.parent, name), []).append(entry.folder)
    return [Sweep(tag, (*folders,)) for (_, tag), folders in found.items() if len(folders) > 1]


def sweep_folders(out: Path, runs: Sequence[Swept]) -> list[Path]:
    """Where each run goes: `out` with what tells it from the others."""
    return [out.with_name(f"{out.name}-{run.suffix}") for run in runs]


def create_sweep(out: Path, runs: Sequence[Swept]) -> list[Run]:
    """Make the folders of all runs of a sweep, or of none; those that are there are reused.

    Raises:
        IsolossError: if one holds something else, or cannot be written.
    """
    folders = sweep_folders(out, runs)
    new = [not exists(folder) for folder in folders]
    try:
        created = [Run.create(f, run.settings) for f, run in zip(folders, runs, strict=True)]
        for run in compress(created, new):
            write_about(run.folder, About(tags=(sweep_tag(out),)))
    except IsolossError:
        for folder in compress(folders, new):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return created


def sweep_tag(out: Path) -> str:
    """The tag of the runs of a sweep."""
    try:
        return tag("-".join(out.name.replace(",", " ").replace("'", " ").split()) or "sweep")
    except IsolossError:
        return "sweep"
