"""How much detail a moving picture can afford: found out from what the last pictures took."""

from __future__ import annotations

from dataclasses import dataclass

TARGET = 0.014
"""Seconds that a picture of something moving should take, so that with the rest of a window's
frame it follows the pointer."""


@dataclass(frozen=True)
class Detail:
    """What a quick picture is drawn with.

    Attributes:
        points: about how many vertices an axis of a surface gets.
        fraction: of the pixels, each way.
    """

    points: int
    fraction: float


LADDER = (
    Detail(500, 1.0),
    Detail(350, 1.0),
    Detail(250, 1.0),
    Detail(180, 1.0),
    Detail(144, 1.0),
    Detail(112, 1.0),
    Detail(96, 0.85),
    Detail(80, 0.72),
    Detail(64, 0.62),
    Detail(48, 0.55),
)
"""From fine to coarse, each step about a quarter cheaper than the one before: first fewer vertices,
which is hardly seen on what moves, then fewer pixels too."""

_CHEAPER = 0.75
_PATIENCE = 6  # pictures at one step before a finer one is tried
_LONGEST = 240  # pictures after a finer step that was too much


class DetailControl:
    """Walks the ladder so that pictures take about `target` seconds.

    It goes down as soon as pictures are too slow, and up only where the next step promises to be
    fast enough; a step up that had to be taken back is tried again later and later.
    """

    def __init__(self, step: int, target: float = TARGET) -> None:
        self.step, self.target = step, target
        self._smooth: float | None = None
        self._seen, self._wait = 0, _PATIENCE
        self._rose = False

    @property
    def detail(self) -> Detail:
        """What the next picture is to be drawn with."""
        return LADDER[self.step]

    def took(self, seconds: float) -> None:
        """Take account of a picture drawn with `detail`."""
        # One picture held up by something else says little; a second one counts.
        steady = seconds if self._smooth is None else min(seconds, 2.5 * self._smooth)
        self._smooth = steady if self._smooth is None else 0.6 * self._smooth + 0.4 * steady
        self._seen += 1
        if self._smooth > 1.2 * self.target:
            self._go_down(self._smooth / self.target)
        elif self._seen >= self._wait and self._smooth < 0.95 * _CHEAPER * self.target:
            self._go(self.step - 1)
            self._rose = True

    def _go_down(self, excess: float) -> None:
        self._wait = min(4 * self._wait, _LONGEST) if self._rose else _PATIENCE
        self._rose = False
        steps = 1
        while excess * _CHEAPER**steps > 1.1:
            steps += 1
        self._go(self.step + steps)

    def _go(self, step: int) -> None:
        step = min(max(step, 0), len(LADDER) - 1)
        if step != self.step:
            self._smooth, self._seen = None, 0
        self.step = step
