"""The exact interval for a share. Clopper, Pearson 1934, https://doi.org/10.1093/biomet/26.4.404

As `isoloss.robustness.clopper_pearson_interval`, without SciPy, which takes the window too long to
import.
"""

from __future__ import annotations

from functools import cache

import numpy as np

_HALVINGS = 60


@cache
def exact_interval(correct: int, samples: int, confidence: float = 0.95) -> tuple[float, float]:
    """The ends, in [0, 1], of the exact interval after `correct` of `samples` ≥ 1 were right."""
    tail = (1 - confidence) / 2
    wrong = samples - correct
    return _lower_end(correct, samples, tail), 1 - _lower_end(wrong, samples, tail)


def _lower_end(k: int, n: int, tail: float) -> float:
    """The share p at which k or more of n come with the probability `tail`."""
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    i = np.arange(k, n + 1)
    ways = factorials[n] - factorials[i] - factorials[n - i]  # logarithms, as those above
    low, high = 0.0, k / n
    for _ in range(_HALVINGS if k else 0):
        p = (low + high) / 2
        if np.exp(ways + i * np.log(p) + (n - i) * np.log1p(-p)).sum() < tail:
            low = p
        else:
            high = p
    return low
