"""From loss values to heights: linear or logarithmic, with the spikes held down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import (
    Tick,
    log_ticks,
    nice_ticks,
    number_label,
    power_label,
    round_below,
    told_apart,
)

DECADES_FOR_LOG = 1.7
"""From how many decades of (robust) range on the automatic scale is logarithmic."""

MOST_DECADES = 12.0
"""A logarithmic scale reaches no further than this above its bottom, but for more than spikes."""

_SPIKES = 0.1  # of the values, at most

_FEW = 0.01  # of the values may be zero, or next to it, on a scale that is logarithmic by itself

_KNEE_FOR_LINEAR = 12.0  # a signed scale is linear where nine tenths lie within that much

LARGEST = 8e307
"""Beyond, differences would overflow."""


@dataclass(frozen=True)
class HeightScale:
    """A monotone map from values in [lo, hi] onto heights in [0, 1].

    Attributes:
        kind: "linear" or "log".
        lo, hi: the clamp range in units of the value; `lo < hi`, and `0 < lo` when logarithmic.
    """

    kind: Literal["linear", "log"]
    lo: float
    hi: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lo) and math.isfinite(self.hi) and self.lo < self.hi):
            raise ValueError(f"a height scale needs finite lo < hi, got {self.lo} and {self.hi}")
        if self.kind == "log" and self.lo <= 0:
            raise ValueError(f"a logarithmic height scale needs lo > 0, got {self.lo}")

    @classmethod
    def automatic(cls, loss: ArrayLike, log: bool | None = None) -> HeightScale:
        """The scale that shows `loss` best; NaN and ±inf are left out of account.

        Args:
            loss: values of any shape.
            log: None decides by the range; True or False insists, as far as the values allow.
        """
        values = np.asarray(loss, np.float64).ravel()
        values = np.clip(values[np.isfinite(values)], -LARGEST, LARGEST)
        if values.size == 0:
            return cls("linear", 0.0, 1.0)
        lo, hi = float(values.min()), float(values.max())
        positive = values[values > 0]
        if log is None:
            log = _are_positive(values) and _decades(positive) >= DECADES_FOR_LOG
        if log and positive.size:
            return cls("log", *_log_range(positive))
        if hi - lo <= 1e-12 * max(abs(hi), abs(lo)):
            return cls("linear", *_around(lo))
        return cls("linear", lo, _without_spikes(values, lo, hi))

    @classmethod
    def covering(cls, scales: list[HeightScale], log: bool | None = None) -> HeightScale:
        """The smallest scale that holds all of `scales`.

        Args:
            log: None makes it logarithmic where every one of them is, or where they span decades
                together; False leaves it linear, True asks for what each of them was asked for.
        """
        if not scales:
            return cls("linear", 0.0, 1.0)
        lo, hi = min(s.lo for s in scales), max(s.hi for s in scales)
        together = log is None and lo > 0 and math.log10(hi) - math.log10(lo) >= DECADES_FOR_LOG
        is_log = together or all(s.kind == "log" for s in scales)
        return cls("log" if is_log else "linear", lo, hi)

    @property
    def words(self) -> str:
        """What the scale is, after the name of what it shows; "" where that goes without saying."""
        return "log" if self.kind == "log" else ""

    def apply(self, values: ArrayLike) -> Array:
        """Heights in [0, 1] of the same shape; NaN stays NaN, ±inf clamp to the ends."""
        values = np.clip(np.asarray(values, np.float64), self.lo, self.hi)
        if self.kind == "log":
            bottom = math.log(self.lo)
            return (np.log(values) - bottom) / (math.log(self.hi) - bottom)
        return (values - self.lo) / (self.hi - self.lo)

    def beyond(self, values: ArrayLike) -> NDArray[np.int8]:
        """1 where a value lies above the scale and is clamped, -1 below it, 0 inside; NaN is 0."""
        return _beyond(self, values)

    def invert(self, heights: ArrayLike) -> Array:
        """The values at `heights` in [0, 1]; the inverse of `apply` inside the range."""
        heights = np.asarray(heights, np.float64)
        if self.kind == "log":
            decades = math.log(self.hi) - math.log(self.lo)
            near_lo = self.lo * np.exp(np.minimum(heights, 0.5) * decades)
            near_hi = self.hi * np.exp((np.maximum(heights, 0.5) - 1) * decades)
            return np.where(heights < 0.5, near_lo, near_hi)
        return self.lo + heights * (self.hi - self.lo)

    def ticks(self, count: int = 6) -> list[Tick]:
        """About `count` round values inside [lo, hi], ascending, with their labels."""
        if self.kind == "linear":
            return nice_ticks(self.lo, self.hi, count)
        return log_ticks(self.lo, self.hi, count)

    def label(self, value: float, digits: int = 3) -> str:
        """`value`, with as many digits as tell it from others on this scale."""
        return told_apart(value, self.hi - self.lo, digits)


@dataclass(frozen=True)
class SignedScale:
    """A map from [-most, most] onto [0, 1] with 0 in its middle, for values of either sign.

    It is asinh(v / knee), scaled: linear below the knee and logarithmic above it (the stretch of
    Lupton, Gunn and Szalay 1999); a knee far above `most` makes it linear.

    Attributes:
        most: the largest magnitude shown, > 0.
        knee: where the logarithm begins, > 0.
    """

    most: float
    knee: float

    def __post_init__(self) -> None:
        if not (0 < self.most < math.inf and 0 < self.knee < math.inf):
            raise ValueError(f"a signed scale needs most, knee > 0, got {self.most}, {self.knee}")

    @classmethod
    def automatic(cls, values: ArrayLike, log: bool | None = None) -> SignedScale:
        """The scale that shows `values` best, spikes aside.

        Args:
            values: of any shape; NaN and ±inf are left out of account.
            log: None decides by how far the large magnitudes are from the ordinary ones.
        """
        sizes = np.abs(np.asarray(values, np.float64).ravel())
        sizes = np.minimum(sizes[np.isfinite(sizes)], LARGEST)
        if sizes.size == 0 or sizes.max() < 1e-300:
            return cls(1.0, 1e3)
        most = _without_spikes(sizes, 0.0, float(sizes.max()))
        usual = float(np.quantile(sizes, 0.3))
        is_log = most > _KNEE_FOR_LINEAR * usual if log is None else log
        return cls(most, max(usual, 1e-7 * most) if is_log else 1e3 * most)

    @property
    def lo(self) -> float:
        """The lowest value shown."""
        return -self.most

    @property
    def hi(self) -> float:
        """The highest value shown."""
        return self.most

    @property
    def kind(self) -> Literal["linear", "log"]:
        """ "log" where the knee lies inside the range."""
        return "log" if self.knee < self.most else "linear"

    @property
    def words(self) -> str:
        """What the scale is, after the name of what it shows; "" where that goes without saying."""
        return "signed log" if self.kind == "log" else ""

    def beyond(self, values: ArrayLike) -> NDArray[np.int8]:
        """1 where a value lies above the scale and is clamped, -1 below it, 0 inside; NaN is 0."""
        return _beyond(self, values)

    def label(self, value: float, digits: int = 3) -> str:
        """`value`, with as many digits as tell it from others on this scale."""
        return told_apart(value, self.most, digits)

    def apply(self, values: ArrayLike) -> Array:
        """Positions in [0, 1]; NaN stays NaN, what lies outside clamps to the ends."""
        values = np.clip(np.asarray(values, np.float64), -self.most, self.most)
        return 0.5 + 0.5 * np.arcsinh(values / self.knee) / math.asinh(self.most / self.knee)

    def invert(self, heights: ArrayLike) -> Array:
        """The values at positions in [0, 1]."""
        heights = np.asarray(heights, np.float64)
        return self.knee * np.sinh((2 * heights - 1) * math.asinh(self.most / self.knee))

    def ticks(self, count: int = 6) -> list[Tick]:
        """Zero and round values on both sides of it, ascending."""
        if self.kind == "linear":
            return nice_ticks(-self.most, self.most, count)
        first, last = math.ceil(math.log10(self.knee)), math.floor(math.log10(self.most) + 1e-9)
        step = max(1, math.ceil((last - first + 1) / max(count // 2, 1)))
        sizes = [float(f"1e{e}") for e in range(last, first - 1, -step)]
        sizes = sizes or [round_below(self.most)]
        # Zero is what such a scale is about: what lies too near to it has no label.
        sizes = [v for v in sizes if self.apply(v) - 0.5 > 0.5 / count] or sizes[:1]
        values = [-v for v in sizes] + [0.0] + sizes[::-1]
        as_powers = len(sizes) > 1 and (sizes[-1] < 1e-3 or sizes[0] > 1e3)
        return [Tick(v, _signed_power(v) if as_powers and v else number_label(v)) for v in values]


def _signed_power(value: float) -> str:
    return ("−" if value < 0 else "") + power_label(abs(value))


def with_scale(name: str, scale: HeightScale | SignedScale) -> str:
    """The name of what a scale shows, and what the scale is: "loss, log"."""
    return f"{name}, {scale.words}" if scale.words else name


def clamped(scale: HeightScale | SignedScale, side: Literal["<", ">"]) -> str:
    """What is said of values beyond an end of their scale."""
    return f"{side} {scale.label(scale.lo if side == '<' else scale.hi)}: clamped"


def _beyond(scale: HeightScale | SignedScale, values: ArrayLike) -> NDArray[np.int8]:
    values = np.asarray(values, np.float64)
    ends = scale.lo, scale.hi
    slack = [abs(e) if scale.kind == "log" else scale.hi - scale.lo for e in ends]
    above, below = values > scale.hi + 1e-9 * slack[1], values < scale.lo - 1e-9 * slack[0]
    return above.astype(np.int8) - below.astype(np.int8)


def _are_positive(values: Array) -> bool:
    """Whether all values are, but for a few that are zero or hardly below it: the losses of batches
    that are fitted perfectly, and rounding."""
    positive, others = values[values > 0], values[values <= 0]
    if not positive.size or others.size > max(1, _FEW * values.size):
        return False
    return bool(-others.min(initial=0.0) <= np.median(positive))


def _decades(positive: Array) -> float:
    """Decades between the lowest and the 99th percentile: one spike does not make a scale log."""
    return math.log10(float(np.quantile(positive, 0.99))) - math.log10(float(positive.min()))


def _log_range(positive: Array) -> tuple[float, float]:
    """From the lowest value, whatever it is, for a valley is what one looks for; to the highest one
    but for spikes."""
    logs = np.log10(positive)
    bottom, highest = float(logs.min()), float(logs.max())
    reach = max(bottom + MOST_DECADES, float(np.quantile(logs, 1 - _SPIKES)))
    top = min(_without_spikes(logs, bottom, highest), reach)
    if top - bottom < 1e-9:
        return max(10.0 ** (bottom - 0.5), 5e-324), 10.0 ** min(top + 0.5, 308.0)
    return float(positive.min()), float(positive.max()) if top == highest else 10.0**top


def _without_spikes(values: Array, lo: float, hi: float) -> float:
    """The top of the range: `hi`, unless the last percent of the values lies far above the rest.

    Half as high again as the 99th percentile keeps the body of the surface at two thirds of the
    height or more, and a landscape that merely steepens towards its corners is left whole.
    """
    most = float(np.quantile(values, 0.99))
    body = most - lo
    if body <= 1e-12 * max(abs(lo), abs(most)):  # less than one percent differs at all:
        return hi  # that is what there is to see
    return min(hi, lo + 1.5 * body) if hi - lo > 2.5 * body else hi


def _around(value: float) -> tuple[float, float]:
    """A range with a constant in its middle."""
    half = 0.5 * abs(value) if value else 0.5
    half = min(max(half, 1e-300), 1e306)
    return value - half, value + half
