"""Undo and redo in the window: when a change is over, and so becomes a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from isoloss.app.state.workspace import Workspace
from isoloss.scene.document import DocumentState, ViewState
from isoloss.scene.history import History

SETTLE, STILL = 0.3, 5
"""Seconds, and frames where they are slow, after the last notch of the wheel until a burst of them
is over."""


class Steps:
    """Shows the document to its history once a frame.

    Attributes:
        under_way: what may be moving towards where a step ends: asked each frame.
        is_playing: whether the epoch moves on by itself; where it stops is one step.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.under_way: list[Callable[[], bool]] = []
        self.is_playing: Callable[[], bool] = lambda: False
        self._history = History(self._state())
        self._settled = 0.0
        self._still = STILL

    @property
    def undoes(self) -> str:
        """What undo would take back; "" if there is nothing."""
        return self._history.undoes

    @property
    def redoes(self) -> str:
        """What redo would bring back; "" if there is nothing."""
        return self._history.redoes

    def watch(self, now: float, *, held: bool, wheel: bool) -> None:
        """Take note of what has changed by the end of a frame.

        Args:
            now: seconds, of any clock.
            held: a mouse button is down, or a control is being used.
            wheel: the wheel has turned in this frame.
        """
        self._still += 1
        if wheel:
            self._settled, self._still = now + SETTLE, 0
        bursting = now < self._settled or self._still < STILL
        busy = held or bursting or any(ask() for ask in self.under_way)
        state = self._state()
        if self.is_playing():
            state = _with_epochs_of(self._history.state, state)
        self._history.watch(state, busy)

    def take_in(self, change: Callable[[], object]) -> None:
        """Let the program change the document by itself: that is no step."""
        before = self._state()
        change()
        after = self._state()
        if after != before:
            self._history.absorb(before, after)

    def undo(self) -> None:
        """Take back the last step; a burst that has just ended is one."""
        self._history.watch(self._state())
        self._restore(self._history.undo())

    def redo(self) -> None:
        """Bring back the step undone last."""
        self._history.watch(self._state())
        self._restore(self._history.redo())

    def _restore(self, state: DocumentState | None) -> None:
        if state is not None:
            self.workspace.document.restore(state)
            self.workspace.after_restoring()

    def _state(self) -> DocumentState:
        document = self.workspace.document
        document.link()  # what follows from a change by the links is part of the same step
        return document.state()


def _with_epochs_of(other: DocumentState, state: DocumentState) -> DocumentState:
    """`state`, its epochs being those of `other`."""

    def view(mine: ViewState, theirs: ViewState) -> ViewState:
        appearance = replace(mine.appearance, epoch=theirs.appearance.epoch)
        return replace(mine, appearance=appearance)

    return replace(state, views=tuple(map(view, state.views, other.views)))
