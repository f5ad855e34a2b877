"""Exact binomial statistics: what counts of right answers allow to be said.

Clopper and Pearson 1934; Cohen, Rosenfeld, Kolter 2019, "Certified Adversarial Robustness via
Randomized Smoothing", https://arxiv.org/abs/1902.02918
"""

from __future__ import annotations

import math

from scipy import stats

from isoloss.errors import IsolossError

# Cohen et al.: a certificate is wrong with at most this probability.
ALPHA = 0.001
NEAR = 1e-9
"""So near to 1 a probability has too few digits in floats."""


def clopper_pearson_lower(k: int, n: int, alpha: float = ALPHA) -> float:
    """The one-sided lower bound of confidence 1 − α on p, after `k` successes in `n` trials.

    Raises:
        IsolossError: unless 0 ≤ k ≤ n, n ≥ 1 and 0 < α < 1.
    """
    _check(k, n, alpha)
    return 0.0 if k == 0 else float(stats.beta.ppf(alpha, k, n - k + 1))


def clopper_pearson_interval(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided exact interval for p, after `k` successes in `n` trials.

    Raises:
        IsolossError: as `clopper_pearson_lower`, or unless 0 < confidence < 1.
    """
    if not 0 < confidence < 1:
        raise IsolossError(f"the confidence must lie between 0 and 1, not be {confidence:g}")
    tail = (1 - confidence) / 2
    _check(k, n, tail)
    low = 0.0 if k == 0 else float(stats.beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(stats.beta.isf(tail, k + 1, n - k))
    return low, high


def certified_radius(successes: int, n: int, sigma: float, alpha: float = ALPHA) -> float | None:
    """The L2 radius R = σ Φ⁻¹(p_A) on the [0, 1] scale within which the class cannot change.

    Args:
        successes: of `n` noisy draws, those that the class won.
        sigma: the noise's standard deviation on the [0, 1] scale.
        alpha: the probability with which the radius may be wrong.

    Returns:
        None, to abstain, where the lower bound p_A on the class's probability is not above ½.

    Raises:
        IsolossError: as `clopper_pearson_lower`, or if σ is negative or no number.
    """
    if not (sigma >= 0 and math.isfinite(sigma)):
        raise IsolossError(f"σ must be a finite number, 0 or more, not {sigma:g}")
    lower = clopper_pearson_lower(successes, n, alpha)
    if lower < 1 - NEAR:
        return sigma * float(stats.norm.ppf(lower)) if lower > 0.5 else None
    # What is missing from 1 has more digits.
    missing = float(stats.beta.isf(alpha, n - successes + 1, successes))
    return sigma * float(stats.norm.isf(missing))


def is_decided(top: int, second: int, alpha: float = ALPHA) -> bool:
    """Whether the class with `top` votes beats the one with `second`: the two-sided binomial test
    of Cohen's PREDICT; where it does not, one abstains.

    Raises:
        IsolossError: as `clopper_pearson_lower`.
    """
    if top + second == 0:
        return False
    _check(top, top + second, alpha)
    return float(stats.binomtest(top, top + second, 0.5).pvalue) <= alpha


def _check(k: int, n: int, alpha: float) -> None:
    if n < 1 or not 0 <= k <= n:
        raise IsolossError(f"there cannot be {k} successes in {n} trials")
    if not 0 < alpha < 1:
        raise IsolossError(f"α must lie between 0 and 1, not be {alpha:g}")
