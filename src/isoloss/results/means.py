"""Numbers of several networks as mean and spread, and by how much two sets of them differ.

What a seed changes and what was measured with errors are told apart: the variance between runs is
the observed one less the mean of the runs' own, at least 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.analysis.student import LEVEL, quantile, two_sided, welch
from isoloss.geometry.arrays import Array
from isoloss.results.estimates import Estimate

Over = Literal["runs", "samples", ""]
"""What an interval is over: several runs; the samples of one; "" where there is none."""
How = Literal[
    "Welch's t", "paired by seed", "one run beside several", "paired by image",
    "independent samples", "no spread", "",
]  # fmt: skip


@dataclass(frozen=True)
class Mean:
    """What one quantity comes to in a set of runs.

    Attributes:
        count: of runs.
        value: the mean over them.
        low, high: its interval of 95 %, of Student's t over several runs; of a single run that over
            its samples. NaN where there is none.
        spread: the standard deviation between runs, as observed; NaN of a single one.
        within: the standard error of a run's own measurement, the root of the mean square; NaN
            where it is not known.
        between: what of the spread is not `within`, at least 0; NaN where that is not known.
        over: what the interval is over.
    """

    count: int
    value: float
    low: float
    high: float
    spread: float
    within: float
    between: float
    over: Over


@dataclass(frozen=True)
class Difference:
    """By how much one set lies above another.

    Attributes:
        value: the difference of the means.
        low, high: its interval of 95 %; NaN where there is none.
        p: the probability of one so large where there is none; NaN likewise.
        freedom: degrees of freedom of the t distribution, ∞ of the normal one.
        how: it was found; "" where it could not be.
        over: what the interval is over.
        adjusted: `p` once all quantities that are compared are counted (Holm 1979).
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    freedom: float = math.nan
    how: How = ""
    over: Over = ""
    adjusted: float = math.nan

    @property
    def is_apart(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0

    @property
    def turned(self) -> Difference:
        """The same the other way round."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low)

    @property
    def is_sure(self) -> bool:
        """Whether they differ, all comparisons counted."""
        return self.is_apart and not self.adjusted > 1 - LEVEL


Number = float | Estimate


def mean_of(values: Sequence[Number], *, same_samples: bool = False) -> Mean:
    """The mean of one quantity of several runs, with its interval.

    Args:
        values: a number a run, or an `Estimate`, whose errors are those of the run's measurement.
        same_samples: all runs saw the same ones, whose error is then common to them: it is no part
            of their spread, and the interval is that of the mean on these samples.

    Raises:
        IsolossError: if there are none, or some are not finite.
    """
    numbers = _numbers(values)
    count, value = len(numbers), float(numbers.mean())
    within = _root_mean_square([_error(v) for v in values])
    if count == 1:
        nan = math.nan
        low, high = values[0].interval if isinstance(values[0], Estimate) else (nan, nan)
        over: Over = "" if math.isnan(high) else "samples"
        return Mean(1, value, low, high, nan, within, nan, over)
    spread = float(numbers.std(ddof=1))
    own = _root_mean_square([_error(v, same_samples=same_samples) for v in values])
    between = math.sqrt(max(spread**2 - own**2, 0.0))
    half = float(quantile(count - 1)) * spread / math.sqrt(count)
    low = max(value - half, min(v.least if isinstance(v, Estimate) else -math.inf for v in values))
    return Mean(count, value, low, value + half, spread, within, between, "runs")


def difference_of(
    a: Sequence[Number],
    b: Sequence[Number],
    *,
    paired: bool = False,
    images: Array | None = None,
) -> Difference:
    """By how much the mean of `a` lies above that of `b`, with its interval.

    Several runs against several: Welch's t for independent seeds, or that of the differences of
    pairs. One against several: it is taken to spread as these do (Crawford, Howell 1998,
    https://doi.org/10.1076/clin.12.4.482.7241). One against one: over samples alone, which says
    nothing of how the networks came about.

    Args:
        paired: each of `a` belongs to that of `b` at its place: they have a seed in common.
        images: (N,) of one run against one, the difference of each image that both saw.

    Raises:
        IsolossError: if there are none, some are not finite, or pairs do not go up.
    """
    one, other = _numbers(a), _numbers(b)
    value = float(one.mean() - other.mean())
    if paired and len(one) != len(other):
        raise IsolossError(
            f"pairs are of one run of either set: these have {len(one)} and {len(other)}"
        )
    m, n = len(one), len(other)
    if m == n == 1:
        return _of_two_networks(value, a[0], b[0], images)
    if paired:
        apart = one - other
        return _student(value, float(apart.std(ddof=1)) / math.sqrt(m), m - 1, "paired by seed")
    if 1 in (m, n):
        several = one if n == 1 else other
        error = float(several.std(ddof=1)) * math.sqrt(1 + 1 / len(several))
        return _student(value, error, len(several) - 1, "one run beside several")
    error, freedom = (float(x) for x in welch(one.var(ddof=1) / m, other.var(ddof=1) / n, m, n))
    return _student(value, error, freedom, "Welch's t")


def with_all_counted(differences: Sequence[Difference]) -> list[Difference]:
    """The differences with `adjusted`, as many as these being compared at once.

    Holm 1979, https://www.jstor.org/stable/4615733
    """
    known = [k for k, each in enumerate(differences) if not math.isnan(each.p)]
    found, worst = list(differences), 0.0
    for rank, k in enumerate(sorted(known, key=lambda k: differences[k].p)):
        worst = max(worst, min(1.0, (len(known) - rank) * differences[k].p))
        found[k] = replace(differences[k], adjusted=worst)
    return found


def _of_two_networks(value: float, a: Number, b: Number, images: Array | None) -> Difference:
    if images is not None and len(images) > 1:
        error = float(np.std(images, ddof=1)) / math.sqrt(len(images))
        return _student(value, error, len(images) - 1, "paired by image", "samples")
    error = math.hypot(_half_width(a), _half_width(b)) / float(quantile(math.inf))
    if math.isnan(error):
        return Difference(value)
    return _student(value, error, math.inf, "independent samples", "samples")


def _student(
    value: float, error: float, freedom: float, how: How, over: Over = "runs"
) -> Difference:
    if error <= 1e-12 * abs(value) or error == 0:  # but for rounding, all are alike
        return Difference(value, value, value, float(value == 0), freedom, "no spread", over)
    half = float(quantile(freedom)) * error
    p = float(two_sided(value / error, freedom))
    return Difference(value, value - half, value + half, p, freedom, how, over)


def _numbers(values: Sequence[Number]) -> Array:
    numbers = np.array([v.value if isinstance(v, Estimate) else v for v in values], np.float64)
    if not numbers.size:
        raise IsolossError("a mean needs a number at least: give one of each run")
    if not np.isfinite(numbers).all():
        raise IsolossError("some of the numbers are not finite: leave those runs out")
    return numbers


def _error(value: Number, *, same_samples: bool = False) -> float:
    """The standard error of its own measurement; NaN where that is not known."""
    if not isinstance(value, Estimate):
        return math.nan
    return math.hypot(0.0 if same_samples else value.over_samples, value.over_probes)


def _half_width(value: Number) -> float:
    return value.half_width if isinstance(value, Estimate) else math.nan


def _root_mean_square(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(v * v for v in values) / len(values))
