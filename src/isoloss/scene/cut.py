"""A line through the plane along which a surface is sliced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Point = tuple[float, float]
Span = tuple[float, float]


@dataclass(frozen=True)
class Cut:
    """From one point of the plane to another, both as (α, β)."""

    start: Point
    end: Point

    @property
    def direction(self) -> Point:
        """From the start to the end."""
        return self.end[0] - self.start[0], self.end[1] - self.start[1]

    @property
    def axis(self) -> int | None:
        """0 where only α changes along it, 1 where only β does, else None."""
        da, db = self.direction
        if (da == 0) == (db == 0):
            return None
        return 0 if db == 0 else 1

    def shifted(self, by: Point, alpha: Span, beta: Span) -> Cut:
        """Moved by `by`, as far as both ends stay inside of the box."""
        a = _room([self.start[0], self.end[0]], by[0], alpha)
        b = _room([self.start[1], self.end[1]], by[1], beta)
        return Cut((self.start[0] + a, self.start[1] + b), (self.end[0] + a, self.end[1] + b))

    def within(self, alpha: Span, beta: Span) -> Cut | None:
        """As much of it as lies inside of the box; None where nothing does."""
        near, far = 0.0, 1.0
        for at, d, (lo, hi) in zip(self.start, self.direction, (alpha, beta), strict=True):
            if d:
                one, other = sorted(((lo - at) / d, (hi - at) / d))
                near, far = max(near, one), min(far, other)
            elif not lo <= at <= hi:
                return None
        if near >= far:
            return None
        start = self.start if near == 0 else self._at(near, alpha, beta)
        return Cut(start, self.end if far == 1 else self._at(far, alpha, beta))

    def _at(self, fraction: float, alpha: Span, beta: Span) -> Point:
        (a, b), (da, db) = self.start, self.direction
        return _on(a, da, fraction, alpha), _on(b, db, fraction, beta)

    def mapped(self, place: Callable[[Point], Point]) -> Cut:
        """With both ends put through `place`."""
        return Cut(place(self.start), place(self.end))


def cut_through(point: Point, direction: Point, alpha: Span, beta: Span) -> Cut:
    """The line through `point` along `direction`, from one side of the box to the other.

    A point outside of the box is moved to its edge; without a direction the line runs along α.
    """
    point = min(max(point[0], alpha[0]), alpha[1]), min(max(point[1], beta[0]), beta[1])
    direction = direction if any(direction) else (1.0, 0.0)
    near, far = -float("inf"), float("inf")
    for at, d, (lo, hi) in zip(point, direction, (alpha, beta), strict=True):
        if d:
            one, other = sorted(((lo - at) / d, (hi - at) / d))
            near, far = max(near, one), min(far, other)
    ends = [
        (_on(point[0], direction[0], t, alpha), _on(point[1], direction[1], t, beta))
        for t in (near, far)
    ]
    return Cut(ends[0], ends[1])


def _on(at: float, d: float, t: float, span: Span) -> float:
    return min(max(at + t * d, span[0]), span[1]) if d else at


def _room(ends: list[float], by: float, span: Span) -> float:
    """`by`, or as much of it as leaves `ends` inside `span`."""
    return min(max(by, span[0] - min(ends)), span[1] - max(ends))
