"""How surfaces come to new shapes: smoothly, or at once where cells come in as a stream."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from isoloss.scene.layer import SurfaceLayer

APPROACH = 0.15
"""Seconds in which a surface moves from the shape that was shown to its new one."""
FLUENT = 0.25
"""Seconds: readings closer together than this show new cells at once, without a transition, if they
bring `STREAM` cells a second."""
STREAM = 8.0
"""Cells a second: the least for which that is so."""


class Approach:
    """Moves surfaces to the shapes they are to have.

    Attributes:
        seconds: in which they get there; 0 where pictures take too long for that.
    """

    def __init__(self) -> None:
        self.seconds = APPROACH
        self._moved = time.monotonic()

    def move(self, layers: Iterable[SurfaceLayer], now: float | None = None) -> bool:
        """Let `layers` come nearer to their new shapes; returns whether any is still on its way."""
        now = time.monotonic() if now is None else now
        # The time since an idle window's last frame must not become a jump.
        elapsed = min(max(now - self._moved, 0.0), self.seconds / 4)
        step = elapsed / self.seconds if self.seconds else 1.0
        self._moved = now
        under_way = False
        for layer in layers:
            layer.approach = min(layer.approach + step, 1.0)
            under_way |= layer.approach < 1
        return under_way


class Flow:
    """Whether cells come in as a stream."""

    def __init__(self) -> None:
        self._last = self._until = -math.inf

    def feed(self, now: float, cells: int, period: float) -> None:
        """So many `cells` are new at the time `now`, where they are read every `period`."""
        gap, self._last = now - self._last, now
        close = gap < max(FLUENT, 2.5 * period)
        self._until = now + 4 * max(FLUENT, period) if close and cells >= STREAM * gap else now

    def is_fluent(self, now: float) -> bool:
        """Whether each reading brings a small step, which is best shown at once."""
        return now < self._until
