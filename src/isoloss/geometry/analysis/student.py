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

_NORMAL = 1e6
"""Degrees of freedom from which on it is the normal distribution."""
_TERMS = 2000
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


def quantile(freedom: ArrayLike, level: float = 0.95) -> Array:
    """The t with the probability `level` that |T| < t, of the shape of `freedom`."""
    freedom = np.asarray(freedom, np.float64)
    low = np.full(freedom.shape, NormalDist().inv_cdf((1 + level) / 2))
    if not freedom.size or (freedom >= _NORMAL).all():
        return low
    each, back = np.unique(freedom, return_inverse=True)
    low, high = np.zeros(each.shape), np.full(each.shape, low.flat[0])
    while (short := two_sided(high, each) > 1 - level).any():
        high[short] *= 2
    for _ in range(60):
        middle = (low + high) / 2
        beyond = two_sided(middle, each) > 1 - level
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
    return np.where(np.isnan(freedom), np.nan, ((low + high) / 2)[back].reshape(freedom.shape))


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
