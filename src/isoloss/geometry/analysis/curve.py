"""A curve, ready to be plotted: the loss along one direction, its error and the accuracy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.analysis.barrier import Barrier, barrier_of, barriers_in_words
from isoloss.geometry.analysis.quantities import quantities_of
from isoloss.geometry.arrays import Array
from isoloss.geometry.height import LARGEST, HeightScale
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label, range_label

CONFIDENCE = 1.96
"""Standard errors on either side that hold 95 % of a normal distribution."""


@dataclass(frozen=True)
class Landmark:
    """A place on the curve that has a meaning, such as a trained network."""

    alpha: float
    label: str


@dataclass(frozen=True)
class Beside:
    """Other losses of the same samples at the same points: (n,), NaN where they are not finite."""

    title: str
    loss: Array


@dataclass(frozen=True, repr=False)
class Curve:
    """What has been computed of a curve.

    Attributes:
        alpha: (n,) the points that have been computed, increasing.
        loss: (n,) mean loss; NaN where it is not finite, so that the line breaks there.
        low, high: (n,) the ends of the 95 % interval; those of a point without an error are its
            loss.
        accuracy: (n,) in percent; NaN where there is none.
        span: (first, last) α of the whole curve, computed or not.
        landmarks: at α = 0, and at α = 1 where another network is.
        scale: the range of the losses, logarithmic where they span decades.
        barrier: of an interpolation, where it was measured.
        beside: further quantities; called: what the loss itself is called beside them.
        barriers: what there is to say of barriers, in words, by what they are of.
    """

    alpha: Array
    loss: Array
    low: Array
    high: Array
    accuracy: Array
    span: tuple[float, float]
    landmarks: tuple[Landmark, ...]
    scale: HeightScale
    barrier: Barrier | None = None
    beside: tuple[Beside, ...] = ()
    called: str = "loss"
    barriers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        known = self.loss[np.isfinite(self.loss)]
        said = f", loss {range_label(known.min(), known.max())}" if len(known) else ""
        return f"<Curve: {len(self.alpha):,} points, α {range_label(*self.span)}{said}>"

    @property
    def has_band(self) -> bool:
        """Whether any point has an error to be shown."""
        return bool((self.high > self.low).any())

    @property
    def has_accuracy(self) -> bool:
        """Whether any point has an accuracy."""
        return bool(np.isfinite(self.accuracy).any())

    def limits(self, *, log: bool) -> tuple[float, float]:
        """The loss axis that holds loss and band with a little air, all of it above 0 if `log`."""
        values = np.concatenate([self.loss, self.low, self.high, *(b.loss for b in self.beside)])
        values = values[np.isfinite(values) & ((values > 0) if log else True)]
        values = np.clip(values, -LARGEST, LARGEST)
        if not len(values):
            return (0.1, 1.0) if log else (0.0, 1.0)
        if log:
            # A band that reaches down to zero has no lower end to show.
            least = self.loss[self.loss > 0].min(initial=float(values.max()))
            bottom = max(float(values.min()), 0.3 * float(least))
            return with_air(bottom, float(values.max()), log=True)
        return with_air(float(values.min()), float(values.max()), log=False)

    def nearest(self, alpha: float) -> int | None:
        """The index of the computed point nearest to `alpha`; None while there is none."""
        return int(np.abs(self.alpha - alpha).argmin()) if len(self.alpha) else None

    def readout(self, index: int) -> list[tuple[str, str]]:
        """What there is to say of one point: (name, value)."""
        loss = number_label(float(self.loss[index]), 4)
        error = float(self.high[index] - self.low[index]) / (2 * CONFIDENCE)
        if error > 0:
            loss += f" ± {number_label(error, 2)}"
        lines = [("α", number_label(float(self.alpha[index]), 4)), ("loss", loss)]
        for other in self.beside:
            lines.append((other.title, number_label(float(other.loss[index]), 4)))
        if np.isfinite(self.accuracy[index]):
            lines.append(("accuracy", f"{self.accuracy[index]:.1f} %"))
        return lines


def with_air(low: float, high: float, *, log: bool) -> tuple[float, float]:
    """An axis that holds values from `low` to `high`, if `log` above 0, with a little air."""
    if log:
        air = math.exp(0.06 * max(math.log(high) - math.log(low), math.log(1.1)))
        return max(low / air, 5e-324), min(max(high * air, 1e-323), 2 * LARGEST)
    air = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    return low - air, high + air


def curve_of(surface: Surface) -> Curve:
    """The curve that `surface`, of shape (A, 1), holds.

    Raises:
        ValueError: if it has more than one β.
    """
    if not surface.is_curve:
        raise ValueError(f"a curve has one β, not {surface.shape[1]}")
    there = surface.computed[:, 0]
    loss = surface.loss[there, 0]
    loss = np.where(np.isfinite(loss), loss, np.nan)
    stderr = surface.loss_stderr[there, 0]
    reach = CONFIDENCE * np.where(np.isfinite(stderr), stderr, 0.0)
    return Curve(
        alpha=surface.alpha[there],
        loss=loss,
        low=loss - reach,
        high=loss + reach,
        accuracy=100 * surface.accuracy[there, 0],
        span=(float(surface.alpha[0]), float(surface.alpha[-1])),
        landmarks=_landmarks(surface),
        scale=HeightScale.automatic(loss),
        barrier=barrier_of(surface),
        beside=tuple(_beside(surface, there)),
        called="straight line" if "path" in quantities_of(surface) else "loss",
        barriers=barriers_in_words(surface),
    )


def _beside(surface: Surface, there: NDArray[np.bool_]) -> Iterator[Beside]:
    for name, title in quantities_of(surface).items():
        loss = surface.columns[name][there, 0]
        yield Beside(title, np.where(np.isfinite(loss), loss, np.nan))


def _landmarks(surface: Surface) -> tuple[Landmark, ...]:
    """Where the networks are that made the curve, named by `meta["start"]` and `meta["end"]`."""
    from isoloss.settings.plane_kinds import plane_kind

    meta = surface.meta
    kind = plane_kind(meta.get("plane"))
    if kind.joins_networks:
        found = [(0.0, meta.get("start") or "start"), (1.0, meta.get("end") or "end")]
    else:
        found = [(0.0, meta.get("start") or "network")]
    first, last = surface.alpha[0], surface.alpha[-1]
    return tuple(Landmark(a, str(label)) for a, label in found if first <= a <= last)
