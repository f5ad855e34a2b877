"""The barrier between two networks, as the curve of an interpolation keeps it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label


@dataclass(frozen=True)
class Barrier:
    """How far the loss rises above the straight line between the losses of two networks.

    Attributes:
        value: at its highest; 0 where it lies nowhere above that line.
        low, high: the ends of its interval of 95 % over samples.
        alpha: where it is highest.
        ends: the losses of the two networks.
    """

    value: float
    low: float
    high: float
    alpha: float
    ends: tuple[float, float]

    @property
    def in_short(self) -> str:
        """How high, and not where."""
        return str(self).partition(" at ")[0]

    @property
    def line(self) -> float:
        """The loss on the straight line where it is highest."""
        return (1 - self.alpha) * self.ends[0] + self.alpha * self.ends[1]

    def __str__(self) -> str:
        value = number_label(self.value)
        if self.low < self.high:
            value += f" ({number_label(self.low)} to {number_label(self.high)})"
        return f"{value} at α = {number_label(self.alpha)}"


def barrier_of(surface: Surface, name: str = "barrier") -> Barrier | None:
    """The barrier that a curve keeps under a name; None where none was measured."""
    said: Any = surface.meta.get(name)
    if not isinstance(said, dict):
        return None
    kept = cast("dict[str, Any]", said)
    try:
        value, low, high, alpha = (float(kept[k]) for k in ("value", "low", "high", "alpha"))
        first, last = map(float, kept["ends"])
    except (KeyError, TypeError, ValueError):
        return None
    if not all(map(math.isfinite, (value, low, high, alpha, first, last))):
        return None
    return Barrier(value, low, high, alpha, (first, last))


def barriers_in_words(surface: Surface) -> dict[str, str]:
    """{of what: how high, and where}: of the straight line, and where there is a path, of that too
    and by how much it is lower."""
    straight, path = barrier_of(surface), barrier_of(surface, "path_barrier")
    if straight is None:
        return {}
    if path is None:
        return {"barrier": str(straight)}
    found = {"straight": str(straight), "path": str(path)}
    said: Any = surface.meta.get("lower_by")
    if isinstance(said, dict):
        lower = cast("dict[str, Any]", said)
        value, low, high = (number_label(float(lower[k])) for k in ("value", "low", "high"))
        found["lower by"] = value if low == high else f"{value} ({low} to {high})"
    return found
