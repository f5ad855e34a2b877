"""The runs in any number of folders, kept in step with the disk: only what has changed is read."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.library.about import About, read_kept, write_about
from isoloss.library.entry import Entry
from isoloss.library.key_figures import figure_names
from isoloss.library.reading import read_entry, run_folders
from isoloss.library.trash import to_trash
from isoloss.paths import is_folder
from isoloss.settings import KINDS
from isoloss.version import __version__

DEPTH = 3
"""So many folders deep runs are looked for."""
PARTLY = 0.5
"""Seconds after which a first scan shows what it has so far."""
_Stamp = tuple[Any, ...]


class Library:
    """All runs below some folders, newest first.

    Attributes:
        folders: in which they are looked for.
        entries: the runs found by the last scan.
        version: grows whenever they change.
        is_whole: whether all have been looked at once.
    """

    def __init__(self, folders: Iterable[Path], cache: Path | None = None) -> None:
        """Args: cache: a folder in which is kept what was read, so that the next one reads less."""
        self.folders = [folder.expanduser().absolute() for folder in folders]
        self.entries: tuple[Entry, ...] = ()
        self.version = 0
        self._cache = None if cache is None else cache / f"runs-{_digest(self.folders)}.jsonl"
        self._read: dict[str, tuple[_Stamp, Entry]] = {}
        self._is_cached = cache is None
        self._has_unkept = False
        self.is_whole = False

    def of(self, folder: Path) -> Entry | None:
        """The entry of the run in `folder`."""
        return next((entry for entry in self.entries if entry.folder == folder), None)

    def describe(self, folder: Path, about: About) -> None:
        """Keep what a person says of a run, and show it at once.

        Raises:
            IsolossError: if it can be written nowhere.
        """
        write_about(folder, about)
        self.entries = tuple(
            replace(entry, about=about) if entry.folder == folder else entry
            for entry in self.entries
        )
        self.version += 1

    def discard(self, folder: Path) -> None:
        """Move a run to the trash.

        Raises:
            IsolossError: if a process is at work on it, or there is no trash that takes it.
        """
        to_trash(folder)
        self.entries = tuple(entry for entry in self.entries if entry.folder != folder)
        self.version += 1

    def scan(self, pause: Callable[[], object] = lambda: None) -> bool:
        """Find the runs, and read those that are new or have changed; returns whether any has.

        Args:
            pause: called after each run, so that a thread that scans leaves others their turn.
        """
        self._recall(pause)
        kept, shown = read_kept(), time.monotonic()
        found: dict[str, tuple[_Stamp, Entry]] = {}
        for folder in self.folders:
            for path, files in run_folders(str(folder), DEPTH):
                if path in found:
                    continue
                stamp = (files, json.dumps(kept.get(path), sort_keys=True))
                known = self._read.get(path)
                if known is None or known[0] != stamp or known[1].state == "running":
                    known = stamp, read_entry(Path(path), kept)
                found[path] = known
                pause()
                if not self.is_whole and time.monotonic() - shown > PARTLY:
                    self._show(found)
                    shown = time.monotonic()
        changed = found != self._read
        if changed or not self.is_whole:
            self._has_unkept |= changed
            self.is_whole, self._read = True, found
            self._show(found)
        return changed

    def _show(self, found: Mapping[str, tuple[_Stamp, Entry]]) -> None:
        self.entries = _in_order(entry for _, entry in found.values())
        self.version += 1

    def keep(self, pause: Callable[[], object] = lambda: None) -> None:
        """Write what was read into the cache; one that cannot be written costs the next start."""
        if self._cache is None or not self._has_unkept:
            return
        self._has_unkept = False
        lines = [json.dumps(_origin())]
        for stamp, entry in self._read.values():
            lines.append(json.dumps([stamp, entry.as_json()]))
            pause()
        content = "\n".join(lines)
        with suppress(IsolossError):
            write_atomic(self._cache, lambda path: path.write_text(content, encoding="utf-8"))

    def _recall(self, pause: Callable[[], object]) -> None:
        if self._is_cached or self._cache is None:
            return
        self._is_cached = True
        try:
            origin, *lines = self._cache.read_text(encoding="utf-8").split("\n")
            if json.loads(origin) != _origin():
                return
            for line in lines:
                stamp, content = json.loads(line)
                files, about = stamp
                whole = tuple((name, time, size) for name, time, size in files), about
                entry = Entry.from_json(content)
                self._read[str(entry.folder)] = whole, entry
                pause()
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            self._read.clear()


def _digest(folders: Sequence[Path]) -> str:
    return hashlib.sha256(b"\n".join(map(os.fsencode, folders))).hexdigest()[:16]


def _origin() -> list[Any]:
    """What must be the same for what was kept to mean the same."""
    fields = (name for model in KINDS.values() for name in model.model_fields)
    return [__version__, *sorted(figure_names()), *fields]


def _in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Newest first, each with what differs from the one of its kind before it."""
    before: dict[str, Entry] = {}
    told: list[Entry] = []
    for entry in sorted(entries, key=lambda e: (e.began, str(e.folder))):
        told.append(replace(entry, differs=_difference(before.get(entry.kind), entry)))
        if entry.kind:
            before[entry.kind] = entry
    return tuple(reversed(told))


def _difference(before: Entry | None, entry: Entry) -> dict[str, Any]:
    """The settings of `entry` that are others than those of the run before it."""
    if before is None or not before.settings:
        return {}
    return {k: v for k, v in entry.settings.items() if before.settings.get(k) != v}


def library_in(folders: Sequence[Path], cache: Path | None = None) -> Library:
    """The library of runs in `folders`, scanned.

    Raises:
        IsolossError: if one of them is none.
    """
    for folder in folders:
        if not is_folder(folder.expanduser()):
            raise IsolossError(f"there is no folder {folder} with runs: name another")
    library = Library(folders, cache)
    library.scan()
    return library
