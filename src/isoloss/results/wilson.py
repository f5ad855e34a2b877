"""Wilson's interval for a share. Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from isoloss.geometry.arrays import Array

CONFIDENCE = 0.95


def wilson(
    correct: ArrayLike, samples: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[Array, Array]:
    """The score interval of a share, after `correct` of `samples` were right.

    Args:
        correct, samples: of any one shape; 0 ≤ correct ≤ samples.

    Returns:
        The lower and the upper ends, of that shape, in [0, 1]; of no samples 0 and 1.
    """
    k, n = np.asarray(correct, np.float64), np.asarray(samples, np.float64)
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    centre = (k + z2 / 2) / (n + z2)
    half = np.sqrt(z2 * (k * (n - k) / np.maximum(n, 1) + z2 / 4)) / (n + z2)
    # At its ends the interval is exact, but for rounding.
    low, high = np.where(k > 0, centre - half, 0.0), np.where(k < n, centre + half, 1.0)
    return np.maximum(low, 0.0), np.where(n > 0, np.minimum(high, 1.0), 1.0)
