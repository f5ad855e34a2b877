"""A surface along a straight line through its plane."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.refine import refine, refine_axis, refine_linear, refinement
from isoloss.geometry.surface import Surface

Point = tuple[float, float]

POINTS = 401
"""How many points a slice is sampled at, besides the grid lines that it crosses."""

_ON_IT = 1e-3  # cells: a grid point this near lies on the line


@dataclass(frozen=True)
class SliceField:
    """What is interpolated of a surface, on the refined grid on which it is displayed.

    The loss (its logarithm where heights are logarithmic) runs along the same Catmull-Rom splines
    as the displayed heights, and bilinearly between the refined points; the standard error and the
    accuracy are interpolated linearly. Unlike heights, values are not clamped at the top of the
    scale, and a cell with a corner that is not computed, NaN or infinite is a gap.

    Attributes:
        alpha, beta: (P,), (Q,) the refined axes.
        loss, stderr, accuracy: (P, Q); the loss or its logarithm.
        is_log: whether `loss` is a logarithm.
        surface: whose they are.
    """

    alpha: Array
    beta: Array
    loss: Array
    stderr: Array
    accuracy: Array
    is_log: bool
    surface: Surface


@dataclass(frozen=True)
class Slice:
    """Values along a line from one point of the plane to another.

    Attributes:
        at: (n,) distance from the start in units of α and β; increasing.
        alpha, beta: (n,) the points.
        loss: (n,) NaN in gaps and outside of the grid.
        stderr: (n,) standard error of the loss; 0 where none is known.
        accuracy: (n,) in [0, 1]; NaN where there is none.
        crossings: (k,) `at` where the line crosses a line of the grid: the surface's own
            resolution along it.
        samples: indices into the arrays above of the grid points that lie on the line; what is
            values at these were computed, not interpolated.
    """

    at: Array
    alpha: Array
    beta: Array
    loss: Array
    stderr: Array
    accuracy: Array
    crossings: Array
    samples: NDArray[np.int64]

    @property
    def has_values(self) -> bool:
        """Whether the loss is known anywhere along the line."""
        return bool(np.isfinite(self.loss).any())

    @property
    def has_accuracy(self) -> bool:
        """Whether the accuracy is known anywhere along the line."""
        return bool(np.isfinite(self.accuracy).any())

    @property
    def has_band(self) -> bool:
        """Whether there is an error to be shown."""
        return bool((self.stderr > 0).any())

    def nearest(self, at: float) -> int:
        """The index of the point nearest to `at`."""
        return int(np.abs(self.at - at).argmin())


def slice_field(surface: Surface, log: bool, smooth: bool = True) -> SliceField:
    """What slices of `surface` are taken from.

    Args:
        log: interpolate logarithms, as logarithmic heights are.
        smooth: refine as the smooth display does; else the bilinear one of the flat facets.
    """
    known = surface.computed & np.isfinite(surface.loss)
    if log:
        known &= surface.loss > 0
    loss = np.where(known, surface.loss, np.nan)
    lowest = float(loss[known].min()) if known.any() else np.nan
    steps = (1, 1)
    if smooth:
        steps = (refinement(len(surface.alpha)), refinement(len(surface.beta)))
    axes = (surface.alpha, surface.beta)
    fine = np.maximum(refine(*axes, np.log(loss) if log else loss, steps), _scaled(lowest, log))
    stderr = np.where(known & np.isfinite(surface.loss_stderr), surface.loss_stderr, 0.0)
    accuracy = np.where(surface.computed, surface.accuracy, np.nan)
    return SliceField(
        alpha=refine_axis(surface.alpha, steps[0]),
        beta=refine_axis(surface.beta, steps[1]),
        loss=fine,
        stderr=refine_linear(*axes, stderr, steps),
        accuracy=refine_linear(*axes, accuracy, steps),
        is_log=log,
        surface=surface,
    )


def slice_of(field: SliceField, start: Point, end: Point, points: int = POINTS) -> Slice:
    """The values of `field` from `start` to `end`, both (α, β)."""
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    crossings = _crossings(field.surface, start, end)
    on_grid = _grid_points(field.surface, start, end, crossings)
    fraction = np.union1d(np.linspace(0.0, 1.0, points), on_grid)
    alpha = start[0] + fraction * (end[0] - start[0])
    beta = start[1] + fraction * (end[1] - start[1])
    raw = _bilinear(field, field.loss, alpha, beta)
    drawn = Slice(
        at=fraction * length,
        alpha=alpha,
        beta=beta,
        loss=np.exp(raw) if field.is_log else raw,
        stderr=np.nan_to_num(_bilinear(field, field.stderr, alpha, beta)),
        accuracy=_bilinear(field, field.accuracy, alpha, beta),
        crossings=crossings * length,
        samples=np.searchsorted(fraction, on_grid).astype(np.int64),
    )
    return _with_computed_values(drawn, field.surface)


def along(alpha: float, beta: float, start: Point, end: Point) -> float:
    """How far along the line from `start` the point nearest to (α, β) is; beyond its ends too."""
    da, db = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(da, db))
    return ((alpha - start[0]) * da + (beta - start[1]) * db) / length if length else 0.0


def slices_csv(slices: Sequence[tuple[str, Slice]]) -> str:
    """A table of slices by name, one row a point; grid points are told apart from interpolation."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["surface", "distance", "alpha", "beta", "loss", "stderr", "accuracy", "source"])
    for name, one in slices:
        computed = np.zeros(len(one.at), np.bool_)
        computed[one.samples] = True
        for k in range(len(one.at)):
            values = (one.at, one.alpha, one.beta, one.loss, one.stderr, one.accuracy)
            source = "computed" if computed[k] else "interpolated"
            table.writerow([name, *(f"{float(v[k]):.10g}" for v in values), source])
    return text.getvalue()


