"""Playing the trajectories of a view: which epoch they are drawn up to, and how it moves on."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from isoloss.app.state.workspace import Workspace
from isoloss.geometry.arrays import Array
from isoloss.geometry.through_time import epochs_of
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.layer import SurfaceLayer

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
WHOLE = 10.0
"""Seconds in which the longest path is played at speed 1."""
REST = 1.0
"""Seconds for which a path that is played in a loop rests at its end."""
_LONGEST_STEP = 0.1
"""Seconds: after a frame that took longer the head does not jump ahead."""

Path = tuple[SurfaceLayer, int, Trajectory]
"""A trajectory, the layer it belongs to and its index there."""


class Playback:
    """Moves the epoch of the active view.

    Attributes:
        speed: 1 plays the whole path in ten seconds.
        loop: begin again at the end.
    """

    def __init__(self, workspace: Workspace, clock: Callable[[], float] = time.monotonic) -> None:
        self.workspace = workspace
        self.speed = 1.0
        self.loop = True
        self._clock = clock
        self._last = clock()
        self._rested = 0.0

    @property
    def playing(self) -> bool:
        """Whether it moves on by itself."""
        return self.workspace.playing

    @playing.setter
    def playing(self, on: bool) -> None:
        self.workspace.playing = on

    @property
    def layers(self) -> list[SurfaceLayer]:
        """Those whose time passes: of the active view, or of all that look alike."""
        document = self.workspace.document
        views = document.shown_views if document.links.look else [document.view]
        return [*dict.fromkeys(layer for view in views for layer in view.shown)]

    @property
    def paths(self) -> list[Path]:
        """The trajectories that are played."""
        if not self.workspace.appearance.trajectory:
            return []
        return [(layer, k, path) for layer in self.layers for k, path in layer.shown_trajectories]

    @property
    def _epochs(self) -> list[Array]:
        """Those of every trajectory and every surface through time that is played."""
        along = [epochs_of(layer.last) for layer in self.layers if layer.last is not None]
        return [*along, *(path.epoch for _, _, path in self.paths)]

    @property
    def span(self) -> tuple[float, float] | None:
        """(first, last) epoch of all that is played; None where there is nothing to play."""
        ends = [(float(epochs[0]), float(epochs[-1])) for epochs in self._epochs]
        if not ends:
            return None
        first, last = min(a for a, _ in ends), max(b for _, b in ends)
        return (first, last) if last > first else None

    @property
    def epoch(self) -> float | None:
        """The epoch that is shown; the last one where paths are drawn whole."""
        span = self.span
        if span is None:
            return None
        epoch = self.workspace.appearance.epoch
        return span[1] if epoch is None else min(max(epoch, span[0]), span[1])

    def go_to(self, epoch: float | None) -> None:
        """Draw the paths up to `epoch`; at their end, or with None, whole."""
        span = self.span
        if span is not None and epoch is not None:
            epoch = None if epoch >= span[1] else max(epoch, span[0])
        self.workspace.change(epoch=epoch)

    def toggle(self) -> None:
        """Play, from the beginning if at the end; or pause."""
        span = self.span
        self.playing = span is not None and not self.playing
        if self.playing and span is not None and self.epoch == span[1]:
            self.go_to(span[0])
        self._last, self._rested = self._clock(), 0.0

    def step(self, direction: int) -> None:
        """Go to the next checkpoint of any path, or to the one before."""
        epoch = self.epoch
        if epoch is None:
            return
        self.playing = False
        marks = np.unique(np.concatenate(self._epochs))
        marks = marks[marks > epoch + 1e-6] if direction > 0 else marks[marks < epoch - 1e-6]
        if len(marks):
            self.go_to(float(marks[0 if direction > 0 else -1]))

    def show_whole(self) -> None:
        """Stop, and draw the paths to their ends."""
        self.playing = False
        self.go_to(None)

    def advance(self) -> bool:
        """Move on by the time that has passed; returns whether it is playing."""
        now = self._clock()
        elapsed, self._last = min(now - self._last, _LONGEST_STEP), now
        span, epoch = self.span, self.epoch
        if not self.playing or span is None or epoch is None:
            self.playing = False
            return False
        if epoch >= span[1]:
            self._rested += elapsed
            if not self.loop:
                self.playing = False
            elif self._rested >= REST:
                self.go_to(span[0])
            return self.playing
        self._rested = 0.0
        self.go_to(epoch + elapsed * self.speed * (span[1] - span[0]) / WHOLE)
        return True

    def change_speed(self, step: int) -> None:
        """The next faster or slower speed."""
        k = min(max(SPEEDS.index(self.speed) + step, 0), len(SPEEDS) - 1)
        self.speed = SPEEDS[k]
