"""Progress events of long work, not too many of them."""

from __future__ import annotations

import time

from isoloss.events import Progress

INTERVAL = 0.1
"""Seconds that at least lie between two events."""


class ProgressRate:
    """Turns counts of finished units into progress events with their rate.

    Args:
        stage: what the work is called.
        total: units in all; may be changed as more is known.
        unit: what is counted, in the plural.
        done: units that were finished before.
    """

    def __init__(self, stage: str, total: int, unit: str, done: int = 0) -> None:
        self._stage, self.total, self._unit = stage, total, unit
        self._first = done
        self._started = self._reported = time.monotonic()

    def at(self, done: int) -> Progress | None:
        """The event for `done` finished units; None if the last one was just now."""
        now = time.monotonic()
        if now - self._reported < INTERVAL and done < self.total:
            return None
        self._reported = now
        rate = (done - self._first) / max(now - self._started, 1e-9)
        return Progress(self._stage, done, self.total, round(rate, 3), self._unit)
