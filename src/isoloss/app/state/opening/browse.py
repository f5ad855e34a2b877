"""What a file browser lists: folders, and what can be opened in them. No imgui here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isoloss.geometry.files.reading import is_trajectory
from isoloss.paths import is_folder
from isoloss.run_folder import is_run
from isoloss.scene.session import SUFFIX as SESSION


@dataclass(frozen=True)
class Entry:
    """One line: a folder to enter, or a file or run folder to open."""

    path: Path
    kind: Literal["folder", "run", "file", "session"]
    size: int = 0


class Browser:
    """A folder, what is in it, and which entry is chosen."""

    def __init__(self, folder: Path, suffixes: Sequence[str]) -> None:
        self.suffixes = tuple(suffixes)
        self.folder = folder
        self.entries: list[Entry] = []
        self.chosen: Path | None = None
        self.problem = ""

    def enter(self, folder: Path) -> None:
        """Go to `folder`; what cannot be listed says so in `problem`."""
        self.folder, self.chosen = folder, None
        self.refresh()

    def refresh(self) -> None:
        """List the folder anew."""
        self.entries, self.problem = [], ""
        try:
            with os.scandir(self.folder) as found:
                entries = [e for e in (self._entry(f) for f in found) if e is not None]
        except OSError as error:
            self.problem = f"{self.folder} cannot be listed: {error.strerror or error}"
            return
        self.entries = sorted(entries, key=lambda e: (e.kind != "folder", e.path.name.lower()))

    def type_path(self, text: str) -> Path | None:
        """Take a typed path: a folder is entered, a file or run folder is given back to open."""
        try:
            path = Path(text).expanduser()
        except RuntimeError:  # "~nobody" has no home
            path = Path(text)
        path = path if path.is_absolute() else self.folder / path
        if is_folder(path) and not is_run(path):
            self.enter(Path(os.path.normpath(path)))
            return None
        return path

    def _entry(self, found: os.DirEntry[str]) -> Entry | None:
        if found.name.startswith("."):
            return None
        path = Path(found.path)
        try:
            if is_folder(found.path):
                return Entry(path, "run" if is_run(path) else "folder")
            if path.suffix.lower() in self.suffixes and not is_trajectory(path):
                kind = "session" if path.suffix == SESSION else "file"
                return Entry(path, kind, found.stat().st_size)
        except OSError:
            return None
        return None
