"""What several runs have come to on one pair of axes, as plain values: drawn by the window and by
figures, written as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from isoloss.files import write_csv
from isoloss.geometry.arrays import Array
from isoloss.results.certificates import Steps
from isoloss.results.references import ReferenceLine
from isoloss.settings.attack_kinds import Hue, Mark

What = Literal["training", "accuracy", "radius", "sharpness"]
WHATS: dict[What, str] = {
    "training": "training curves",
    "accuracy": "accuracy against ε",
    "radius": "certified accuracy",
    "sharpness": "sharpness",
}

PARTS = ("test", "train")
"""Whose losses and accuracies training curves are."""
_HUES: tuple[Hue, ...] = ("blue", "orange", "green", "purple")
_MARKS: tuple[Mark, ...] = ("circle", "square", "diamond", "up", "down")


def look_of(k: int) -> tuple[Hue, Mark, int]:
    """Colour and symbol of the k-th of several runs, told apart by the colour-blind too, and how
    many runs with both of them come before it."""
    both = len(_HUES) * len(_MARKS)  # no common factor: each pair comes once
    return _HUES[k % len(_HUES)], _MARKS[k % len(_MARKS)], k // both


@dataclass(frozen=True)
class Trace:
    """One line of one run.

    Attributes:
        run: the place of its run among those that are compared.
        name: what it is among its run's: "test", "PGD, σ = 0.25".
        xs, ys: (N,), x ascending; NaN where y is missing.
        raw: (N,) what `ys` was smoothed from; None where nothing was.
        low, high: (N,) the ends of 95 % intervals; None where there are none.
        steps: of certificates that are known image by image, the share at every radius.
        is_thick: whether it says more than the others of its run.
    """

    run: int
    name: str
    xs: Array
    ys: Array
    raw: Array | None = None
    low: Array | None = None
    high: Array | None = None
    steps: Steps | None = None
    is_thick: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines that belong on one pair of axes.

    Attributes:
        name: "loss", "accuracy", "lr", "linf", "l2", "radius", or what `sharpness_charts` gives;
            one of a name in a comparison.
        across, up: what the axes are.
        is_log: whether the axis upwards is logarithmic.
        is_share: whether values are fractions, which are read in percent.
        references: what others have published, to be drawn behind; no traces, for they are no
            runs.
    """

    name: str
    what: What
    across: str
    up: str
    traces: tuple[Trace, ...]
    is_log: bool = False
    is_share: bool = False
    references: tuple[ReferenceLine, ...] = ()

    @property
    def is_of_radii(self) -> bool:
        """Whether ε, or a radius, is across."""
        return self.what in ("accuracy", "radius")

    @property
    def is_whole(self) -> bool:
        """Whether what is across is counted: epochs, numbers of eigenvalues."""
        across = np.concatenate([trace.xs for trace in self.traces])
        return not self.is_of_radii and bool((across == np.floor(across)).all())

    @property
    def names(self) -> list[str]:
        """What its lines are, each once."""
        return list(dict.fromkeys(trace.name for trace in self.traces))


def kinds_of(charts: Iterable[Chart]) -> list[What]:
    """What kinds of charts there are, each once."""
    return list(dict.fromkeys(chart.what for chart in charts))


def names_in(charts: Iterable[Chart], what: What) -> list[str]:
    """What the lines of all charts of one kind may be, each once: their dashes follow this order,
    in which those of training curves stay what they are though only one of them is drawn, and thick
    lines come first."""
    if what == "training":
        return list(PARTS)
    traces = [trace for chart in charts if chart.what == what for trace in chart.traces]
    traces.sort(key=lambda trace: not trace.is_thick)
    return list(dict.fromkeys(trace.name for trace in traces if trace.name))


def smoothed(values: Array, weight: float) -> Array:
    """The exponential moving average of (N,) values, without the bias towards 0 of its beginning:
    mₜ = w mₜ₋₁ + (1 − w) yₜ, divided by 1 − wᵗ (Kingma, Ba 2015, https://arxiv.org/abs/1412.6980).

    What is missing stays missing, and does not count.

    Args:
        weight: w in [0, 1), how much of what was before stays; 0 changes nothing.
    """
    mean, kept = 0.0, 1.0
    found = np.full(len(values), math.nan)
    for k, value in enumerate(values.tolist()):
        if math.isfinite(value):
            mean, kept = weight * mean + (1 - weight) * value, kept * weight
            found[k] = mean / (1 - kept)
    return found


def limits_of(chart: Chart) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of both axes, between which all of a chart lies with a little air."""
    xs = np.concatenate([_reached(trace) for trace in chart.traces])
    last, first = float(xs.max()), float(xs.min())
    if chart.name != "spectrum":
        first = min(first, 0.0)
    span = (last - first) or 1.0
    across = first - 0.025 * span, last + 0.03 * span
    if chart.is_share:
        return across, (-0.04, 1.04)
    ys = np.concatenate([np.concatenate([*_values(trace)]) for trace in chart.traces])
    ys = ys[np.isfinite(ys) & ((ys > 0) | (not chart.is_log))]
    low, high = (float(ys.min()), float(ys.max())) if len(ys) else (1.0, 10.0)
    if chart.is_log:
        air = max((high / low) ** 0.05, 1.1)
        return across, (low / air, high * air)
    air = 0.06 * (high - low) or max(abs(high), 1.0) / 2
    return across, (low - air, high + air)


def _values(trace: Trace) -> Iterable[Array]:
    """All that an axis upwards must show."""
    return (each for each in (trace.ys, trace.raw, trace.low, trace.high) if each is not None)


def _reached(trace: Trace) -> Array:
    """The places that an axis must show: of certificates those at which anything is certified."""
    if trace.steps is not None:
        return trace.steps[0]
    is_share = trace.low is not None and bool((trace.ys <= 1).all())
    there = trace.xs[trace.ys > 0] if is_share else trace.xs
    return there if len(there) else trace.xs[:1]


_HEADER = ("run", "plot", "curve", "x", "y", "smoothed", "low", "high")


def write_points(path: Path, charts: Iterable[Chart], names: list[str]) -> Path:
    """Write all points of charts as CSV: a line each, of which run and which curve it is first.

    Args:
        names: of the runs.
    """
    return write_csv(path, _HEADER, (row for chart in charts for row in _points(chart, names)))


def _points(chart: Chart, names: list[str]) -> Iterable[list[str]]:
    for trace in chart.traces:
        nothing = np.full(len(trace.xs), math.nan)
        values = nothing if trace.raw is None else trace.ys
        given = trace.ys if trace.raw is None else trace.raw
        ends = (nothing if end is None else end for end in (trace.low, trace.high))
        for row in zip(trace.xs, given, values, *ends, strict=True):
            cells = ("" if math.isnan(value) else repr(float(value)) for value in row)
            yield [names[trace.run], chart.name, trace.name, *cells]
