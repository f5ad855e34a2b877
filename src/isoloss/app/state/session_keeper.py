"""The session at hand: its file, whether it has changed since, and the one of last time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.app.state.config import config_folder
from isoloss.app.state.session_words import in_words
from isoloss.errors import IsolossError
from isoloss.scene.document import DocumentState
from isoloss.scene.session import SUFFIX, read_session, save_session

if TYPE_CHECKING:
    from isoloss.app.state.workspace import Workspace


_State = tuple[DocumentState, list[Path], list[Path]]

EVERY = 20.0
"""Seconds between two times that what has changed is kept for after a crash."""


class SessionKeeper:
    """Saves what is open in a workspace, and brings it back.

    While a window is open, what it shows is kept in a file of its own, so that the session of the
    window before can still be restored from it; a crash leaves that file to the next window. Of
    several windows the one that has changed last has it.

    Attributes:
        path: the file that was opened or saved last; None where there is none.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.path: Path | None = None
        self._saved: _State | None = None
        self._kept: _State | None = None
        self._kept_at = -EVERY
        self._written = 0

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
        workspace = self.workspace
        open_beside = workspace.curves.open or workspace.evaluations.open
        return bool(workspace.document.layers or open_beside)

    @staticmethod
    def last_path() -> Path:
        """Where the session is kept when the window closes."""
        return config_folder() / f"last{SUFFIX}"

    @staticmethod
    def running_path() -> Path:
        """Where it is kept while the window is open."""
        return config_folder() / f"running{SUFFIX}"

    def open(self, path: Path) -> None:
        """Show what is in a session file in place of what is open, which undo brings back.

        Raises:
            IsolossError: it is no session, or nothing of what it names can be read.
        """
        workspace = self.workspace
        try:
            session = read_session(path)
        except IsolossError as error:
            raise IsolossError(in_words(str(error))) from error
        workspace.document.restore(session.document.state())
        workspace.document.active = session.document.active
        workspace.document.link()
        for curve in list(workspace.curves.open):
            workspace.close_curve(curve)
        for evaluation in list(workspace.evaluations.open):
            workspace.evaluations.close(evaluation)
        for source in [*session.curves, *session.evaluations]:
            workspace.load(source, remember=False)
        workspace.after_restoring()
        for line in session.missing:
            told = f"Left out of {path.stem}: {in_words(line)}"
            workspace.messages.say(told, "warning")
        self._is_at(None if path == self.last_path() else path)
        if session.missing:
            self._saved = None

    def save(self, path: Path) -> bool:
        """Write what is open to a file; what is wrong becomes a notification."""
        try:
            self._write(path)
        except IsolossError as error:
            self.workspace.messages.say(in_words(str(error)), "error")
            return False
        self._is_at(path)
        self.workspace.preferences.remember(path)
        self.workspace.messages.say(f"Saved {path}", "done")
        for line in self._gone():
            self.workspace.messages.say(
                f"Session {path.stem} will come back without {line}", "warning"
            )
        return True

    def keep(self) -> None:
        """Write what is open to where the next window finds it; an empty one is not kept."""
        if self.has_content:
            with suppress(IsolossError):
                self._write(self.last_path())
        with suppress(OSError):  # another window may have written there since
            if self.running_path().stat().st_mtime_ns == self._written:
                self.running_path().unlink()

    def keep_running(self, now: float, busy: bool) -> bool:
        """Keep what is open for after a crash, if it has changed; returns whether it was written.

        Layers that come or go are kept at once, the rest every `EVERY` seconds.

        Args:
            now: seconds, of any clock.
            busy: something is being dragged or moves by itself: later.
        """
        if busy or not self.has_content:
            return False
        state = self._now()
        if state == self._kept:
            return False
        if now - self._kept_at < EVERY and _files(state) == _files(self._kept):
            return False
        self._kept, self._kept_at = state, now
        try:
            self._write(self.running_path())
            self._written = self.running_path().stat().st_mtime_ns
        except (IsolossError, OSError):  # it is tried again when something has changed
            return False
        return True

    def recover(self) -> bool:
        """Make what a window that crashed has left the last session; returns whether there was."""
        try:
            self.running_path().replace(self.last_path())
        except OSError:
            return False
        return True

    def forget(self) -> None:
        """Belong to no file any more."""
        self.path = self._saved = None

    def _write(self, path: Path) -> None:
        save_session(self.workspace.document, path, self._curves(), self._evaluations())

    def _is_at(self, path: Path | None) -> None:
        self.path = path
        self._saved = None if path is None else self._now()

    def _now(self) -> _State:
        return self.workspace.document.state(), self._curves(), self._evaluations()

    def _gone(self) -> list[str]:
        """One line for each layer whose file is no longer there."""
        layers = self.workspace.document.layers
        sources = {x.name: x.source for x in layers if x.source is not None}
        sources |= {curve.stem: curve for curve in self._curves()}
        sources |= {folder.name: folder for folder in self._evaluations()}
        return [f"{name}: there is no file {at}" for name, at in sources.items() if not at.exists()]

    def _curves(self) -> list[Path]:
        return [curve.source for curve in self.workspace.curves.open if curve.source is not None]

    def _evaluations(self) -> list[Path]:
        return [evaluation.folder for evaluation in self.workspace.evaluations.open]


def _files(state: _State | None) -> object:
    """Which layers, curves and robustness runs there are."""
    return state and ([x.layer for x in state[0].layers], *state[1:])