def _scaled(value: float, log: bool) -> float:
    return float(np.log(value)) if log and value > 0 else value


def _with_computed_values(drawn: Slice, surface: Surface) -> Slice:
    """`drawn` with the results themselves at the grid points, free of any rounding."""
    k = drawn.samples
    i = _nearest(surface.alpha, drawn.alpha[k])
    j = _nearest(surface.beta, drawn.beta[k])
    known = np.isfinite(drawn.loss[k]) & surface.computed[i, j] & np.isfinite(surface.loss[i, j])
    k, i, j = k[known], i[known], j[known]
    loss, stderr, accuracy = drawn.loss.copy(), drawn.stderr.copy(), drawn.accuracy.copy()
    loss[k] = surface.loss[i, j]
    stderr[k] = np.nan_to_num(surface.loss_stderr[i, j], posinf=0.0)
    accuracy[k] = surface.accuracy[i, j]
    return replace(drawn, loss=loss, stderr=stderr, accuracy=accuracy, samples=k)


def _nearest(axis: Array, values: Array) -> NDArray[np.int64]:
    after = np.clip(np.searchsorted(axis, values), 1, max(len(axis) - 1, 1))
    before = after - 1
    nearer = np.abs(axis[np.minimum(after, len(axis) - 1)] - values) < np.abs(axis[before] - values)
    return np.where(nearer, after, before).astype(np.int64)


def _crossings(surface: Surface, start: Point, end: Point) -> Array:
    """Fractions of the way, in [0, 1], at which the line crosses a line of the grid."""
    fractions: list[Array] = []
    for axis, a, b in zip((surface.alpha, surface.beta), start, end, strict=True):
        if a != b:
            fractions.append((axis - a) / (b - a))
    if not fractions:
        return np.empty(0)
    found = np.concatenate(fractions)
    found = np.unique(np.clip(found[(found > -1e-9) & (found < 1 + 1e-9)], 0.0, 1.0))
    # Crossing a corner is one crossing, whatever the rounding.
    return found[np.diff(found, prepend=-1.0) > 1e-9]


def _grid_points(surface: Surface, start: Point, end: Point, crossings: Array) -> Array:
    """Those of the `crossings` that are at a point of the grid."""
    on_it = np.ones(len(crossings), np.bool_)
    for axis, a, b in zip((surface.alpha, surface.beta), start, end, strict=True):
        place = a + crossings * (b - a)
        cell = float(np.diff(axis).min()) if len(axis) > 1 else 1.0
        near = axis[_nearest(axis, place)]
        on_it &= np.abs(near - place) <= _ON_IT * cell
    return crossings[on_it]


def _bilinear(field: SliceField, values: Array, alpha: Array, beta: Array) -> Array:
    """(n,) `values` (P, Q) between the refined points; NaN in gaps and outside of the grid.

    On an edge only its ends count: a gap beside it does not reach it.
    """
    i, p = _place(field.alpha, alpha)
    j, q = _place(field.beta, beta)
    result = np.zeros(len(alpha))
    for di, wi in ((0, 1 - p), (1, p)):
        for dj, wj in ((0, 1 - q), (1, q)):
            weight = wi * wj
            corner = values[
                np.minimum(i + di, len(field.alpha) - 1), np.minimum(j + dj, len(field.beta) - 1)
            ]
            result += np.where(weight > 0, weight * np.where(weight > 0, corner, 0.0), 0.0)
    outside = (alpha < field.alpha[0] - 1e-9) | (alpha > field.alpha[-1] + 1e-9)
    outside |= (beta < field.beta[0] - 1e-9) | (beta > field.beta[-1] + 1e-9)
    return np.where(outside, np.nan, result)


def _place(axis: Array, values: Array) -> tuple[NDArray[np.int64], Array]:
    """The interval of `axis` each value lies in, and how far along it, in [0, 1]."""
    place = np.interp(values, axis, np.arange(len(axis), dtype=np.float64))
    nearest = np.rint(place)
    place = np.where(np.abs(place - nearest) < 1e-9, nearest, place)
    whole = np.minimum(place.astype(np.int64), max(len(axis) - 2, 0))
    return whole, place - whole
