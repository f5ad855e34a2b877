"""Derivatives over grids of any spacing, with holes: gradients, slope and curvature."""

from __future__ import annotations

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.geometry.refine import fill_uncomputed
from isoloss.geometry.surface import Surface

# Between values near the largest number a slope is infinite, which is no news.
_to_the_largest = np.errstate(over="ignore", invalid="ignore")


@_to_the_largest
def slope(surface: Surface) -> Array:
    """(A, B) |∇loss| over (α, β) at the grid points; NaN where there is no loss."""
    loss = _loss(surface)
    steepness = np.hypot(*gradient(surface.alpha, surface.beta, loss))
    return np.where(np.isfinite(loss), steepness, np.nan)


@_to_the_largest
def curvature(surface: Surface) -> Array:
    """(A, B) ∇²loss over (α, β), the trace of the Hessian; NaN where there is no loss."""
    loss = _loss(surface)
    return second_derivatives(surface.alpha, loss) + second_derivatives(surface.beta, loss.T).T


def gradient(x: Array, y: Array, z: Array) -> tuple[Array, Array]:
    """∂z/∂x and ∂z/∂y at the grid points, one-sided next to holes and borders, 0 at NaN."""
    return _first(x, z), _first(y, z.T).T


@_to_the_largest
def _first(axis: Array, z: Array) -> Array:
    if len(axis) < 2:
        return np.zeros_like(z)
    spacing = np.diff(axis)[:, None]
    secant = np.diff(z, axis=0) / spacing
    missing = np.full_like(z[:1], np.nan)
    left, right = np.concatenate([missing, secant]), np.concatenate([secant, missing])
    left_h = np.concatenate([spacing[:1], spacing])
    right_h = np.concatenate([spacing, spacing[-1:]])
    slope = (left * right_h + right * left_h) / (left_h + right_h)
    if len(secant) > 1:
        slope[0], slope[-1] = 2 * secant[0] - slope[1], 2 * secant[-1] - slope[-2]
    slope = np.where(np.isnan(slope), np.where(np.isnan(left), right, left), slope)
    return np.nan_to_num(slope)


@_to_the_largest
def second_derivatives(axis: Array, values: Array) -> Array:
    """Of `values` (A, B) along its first axis, whose coordinates are `axis` (A,).

    Of the parabola through three neighbours, at the ends and beside holes through the nearest
    three; 0 where there are no three, NaN where `values` are.
    """
    second = np.full_like(values, np.nan)
    if len(axis) > 2:
        spacing = np.diff(axis)[:, None]
        secant = np.diff(values, axis=0) / spacing
        second[1:-1] = 2 * np.diff(secant, axis=0) / (spacing[1:] + spacing[:-1])
    missing = np.full_like(second[:1], np.nan)
    before = np.concatenate([missing, second[:-1]])
    after = np.concatenate([second[1:], missing])
    beside = np.where(np.isnan(before), after, before)
    second = np.where(np.isnan(second), np.nan_to_num(beside), second)
    return np.where(np.isnan(values), np.nan, second)


def _loss(surface: Surface) -> Array:
    """The loss with the cells not yet computed filled in; NaN where it is not finite."""
    finite = np.where(np.isfinite(surface.loss), surface.loss, np.nan)
    return fill_uncomputed(finite, surface.computed)
