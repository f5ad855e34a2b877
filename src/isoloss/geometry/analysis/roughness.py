"""How rough a surface is, beside its basins: its non-convex cells and its total variation.

Each number is the same for a surface mirrored, transposed, or with its losses or axes in other
units, and says what the standard errors leave open. These are taken for independent from cell to
cell; cells that have seen the same samples err alike, so that what is left open is an upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss.geometry.analysis.difference import automatic_scale
from isoloss.geometry.analysis.minima import (
    LEAST_DEPTH,
    STANDARD_ERRORS,
    basins_among,
    minima_of,
)
from isoloss.geometry.arrays import Array
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label
from isoloss.naming import percent


@dataclass(frozen=True)
class Bounded:
    """A number read off a surface, and how far the standard errors may have moved it.

    Attributes:
        value: NaN where the surface is too small for it.
        low, high: its least and its greatest; both the value itself where there are no errors.
    """

    value: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)

    @property
    def as_share(self) -> str:
        """ "34.1 %", or "34.1 % (12.0 to 80.4)"."""
        bounds = f" ({100 * self.low:.1f} to {100 * self.high:.1f})" * (self.low < self.high)
        return percent(self.value) + bounds

    def __str__(self) -> str:
        error = self.high - self.value
        return number_label(self.value) + (f" ± {number_label(error, 2)}" if error > 0 else "")


_LARGE = 1e100
UNKNOWN = Bounded(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Roughness:
    """How rough a surface is.

    Attributes:
        non_convex: the share in [0, 1] of cells in whose Hessian an eigenvalue is negative.
        variation: total variation of the heights over the plane, both from 0 to 1: the mean of
            |∇height|. 1 for a tilted plane, 1.53 for a bowl.
        log_variation: the same of logarithmic heights; None where losses are not positive.
    """

    non_convex: Bounded
    variation: Bounded
    log_variation: Bounded | None

    @property
    def variation_in_words(self) -> str:
        """ "1.53, of the logarithm 2.1"; "" where it is unknown."""
        log = "" if self.log_variation is None else f", of the logarithm {self.log_variation}"
        return f"{self.variation}{log}" if self.variation.is_known else ""


def roughness_of(surface: Surface) -> Roughness:
    """How rough `surface` is, be it a curve."""
    known = surface.loss[surface.computed & np.isfinite(surface.loss)]
    has_log = known.size and known.min() > 0
    linear, log = (HeightScale.automatic(known, log=each) for each in (False, True))
    return Roughness(
        non_convex_share(surface),
        total_variation(surface, linear),
        total_variation(surface, log) if has_log else None,
    )


def roughness_in_words(surface: Surface) -> dict[str, str]:
    """Basins, non-convex cells and total variation, each in words, by what they are called; empty
    while a surface is not complete, and of a difference, whose minima are none of a loss."""
    if not surface.is_complete or surface.is_difference:
        return {}
    basins = basins_among(minima_of(surface), automatic_scale(surface))
    rough = roughness_of(surface)
    words = {
        "basins": basins.in_words(LEAST_DEPTH),
        "not convex": rough.non_convex.as_share if rough.non_convex.is_known else "",
        "variation": rough.variation_in_words,
    }
    return {name: text for name, text in words.items() if text}


def non_convex_share(surface: Surface) -> Bounded:
    """The share of cells in whose Hessian the smaller eigenvalue is negative.

    By central differences at the points that have a finite loss at all eight around them; of a
    curve at those between two. The sign does not depend on the units of α and β. `low` and `high`
    are the shares where it is negative by more than `STANDARD_ERRORS`, and where it is not positive
    by as much. Flat is convex, and so is what bends by no more than rounding.
    """
    if surface.shape[0] < 3 or (surface.shape[1] < 3 and not surface.is_curve):
        return UNKNOWN
    least, error = _least_eigenvalue(surface)
    there = np.isfinite(least)
    if not there.any():
        return UNKNOWN
    least, error = least[there], STANDARD_ERRORS * error[there]
    return Bounded(*(float((least < limit).mean()) for limit in (0.0, -error, error)))


def total_variation(surface: Surface, scale: HeightScale) -> Bounded:
    """The mean of |∇h| over u and v, where h are the heights that `scale` displays and u and v are
    α and β, all from 0 to 1: how often one goes all the way up or down on the way across.

    Between points h is as on the two triangles that a cell is drawn as, whichever way it is cut in
    two: the mean over both. Cells with a point that has no finite loss are left out. Errors change
    it by their own total variation at the most.
    """
    if len(surface.alpha) < 2:
        return UNKNOWN
    loss, errors = _known(surface)
    heights, axes = scale.apply(loss), [surface.alpha, surface.beta]
    # At an end of the scale only one of the two is not clamped.
    noise = np.fmax(scale.apply(loss + errors) - heights, heights - scale.apply(loss - errors))
    if surface.is_curve:  # as a surface that is the same for every β
        heights, noise, axes[1] = heights[:, [0, 0]], noise[:, [0, 0]], np.arange(2.0)
    u, v = np.diff(_unit(axes[0]))[:, None], np.diff(_unit(axes[1]))
    slope = _mean_slope(np.diff(heights, axis=0) / u, np.diff(heights, axis=1) / v)
    there = np.isfinite(slope)
    if not there.any():
        return UNKNOWN
    area = (u * v)[there]
    value, added = float(np.average(slope[there], weights=area)), 0.0
    if errors.any():
        along_v = np.hypot(noise[:, :-1], noise[:, 1:]) / v * (not surface.is_curve)
        errs = _mean_slope(np.hypot(noise[:-1], noise[1:]) / u, along_v)
        added = float(np.average(errs[there], weights=area))
    return Bounded(value, max(value - added, 0.0), value + added)


def _mean_slope(along_u: Array, along_v: Array) -> Array:
    """|∇| of each cell, the mean over its four corners, from the slopes of its edges."""
    across, down = np.square(along_u), np.square(along_v)
    edges = ((across[:, a], down[b]) for a in (_HEAD, _TAIL) for b in (_HEAD, _TAIL))
    return np.add.reduce([np.sqrt(one + other) for one, other in edges]) / 4


def _least_eigenvalue(surface: Surface) -> tuple[Array, Array]:
    """The smaller eigenvalue of the Hessian over α and β, each from 0 to 1, at the inner points,
    raised by as much as rounding may have lowered it, and its standard error; NaN beside holes."""
    loss, errors = _known(surface)
    if np.abs(loss[np.isfinite(loss)]).max(initial=0) > _LARGE:  # differences would overflow
        loss, errors = loss / _LARGE**2, errors / _LARGE**2
    squares, sizes, u = np.square(errors), _rounding(loss), _unit(surface.alpha)
    if surface.is_curve:
        of_u = _second_difference(u)
        raised = _along(of_u, loss) + _along(np.abs(of_u), sizes)
        return raised, np.sqrt(_along(np.square(of_u), squares))
    v = _unit(surface.beta)
    a, d, b = _hessian(u, v, loss, np.positive)
    radius = np.hypot((a - d) / 2, b)
    raised = (a + d) / 2 - radius + sum(_hessian(u, v, sizes, np.abs))
    if not errors.any():
        return raised, np.zeros_like(raised)
    # λ = x²a + y²d + 2xy·b, with its eigenvector (x, y) held fast.
    with np.errstate(divide="ignore", invalid="ignore"):
        xx = np.where(radius > 0, 0.5 - (a - d) / (4 * radius), 0.5)
        xy = np.where(radius > 0, b / radius, 0.0)
    aa, dd, bb = _hessian(u, v, squares, np.square)
    ad = _second_difference(u)[1] * _second_difference(v)[1].T * squares[1:-1, 1:-1]
    yy = 1 - xx
    return raised, np.sqrt(xx**2 * aa + yy**2 * dd + xy**2 * bb + 2 * xx * yy * ad)


def _hessian(
    u: Array, v: Array, values: Array, of_weight: Callable[[Any], Any]
) -> tuple[Array, Array, Array]:
    """∂²/∂u², ∂²/∂v² and ∂²/∂u∂v of `values` at the inner points, by central differences whose
    weights are first put through `of_weight`: their squares give the variances."""
    sign, twist = of_weight(-1.0), of_weight(1 / ((u[2:] - u[:-2])[:, None] * (v[2:] - v[:-2])))
    alike, unlike = values[2:, 2:] + values[:-2, :-2], values[2:, :-2] + values[:-2, 2:]
    return (
        _along(of_weight(_second_difference(u)), values[:, 1:-1]),
        _along(of_weight(_second_difference(v)), values[1:-1].T).T,
        twist * (alike + sign * unlike),
    )


def _second_difference(axis: Array) -> Array:
    """(3, n - 2, 1) what the second derivative at each inner point takes of the point before, of
    itself and of the point after."""
    before, after = np.diff(axis)[:-1, None], np.diff(axis)[1:, None]
    return 2 * np.stack([1 / before, -1 / before - 1 / after, 1 / after]) / (before + after)


def _along(weights: Array, values: Array) -> Array:
    """The weighted sum of three points that follow each other along the first axis."""
    before, at, after = weights
    return before * values[:-2] + at * values[1:-1] + after * values[2:]


def _rounding(loss: Array) -> Array:
    """By how much each loss may be off for its digits, and for those of most others: small ones are
    differences of such."""
    with np.errstate(over="ignore"):
        is_single = np.array_equal(loss, loss.astype(np.float32), equal_nan=True)
    digits = float(np.finfo(np.float32 if is_single else np.float64).eps)
    sizes = np.abs(loss)
    usual = np.median(sizes[np.isfinite(sizes)]) if np.isfinite(sizes).any() else 0.0
    return digits * (sizes + usual)


def _known(surface: Surface) -> tuple[Array, Array]:
    """The losses, NaN where there is no finite one, and their errors, 0 where none is known."""
    loss = np.where(surface.computed & np.isfinite(surface.loss), surface.loss, np.nan)
    return loss, np.where(np.isfinite(surface.loss_stderr), surface.loss_stderr, 0.0)


def _unit(axis: Array) -> Array:
    """An axis from 0 to 1."""
    return (axis - axis[0]) / (axis[-1] - axis[0])


_HEAD, _TAIL = slice(None, -1), slice(1, None)
