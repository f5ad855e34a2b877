"""Student's t distribution, without SciPy, which takes the window too long to import.

The incomplete beta function by its continued fraction, DLMF 8.17.22, https://dlmf.nist.gov/8.17
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from isoloss.geometry.arrays import Array

LEVEL = 0.95
"""Of intervals, where nothing else is asked for."""
_NORMAL = 1e6
"""Degrees of freedom from which on it is the normal distribution."""
_TERMS, _STEPS = 2000, 50
_TINY, _FARTHEST = 1e-300, 1e150
_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def two_sided(t: ArrayLike, freedom: ArrayLike) -> Array:
    """The probability that |T| ≥ |t| with so many degrees of freedom > 0 (∞: of the normal
    distribution); shapes are broadcast, NaN gives NaN."""
    t, freedom = np.broadcast_arrays(np.abs(np.asarray(t, np.float64)), freedom)
    found = np.full(t.shape, np.nan)
    known = ~(np.isnan(t) | np.isnan(freedom))
    normal = known & (freedom >= _NORMAL)
    if normal.any():
        found[normal] = _erfc(t[normal] / math.sqrt(2))
    student = known & ~normal
    if student.any():
        found[student] = _tails(t[student], np.asarray(freedom[student], np.float64))
    return found


def quantile(freedom: ArrayLike, level: float = LEVEL) -> Array:
    """The t with the probability `level` that |T| < t, of the shape of `freedom`."""
    freedom = np.asarray(freedom, np.float64)
    each, back = np.unique(freedom, return_inverse=True)
    found = np.full(each.shape, NormalDist().inv_cdf((1 + level) / 2))
    for _ in range(_STEPS if (each < _NORMAL).any() else 0):
        # The tails are convex: from below Newton's method goes up to the quantile and not beyond.
        step = (two_sided(found, each) - (1 - level)) / (2 * _density(found, each))
        found = np.where(each < _NORMAL, found + step, found)
        if np.nanmax(np.abs(step / found)) < 1e-14:
            break
    return np.where(np.isnan(freedom), np.nan, found[back].reshape(freedom.shape))


def welch(a: ArrayLike, b: ArrayLike, m: ArrayLike, n: ArrayLike) -> tuple[Array, Array]:
    """The standard error of a difference of two means and its degrees of freedom.

    Welch 1947, https://doi.org/10.1093/biomet/34.1-2.28

    Args:
        a, b: the squared standard errors of the means, of m and of n ≥ 2 values.
    """
    a, b, m, n = (np.asarray(each, np.float64) for each in (a, b, m, n))
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = np.square(a + b) / (np.square(a) / (m - 1) + np.square(b) / (n - 1))
    return np.sqrt(a + b), freedom


def _density(t: Array, freedom: Array) -> Array:
    freedom = np.minimum(freedom, _NORMAL)
    scale = _log_gamma((freedom + 1) / 2) - _log_gamma(freedom / 2)
    scale -= np.log(np.pi * freedom) / 2
    return np.exp(scale - (freedom + 1) / 2 * np.log1p(t * t / freedom))


def _tails(t: Array, freedom: Array) -> Array:
    t = np.minimum(t, _FARTHEST)
    x = freedom / (freedom + t * t)
    a, b = freedom / 2, np.full(t.shape, 0.5)
    is_far = x < (a + 1) / (a + b + 2)
    one, other = np.where(is_far, a, b), np.where(is_far, b, a)
    at = np.where(is_far, x, t * t / (freedom + t * t))
    part = _beta(at, one, other)
    return np.clip(np.where(is_far, part, 1 - part), 0.0, 1.0)


def _beta(x: Array, a: Array, b: Array) -> Array:
    """The regularized incomplete beta function where its fraction converges fast."""
    with np.errstate(divide="ignore", invalid="ignore"):
        front = a * np.log(x) + b * np.log1p(-x) + _log_gamma(a + b) - _log_gamma(a) - _log_gamma(b)
    c, d = np.ones(x.shape), 1 / _off_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _off_zero(1 + term * d)
            c = _off_zero(1 + term / c)
            fraction = fraction * c * d
        if np.abs(c * d - 1).max(initial=0) < 1e-15:
            break
    return np.where(x > 0, np.exp(front) * fraction / a, 0.0)


def _off_zero(values: Any) -> Array:
    return np.where(np.abs(values) < _TINY, _TINY, values)
