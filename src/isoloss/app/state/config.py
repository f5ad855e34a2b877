"""What the window remembers between sessions: layout, theme, recent files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.files import read_json, write_json
from isoloss.system.user_folders import config_folder

RECENT = 8


@dataclass
class Preferences:
    """Choices that outlive the session.

    Attributes:
        theme: "dark" or "light".
        font_scale: 1 is the size as designed.
        recent: absolute paths opened, newest first.
        hints: the first-run hints that have served their purpose.
        tour: the step at which the tour goes on.
        libraries: folders whose runs are listed beside those in the working folder's.
        desktop_notifications: whether the desktop tells of runs that end while nobody looks.
        nice_jobs: whether jobs leave the processors to other programs, the window among them.
    """

    theme: str = "dark"
    font_scale: float = 1.0
    recent: list[str] = field(default_factory=list[str])
    hints: list[str] = field(default_factory=list[str])
    tour: int = 0
    libraries: list[str] = field(default_factory=list[str])
    desktop_notifications: bool = True
    nice_jobs: bool = True

    @classmethod
    def load(cls) -> Preferences:
        """Read them; a missing or damaged file gives the defaults, never an error."""
        try:
            content = read_json(config_folder() / "preferences.json")
            defaults = cls()
            known = {
                f.name: content[f.name]
                for f in fields(cls)
                if isinstance(content.get(f.name), type(getattr(defaults, f.name)))
            }
        except (IsolossError, AttributeError):
            return cls()
        loaded = cls(**known)
        loaded.theme = loaded.theme if loaded.theme in ("dark", "light") else "dark"
        loaded.font_scale = min(max(loaded.font_scale, 0.6), 2.5)
        loaded.recent = [str(p) for p in loaded.recent][:RECENT]
        loaded.libraries = [str(p) for p in loaded.libraries]
        return loaded

    def save(self) -> None:
        """Write them; a folder that cannot be written costs the memory, not the session."""
        try:
            write_json(config_folder() / "preferences.json", json.loads(json.dumps(asdict(self))))
        except IsolossError:
            return

    def remember(self, path: Path) -> None:
        """Put `path` first among the recent ones."""
        name = str(path)
        self.recent = [name, *(p for p in self.recent if p != name)][:RECENT]
        self.save()
