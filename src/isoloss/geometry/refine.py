"""A finer grid for display, through the samples and never across a hole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array

DISPLAY_POINTS = 144
"""About how many points an axis gets for display; a grid with as many is left as it is."""
_LARGE, _SHRUNK = 1e100, 2.0**-700
"""To multiply by a power of two is exact."""


def refinement(points: int, wanted: int = DISPLAY_POINTS) -> int:
    """Into how many steps each of the `points - 1` cells of an axis is cut for display."""
    return max(1, round((wanted - 1) / max(points - 1, 1)))


def refine_axis(axis: Array, steps: int) -> Array:
    """`axis` (n,) with every interval cut into `steps` equal ones: ((n - 1)·steps + 1,)."""
    fractions = np.arange(steps) / steps
    fine = axis[:-1, None] + np.diff(axis)[:, None] * fractions
    return np.append(fine.ravel(), axis[-1])


def refine(alpha: Array, beta: Array, values: Array, steps: tuple[int, int]) -> Array:
    """Catmull-Rom interpolation of `values` (A, B) onto the refined axes.

    A tensor product of cubic Hermite splines whose tangents are those of the parabola through
    three neighbours (Catmull & Rom 1974, on axes that need not be uniform). It passes through the
    samples, is C¹, and reproduces polynomials up to the second degree in each variable.

    Returns:
        ((A-1)·steps[0] + 1, (B-1)·steps[1] + 1) float64. A cell with a NaN corner is NaN inside;
        its neighbours are interpolated from what they have.
    """
    if np.abs(values[np.isfinite(values)]).max(initial=0) > _LARGE:  # slopes would overflow
        with np.errstate(over="ignore"):
            return refine(alpha, beta, values * _SHRUNK, steps) / _SHRUNK
    along_alpha = _refine_rows(alpha, values, steps[0])
    return _refine_rows(beta, along_alpha.T, steps[1]).T


def refine_linear(alpha: Array, beta: Array, values: Array, steps: tuple[int, int]) -> Array:
    """Bilinear interpolation onto the refined axes; NaN as in `refine`."""
    rows = _linear_rows(alpha, values, steps[0])
    return _linear_rows(beta, rows.T, steps[1]).T


def refine_nearest(values: Array, steps: tuple[int, int]) -> Array:
    """The value of the nearest sample on the refined axes: of what has nothing in between."""
    rows, columns = (_nearest(n, k) for n, k in zip(values.shape, steps, strict=True))
    return values[rows[:, None], columns[None, :]]


def fill_nearest(values: Array) -> Array:
    """`values` (A, B) with what is NaN taken from a cell that is near: of what has nothing in
    between. With nothing known all is NaN."""
    filled = values.copy()
    while (missing := np.isnan(filled)).any() and not missing.all():
        padded = np.pad(filled, 1, constant_values=np.nan)
        for near in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
            filled = np.where(missing & np.isnan(filled), near, filled)
    return filled


def _nearest(points: int, steps: int) -> NDArray[np.int64]:
    fine: NDArray[np.int64] = np.arange((points - 1) * steps + 1, dtype=np.int64)
    return (fine + steps // 2) // steps


def fill_uncomputed(values: Array, computed: NDArray[np.bool_]) -> Array:
    """`values` (A, B) with the cells not yet computed interpolated from those that are.

    Each gap is bridged linearly along its row and along its column, the nearer pair of ends
    weighing more; what lies between filled rows or columns follows in the next round, and what
    lies outside takes the nearest value. So a surface growing from coarse to fine looks whole from
    its first values on. Computed NaN stay NaN. With nothing computed all is NaN.
    """
    result = np.where(computed, values, np.nan)
    known = computed & ~np.isnan(values)
    missing = ~computed
    if not missing.any() or not known.any():
        return result
    bridged = True
    while bridged and (missing & ~known).any():
        bridged = _fill_once(result, known, missing, extend=False)
    while (missing & ~known).any():
        _fill_once(result, known, missing, extend=True)
    return result


def _fill_once(
    values: Array, known: NDArray[np.bool_], missing: NDArray[np.bool_], extend: bool
) -> bool:
    """One round of bridging, in place; whether anything was filled."""
    down, down_weight = _bridge(values, known, extend)
    across, across_weight = _bridge(values.T, known.T, extend)
    weight = down_weight + across_weight.T
    todo = missing & ~known & (weight > 0)
    blend = down * down_weight + (across * across_weight).T
    values[todo] = blend[todo] / weight[todo]
    known |= todo
    return bool(todo.any())


def _bridge(values: Array, known: NDArray[np.bool_], extend: bool) -> tuple[Array, Array]:
    """Linear interpolation down each column and its weight, 1/gap² (0 where there is none)."""
    n = len(values)
    index = np.arange(n)[:, None]
    before = np.maximum.accumulate(np.where(known, index, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, index, n)[::-1], axis=0)[::-1]
    has_before, has_after = before >= 0, after < n
    if extend:
        before, after = np.where(has_before, before, after), np.where(has_after, after, before)
        valid = has_before | has_after
    else:
        valid = has_before & has_after
    before, after = np.clip(before, 0, n - 1), np.clip(after, 0, n - 1)
    gap = np.maximum(after - before, 1)
    fraction = np.clip((index - before) / gap, 0.0, 1.0)
    columns: NDArray[np.int64] = np.arange(values.shape[1], dtype=np.int64)[None, :]
    low, high = values[before, columns], values[after, columns]
    line = np.where(valid, np.nan_to_num(low + (high - low) * fraction), 0.0)
    reach = np.where(after > before, gap, np.abs(index - before) + n)
    return line, np.where(valid, 1.0 / np.maximum(reach, 1) ** 2.0, 0.0)


def _refine_rows(axis: Array, values: Array, steps: int) -> Array:
    """Catmull-Rom along the first axis."""
    if steps == 1 or len(axis) < 2:
        return values.copy()
    spacing = np.diff(axis)[:, None]
    secant = np.diff(values, axis=0) / spacing
    tangent = _tangents(spacing, secant)
    t = (np.arange(steps) / steps)[None, :, None]
    start, end = values[:-1, None], values[1:, None]
    rise_start, rise_end = (tangent[:-1] * spacing)[:, None], (tangent[1:] * spacing)[:, None]
    fine = (
        start * (2 * t**3 - 3 * t**2 + 1)
        + rise_start * (t**3 - 2 * t**2 + t)
        + end * (3 * t**2 - 2 * t**3)
        + rise_end * (t**3 - t**2)
    )
    fine[:, 0] = values[:-1]  # 0·NaN of a neighbouring hole must not eat the sample itself
    return np.concatenate([fine.reshape(-1, values.shape[1]), values[-1:]])


def _tangents(spacing: Array, secant: Array) -> Array:
    """(n, m) slopes at the samples; next to a hole or an end, from the side that is there."""
    missing = np.full_like(secant[:1], np.nan)
    left, right = np.concatenate([missing, secant]), np.concatenate([secant, missing])
    left_h = np.concatenate([spacing[:1], spacing])
    right_h = np.concatenate([spacing, spacing[-1:]])
    tangent = (left * right_h + right * left_h) / (left_h + right_h)
    tangent = _calmed(tangent, left, right)
    # A parabola's secant is the mean of the slopes at its ends: that mends the two ends.
    if len(secant) > 1:
        tangent[0] = 2 * secant[0] - tangent[1]
        tangent[-1] = 2 * secant[-1] - tangent[-2]
    tangent = np.where(np.isnan(tangent), np.where(np.isnan(left), right, left), tangent)
    return _without_swings(np.nan_to_num(tangent), secant)


def _without_swings(tangent: Array, secant: Array) -> Array:
    """The tangents, so small that what only rises or only falls does so between the samples too.

    A plateau stays one between two steps up (Fritsch and Carlson 1980). Parabolas are never
    steeper than that, and an extremum between two samples is left alone.
    """
    unknown = np.full_like(secant[:1], np.nan)
    before = np.concatenate([unknown, secant[:-1]])
    after = np.concatenate([secant[1:], unknown])
    one_way = (before * secant >= 0) & (secant * after >= 0) & (before * after >= 0)
    most = np.where(one_way, 3 * np.abs(secant), np.inf)
    free = np.full_like(most[:1], np.inf)
    most = np.minimum(np.concatenate([most, free]), np.concatenate([free, most]))
    return np.clip(tangent, -most, most)


def _calmed(tangent: Array, left: Array, right: Array) -> Array:
    """The tangents, drawn to the smoother side where the other one holds a step or a spike.

    There a parabola would swing below its neighbours and show a minimum that is not in the data.
    The side is weighed as Akima (1970) does, by how much the slope changes beyond it; elsewhere,
    and for parabolas always, the tangents stay as they are.
    """
    bend = np.abs(right - left)
    none = np.zeros_like(bend[:1])
    before = np.nan_to_num(np.concatenate([none, bend[:-1]]))
    after = np.nan_to_num(np.concatenate([bend[1:], none]))
    floor = 0.02 * np.nan_to_num(np.abs(right)).max(axis=0, keepdims=True) + 1e-300
    unlike = np.log((np.maximum(before, after) + floor) / (np.minimum(before, after) + floor))
    fraction = np.clip((unlike - np.log(6.0)) / np.log(3.0), 0.0, 1.0)
    fraction[:2], fraction[-2:] = 0.0, 0.0  # the ends know only one side
    smoother = (after * left + before * right) / (before + after + 1e-300)
    return np.where(np.isfinite(smoother), tangent + fraction * (smoother - tangent), tangent)


def _linear_rows(axis: Array, values: Array, steps: int) -> Array:
    if steps == 1 or len(axis) < 2:
        return values.copy()
    t = (np.arange(steps) / steps)[None, :, None]
    fine = values[:-1, None] * (1 - t) + values[1:, None] * t
    fine[:, 0] = values[:-1]
    return np.concatenate([fine.reshape(-1, values.shape[1]), values[-1:]])
