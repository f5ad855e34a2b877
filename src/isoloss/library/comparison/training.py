"""The training curves of one run, read as they are written."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

from isoloss.event_tail import EventTail
from isoloss.events import Done, Event, Failed, Metric, Paused, Progress, Started
from isoloss.files import is_plain_file
from isoloss.geometry.arrays import Array

Along = Literal["epoch", "step", "time"]
ALONG: dict[Along, str] = {"epoch": "epoch", "step": "step", "time": "minutes"}

_LARGEST = 1 << 30
"""Bytes of events; of more the curves are not read."""


@dataclass(frozen=True)
class TrainingCurves:
    """What a training run has reported so far.

    Attributes:
        columns: (N,) values by the names of `Metric`'s fields, epochs ascending; NaN where missing.
        seconds: (N,) of work that led there, without what was lost or waited for.
        steps_per_epoch: NaN where it is not known.
    """

    columns: dict[str, Array]
    seconds: Array
    steps_per_epoch: float

    def along(self, axis: Along) -> Array | None:
        """(N,) places on an axis; None where the run does not say."""
        match axis:
            case "epoch":
                return self.columns["epoch"]
            case "step":
                known = math.isfinite(self.steps_per_epoch)
                return self.columns["epoch"] * self.steps_per_epoch if known else None
            case "time":
                return self.seconds / 60 if np.isfinite(self.seconds).all() else None


class TrainingTail:
    """Reads the metrics of a run's events as they are appended."""

    def __init__(self, path: Path, epochs: int | None) -> None:
        """Args: epochs: that were asked for; None where nothing is trained."""
        self._path, self._epochs = path, epochs
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._tail = EventTail(self._path, self._is_wanted)
        self._points: list[tuple[Metric, float]] = []
        self._steps, self._pid, self._since, self._base = math.nan, 0, 0.0, math.nan
        self._size = 0
        self.curves: TrainingCurves | None = None

    def read(self) -> bool:
        """Take in what is new; returns whether anything is."""
        if not is_plain_file(self._path, _LARGEST):
            return False
        size = self._path.stat().st_size
        if size < self._size:  # another run lies there now
            self._begin_anew()
        if size == self._size:
            return False
        self._size = size
        for time, event in self._tail.read():
            self._take(time, event)
        if self._points:
            self.curves = self._as_arrays()
        return True

    def _is_wanted(self, line: str) -> bool:
        """Whether a line says more than how far a run is; only the first such line does."""
        if line.startswith('{"event": "progress"'):
            return math.isnan(self._steps)
        return not line.startswith('{"event": "log"')

    def _take(self, time: float, event: Event) -> None:
        match event:
            case Started() if event.pid != self._pid:
                self._pid, self._since, self._base = event.pid, time, math.nan
            case Done() | Paused() | Failed():
                self._pid = 0
            case Progress(unit="steps") if self._epochs:
                self._steps = event.total / self._epochs
            case Metric():
                # A resumed run repeats the step it was stopped in.
                while self._points and not self._points[-1][0].epoch < event.epoch:
                    self._points.pop()
                before = self._points[-1][1] if self._points else 0.0
                if math.isnan(self._base):
                    self._base = before
                spent = self._base + time - self._since if self._pid else math.nan
                self._points.append((event, max(spent, before)))  # clocks may jump back
            case _:
                pass

    def _as_arrays(self) -> TrainingCurves:
        return TrainingCurves(
            {
                field.name: np.array([getattr(m, field.name) for m, _ in self._points], np.float64)
                for field in fields(Metric)
            },
            np.array([seconds for _, seconds in self._points]),
            self._steps,
        )
