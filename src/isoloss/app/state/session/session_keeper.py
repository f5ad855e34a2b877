"""The session at hand: its file, whether it has changed since, and the one of last time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from isoloss.app.state.config import Preferences
from isoloss.app.state.messages import Messages
from isoloss.app.state.runs.evaluations import Evaluations
from isoloss.app.state.runs.open_curves import Curves
from isoloss.app.state.runs.run_comparison import RunComparison
from isoloss.app.state.session.session_words import in_words
from isoloss.errors import IsolossError
from isoloss.paths import exists
from isoloss.scene.document import Document, DocumentState
from isoloss.scene.files.session import SUFFIX, Compared, save_session
from isoloss.system.user_folders import config_folder

_State = tuple[DocumentState, list[Path], list[Path], Compared | None]

EVERY = 20.0
"""Seconds between two times that what has changed is saved for after a crash."""


class SessionKeeper:
    """Saves what is open; `opener` opens it again.

    While a window is open, what it shows is saved in a file of its own, so that the session of the
    window before can still be restored; a crash leaves that file to the next window. Of several
    windows the one that has changed last has it.

    Attributes:
        path: the file that was opened or saved last; None where there is none.
        write: writes a session file: the document, where to, the sources of curves and robustness
            runs, and the runs that are compared. Raises IsolossError.
    """

    def __init__(
        self,
        document: Document,
        curves: Curves,
        evaluations: Evaluations,
        comparison: RunComparison,
        preferences: Preferences,
        messages: Messages,
    ) -> None:
        self.path: Path | None = None
        self.write: Callable[[Document, Path, list[Path], list[Path], Compared | None], object] = (
            save_session
        )
        self._document, self._curves, self._evaluations = document, curves, evaluations
        self._comparison = comparison
        self._preferences, self._messages = preferences, messages
        self._saved: _State | None = None
        self._running: _State | None = None
        self._running_since = -EVERY
        self._running_file: object = None

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
        plots = self._curves.open or self._evaluations.open or self._comparison.is_of_any
        return bool(self._document.layers or plots)

    @staticmethod
    def last_path() -> Path:
        """Where the session is saved when the window closes."""
        return config_folder() / f"last{SUFFIX}"

    @staticmethod
    def running_path() -> Path:
        """Where it is saved while the window is open."""
        return config_folder() / f"running{SUFFIX}"

    def was_opened(self, path: Path, *, whole: bool) -> None:
        """What was in a session file is open; not all of it where it is not `whole`."""
        self._is_at(None if path == self.last_path() else path)
        if not whole:
            self._saved = None

    def save(self, path: Path) -> bool:
        """Write what is open to a file; what is wrong becomes a notification."""
        try:
            self._write(path)
        except IsolossError as error:
            self._messages.say(in_words(str(error)), "error")
            return False
        self._is_at(path)
        self._preferences.remember(path)
        self._messages.say(f"Saved {path}", "done")
        for line in self._gone():
            self._messages.say(f"Session {path.stem} will come back without {line}", "warning")
        return True

    def keep(self) -> None:
        """Write what is open to where the next window finds it; nothing where nothing is."""
        if self.has_content:
            with suppress(IsolossError):
                self._write(self.last_path())
        with suppress(OSError):  # another window may have written there since
            if _identity(self.running_path()) == self._running_file:
                self.running_path().unlink()

    def keep_running(self, now: float, busy: bool) -> bool:
        """Save what is open for after a crash, if it has changed; returns whether it was written.

        Layers that come or go are saved at once, the rest every `EVERY` seconds.

        Args:
            now: seconds, of any clock.
            busy: something is being dragged or moves by itself: later.
        """
        if busy or not self.has_content:
            return False
        state = self._now()
        if state == self._running:
            return False
        if now - self._running_since < EVERY and _files(state) == _files(self._running):
            return False
        self._running, self._running_since = state, now
        try:
            self._write(self.running_path())
            self._running_file = _identity(self.running_path())
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
        self.write(self._document, path, *self._plots(), self._comparison.compared)

    def _is_at(self, path: Path | None) -> None:
        self.path = path
        self._saved = None if path is None else self._now()

    def _now(self) -> _State:
        return self._document.state(), *self._plots(), self._comparison.compared

    def _plots(self) -> tuple[list[Path], list[Path]]:
        """The sources of the open curves and robustness runs."""
        curves = [curve.source for curve in self._curves.open if curve.source is not None]
        return curves, [evaluation.folder for evaluation in self._evaluations.open]

    def _gone(self) -> list[str]:
        """One line for each layer whose file is no longer there."""
        curves, evaluations = self._plots()
        sources = {x.name: x.source for x in self._document.layers if x.source is not None}
        sources |= {curve.stem: curve for curve in curves}
        sources |= {folder.name: folder for folder in evaluations}
        return [f"{name}: there is no file {at}" for name, at in sources.items() if not exists(at)]


def _files(state: _State | None) -> object:
    """Which layers, curves and robustness runs there are."""
    return state and ([x.layer for x in state[0].layers], *state[1:3])


def _identity(path: Path) -> object:
    """What tells a file from another that has taken its place."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns
