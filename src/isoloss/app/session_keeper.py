"""The session at hand: its file, whether it has changed since, and the one of last time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.app.config import config_folder
from isoloss.errors import IsolossError
from isoloss.scene.document import DocumentState
from isoloss.scene.session import SUFFIX, read_session, save_session

if TYPE_CHECKING:
    from isoloss.app.workspace import Workspace


class SessionKeeper:
    """Saves what is open in a workspace, and brings it back.

    Attributes:
        path: the file that was opened or saved last; None where there is none.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.path: Path | None = None
        self._saved: tuple[DocumentState, list[Path]] | None = None

    @property
    def name(self) -> str:
        """That of the file, without its suffix; "" where there is none."""
        return self.path.stem if self.path is not None else ""

    @property
    def has_changed(self) -> bool:
        """Whether anything is other than in the file."""
        return self.path is not None and self._saved != self._now()

    @property
    def has_content(self) -> bool:
        """Whether there is anything to save."""
        return bool(self.workspace.document.layers or self.workspace.curves.open)

    @staticmethod
    def last_path() -> Path:
        """Where the session is kept when the window closes."""
        return config_folder() / f"last{SUFFIX}"

    def open(self, path: Path) -> None:
        """Show what is in a session file in place of what is open, which undo brings back.

        Raises:
            IsolossError: it is no session, or nothing of what it names can be read.
        """
        workspace = self.workspace
        session = read_session(path)
        workspace.document.restore(session.document.state())
        workspace.document.active = session.document.active
        workspace.document.link()
        for curve in list(workspace.curves.open):
            workspace.close_curve(curve)
        for curve in session.curves:
            workspace.load(curve, remember=False)
        workspace.after_restoring()
        for line in session.missing:
            workspace.messages.say(f"Left out of {path.stem}: {line}", "warning")
        self._is_at(None if path == self.last_path() else path)
        if session.missing:
            self._saved = None

    def save(self, path: Path) -> bool:
        """Write what is open to a file; what is wrong becomes a notification."""
        try:
            self._write(path)
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")
            return False
        self._is_at(path)
        self.workspace.preferences.remember(path)
        self.workspace.messages.say(f"Saved {path}", "done")
        return True

    def keep(self) -> None:
        """Write what is open to where the next window finds it; an empty one is not kept."""
        if self.has_content:
            with suppress(IsolossError):
                self._write(self.last_path())

    def forget(self) -> None:
        """Belong to no file any more."""
        self.path = self._saved = None

    def _write(self, path: Path) -> None:
        save_session(self.workspace.document, path, self._curves())

    def _is_at(self, path: Path | None) -> None:
        self.path = path
        self._saved = None if path is None else self._now()

    def _now(self) -> tuple[DocumentState, list[Path]]:
        return self.workspace.document.state(), self._curves()

    def _curves(self) -> list[Path]:
        return [curve.source for curve in self.workspace.curves.open if curve.source is not None]
