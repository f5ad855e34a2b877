"""Ambient occlusion of a height field: how much of the sky each point sees."""

from __future__ import annotations

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.geometry.derivatives import gradient
from isoloss.geometry.refine import refine_axis, refine_linear

# Directions along which the grid has points: no interpolation is needed to walk them.
_HALF = [(1, 0), (2, 1), (1, 1), (1, 2), (0, 1), (-1, 2), (-1, 1), (-2, 1)]
_DIRECTIONS = _HALF + [(-i, -j) for i, j in _HALF]
_STRIDES = (1, 2, 3, 5, 8, 13, 21, 34, 55)
_LARGEST = 96


def occlusion(x: Array, y: Array, z: Array, radius: float = 0.7) -> Array:
    """The unoccluded fraction of a cosine-weighted sky, from the horizon in sixteen directions.

    In each direction the horizon rises above the tangent plane by an angle h and hides the
    fraction sin² h of that slice (the horizon-based ambient occlusion of Bavoil et al. 2008, on a
    height field and cosine-weighted). So a plane, level or tilted, is 1 everywhere, and the bottom
    of a V-shaped groove with walls at the angle θ is cos θ.

    Args:
        x, y: (A,), (B,) coordinates in the units of `z`.
        z: (A, B) heights; NaN neither hides nor is hidden.
        radius: how far away walls still count.

    Returns:
        (A, B) float64 in [0, 1], 1 at NaN. Grids finer than 96 points an axis are worked out on
        every k-th point and interpolated: occlusion varies slowly.
    """
    stride = max(1, -(-max(z.shape) // _LARGEST))
    if stride > 1:
        return _from_coarser(x, y, z, radius, stride)
    slope_x, slope_y = gradient(x, y, z)
    angles, weights = _azimuths(x, y)
    hidden = np.zeros_like(z)
    for (i, j), angle, weight in zip(_DIRECTIONS, angles, weights, strict=True):
        tangent = slope_x * np.cos(angle) + slope_y * np.sin(angle)
        horizon = tangent.copy()
        for stride in _STRIDES:
            if not _raise_horizon(horizon, x, y, z, i * stride, j * stride, radius):
                break
        above = np.maximum(np.arctan(horizon) - np.arctan(tangent), 0.0)
        hidden += weight * np.sin(above) ** 2
    return np.nan_to_num(np.clip(1.0 - hidden, 0.0, 1.0), nan=1.0)


def _azimuths(x: Array, y: Array) -> tuple[Array, Array]:
    """The angle of each direction in the plane and its fraction of the full circle."""
    step_x, step_y = (x[-1] - x[0]) / max(len(x) - 1, 1), (y[-1] - y[0]) / max(len(y) - 1, 1)
    i, j = np.array(_DIRECTIONS, np.float64).T
    angles = np.arctan2(j * step_y, i * step_x)
    order = np.argsort(angles)
    around = np.concatenate([angles[order][-1:] - 2 * np.pi, angles[order]])
    gap_before = np.diff(around)
    weights = np.empty_like(angles)
    weights[order] = (gap_before + np.roll(gap_before, -1)) / (4 * np.pi)
    return angles, weights


def _raise_horizon(
    horizon: Array, x: Array, y: Array, z: Array, i: int, j: int, radius: float
) -> bool:
    """Lift `horizon` (in place) to the slope towards the points (i, j) away; False if none."""
    rows, columns = z.shape
    if abs(i) >= rows or abs(j) >= columns:
        return False
    here_i, there_i = slice(max(0, -i), rows - max(0, i)), slice(max(0, i), rows - max(0, -i))
    here_j, there_j = slice(max(0, -j), columns - max(0, j)), slice(max(0, j), columns - max(0, -j))
    distance = np.hypot((x[there_i] - x[here_i])[:, None], (y[there_j] - y[here_j])[None, :])
    if distance.min() > radius:
        return False
    rise = z[there_i, there_j] - z[here_i, here_j]
    # Walls fade out towards the radius instead of vanishing at it.
    fade = np.clip(2.0 - 2.0 * distance / radius, 0.0, 1.0)
    near = horizon[here_i, here_j]
    slope = np.where(fade > 0, near + (rise / distance - near) * fade, near)
    horizon[here_i, here_j] = np.fmax(near, slope)
    return True


def _from_coarser(x: Array, y: Array, z: Array, radius: float, stride: int) -> Array:
    """`occlusion` on every `stride`-th point (the last ones included), interpolated back."""
    rows = np.unique(np.append(np.arange(0, len(x), stride), len(x) - 1))
    columns = np.unique(np.append(np.arange(0, len(y), stride), len(y) - 1))
    coarse = occlusion(x[rows], y[columns], z[np.ix_(rows, columns)], radius)
    # Refining in index space covers at least the grid; the surplus of the last interval is cut by
    # looking the wanted indices up.
    fine_rows = refine_axis(rows.astype(np.float64), stride)
    fine_columns = refine_axis(columns.astype(np.float64), stride)
    fine = refine_linear(
        rows.astype(np.float64), columns.astype(np.float64), coarse, (stride, stride)
    )
    at_rows = np.searchsorted(fine_rows, np.arange(len(x)) - 1e-9)
    at_columns = np.searchsorted(fine_columns, np.arange(len(y)) - 1e-9)
    return fine[np.ix_(at_rows, at_columns)]
