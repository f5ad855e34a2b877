"""The lines of what runs of sharpness have found: eigenvalues, spectra, and both over epochs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.results.charts import Chart, Trace
from isoloss.results.estimates import Estimate
from isoloss.results.sharpness import Density, Sharpness

STABLE = "2/η"
"""Beyond it gradient descent with the learning rate η cannot stay (Cohen et al. 2021)."""
_AXES = {
    "λmax": ("epoch", "largest eigenvalue", False),
    "trace": ("epoch", "trace", False),
    "gradient": ("epoch", "gradient norm", False),
    "eigenvalues": ("number", "eigenvalue", False),
    "spectrum": ("eigenvalue", "density", True),
}
"""The charts: name, what is across, what is upwards, whether that is logarithmic."""
FAR, FARTHEST = 3.0, 1000.0
"""So many times the largest eigenvalue 2/η may be on the same linear axis, and on any."""
_POINTS = 401
_WIDTH = 0.01
"""Of the normal curves that a density is made of, in fractions of its span."""
_LEAST = 1e-6
"""Of the highest density: what is less is not drawn."""


def sharpness_charts(found: Sequence[Sequence[Sharpness]]) -> Iterator[Chart]:
    """The charts of several runs that have anything on them.

    Args:
        found: of each run, what it has found.
    """
    measured = [[each for each in of_run if not each.left_out] for of_run in found]
    traces = [(k, each) for k, of_run in enumerate(measured) for each in _traces(k, of_run)]
    for name, (across, up, is_log) in _AXES.items():
        own = tuple(trace for _, (chart, trace) in traces if chart == name)
        if name == "λmax" and _is_far(own):
            own, is_log = tuple(map(_above_zero, own)), True
        if own:
            yield Chart(name, "sharpness", across, up, own, is_log)


def _traces(run: int, found: Sequence[Sharpness]) -> Iterator[tuple[str, Trace]]:
    """Those of one run, each with the chart on which it belongs."""
    networks = list(dict.fromkeys(each.place.network for each in found))
    for network in networks:
        own = [each for each in found if each.place.network == network]
        name = network if len(networks) > 1 else ""
        timed = [each for each in own if math.isfinite(each.place.epoch)]
        if len(timed) > 1:
            yield from _over_epochs(run, name, timed)
        last = own[-1]
        if len(own) == 1 and (ends := [*last.largest, *last.smallest[::-1]]):
            yield "eigenvalues", _with_intervals(run, name, np.arange(1.0, len(ends) + 1), ends)
        if last.density is not None:
            yield "spectrum", Trace(run, name, *_curve(last.density))


def _over_epochs(run: int, name: str, found: Sequence[Sharpness]) -> Iterator[tuple[str, Trace]]:
    known = [each for each in found if each.largest]
    columns: dict[str, list[tuple[float, Estimate]]] = {
        "λmax": [(each.place.epoch, each.largest[0]) for each in known],
        "trace": [(each.place.epoch, each.trace) for each in found],
        "gradient": [(each.place.epoch, each.gradient_norm) for each in found],
    }
    for chart, points in columns.items():
        points = [(epoch, e) for epoch, e in points if math.isfinite(e.value)]
        if points:
            epochs = np.array([epoch for epoch, _ in points])
            named = name or (chart if chart == "λmax" else "")  # as 2/η beside it has one
            yield chart, _with_intervals(run, named, epochs, [e for _, e in points])
    rates = [(each.place.epoch, 2 / each.place.lr) for each in known if each.place.lr > 0]
    if rates:
        epochs, ends = (np.array(column) for column in zip(*rates, strict=True))
        # Where the rate goes to 0 it bounds nothing, and would leave no room for the rest.
        highest = FARTHEST * max((each.largest[0].value for each in known), default=math.inf)
        ends = np.where(ends <= highest, ends, math.nan)
        if np.isfinite(ends).any():
            yield "λmax", Trace(run, f"{name} {STABLE}".strip(), epochs, ends)


def _is_far(traces: Sequence[Trace]) -> bool:
    """Whether 2/η lies so high that eigenvalues, all above 0, would lie on the floor."""
    own = [t.ys for t in traces if t.low is not None]
    ends = [float(np.nanmax(t.ys)) for t in traces if t.low is None]
    lowest = min((float(ys.min()) for ys in own), default=0.0)
    return bool(ends) and lowest > 0 and max(ends) > FAR * max(float(ys.max()) for ys in own)


def _above_zero(trace: Trace) -> Trace:
    """A trace for a logarithmic axis, on which no interval reaches 0."""
    if trace.low is None:
        return trace
    return replace(trace, low=np.maximum(trace.low, trace.ys / 10))


def _with_intervals(run: int, name: str, xs: Array, of: Sequence[Estimate]) -> Trace:
    ys = np.array([e.value for e in of])
    low, high = np.array([e.interval for e in of]).T
    return Trace(
        run, name, xs, ys, low=np.where(np.isnan(low), ys, low),
        high=np.where(np.isnan(high), ys, high),
    )  # fmt: skip


def _curve(density: Density) -> tuple[Array, Array]:
    nodes = density.nodes[density.weights > 0]
    low, high = float(nodes.min()), float(nodes.max())
    span = (high - low) or max(abs(high), 1.0)
    values = np.linspace(low - 0.05 * span, high + 0.05 * span, _POINTS)
    there = density.at(values, _WIDTH * span)
    return values, np.where(there >= _LEAST * there.max(), there, math.nan)
