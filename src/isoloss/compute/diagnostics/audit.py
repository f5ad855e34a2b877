"""Whether a reduced precision is good enough: a comparison with fp32 at a few points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isoloss.compute.engine.evaluator import Evaluator
from isoloss.geometry.arrays import Array

SAMPLES = 32
# A reduced precision is taken where it moves no audited mean loss by more than this fraction of the
# surface's range.
LARGEST_SHIFT = 0.005


@dataclass(frozen=True)
class Audit:
    """What a reduced precision does, as fractions of the surface's range.

    Attributes:
        shift: the largest shift of a mean loss; infinite where only one of the two is finite.
        noise: the largest standard deviation, over images, of the shift of one image's loss.
    """

    shift: float
    noise: float

    def passes(self, tolerance: float | None) -> bool:
        """Whether it is good enough for a surface that is to be known to `tolerance`.

        Multilevel estimates sample what coarser cells do not predict. The noise of reduced
        precision is not predictable: where it is larger than the tolerance, it takes more images
        to average out than the speed is worth.
        """
        return self.shift <= LARGEST_SHIFT and (tolerance is None or self.noise <= tolerance)

    def __str__(self) -> str:
        return (
            f"differs from fp32 by {100 * self.shift:.2g} % of the surface's range, "
            f"by {100 * self.noise:.2g} % for a single sample"
        )


def audit(
    exact: Evaluator,
    reduced: Evaluator,
    points: Sequence[tuple[float, float]],
    last: int,
    known: Array,
) -> Audit:
    """Compare two evaluators on the first `last` samples at some points.

    Args:
        known: losses that say, with those at the points, how wide the surface's range is.
    """
    pairs: list[tuple[Array, Array]] = []
    for point in points:
        both: list[Array] = []
        for evaluator in (exact, reduced):
            evaluator.move_to(*point)
            both.append(evaluator.evaluate(0, last)[0].cpu().double().numpy())
        pairs.append((both[0], both[1]))
    with np.errstate(all="ignore"):
        means = np.array([[a.mean(), b.mean()] for a, b in pairs])
        seen = np.concatenate([means[:, 0], known.ravel()])
        seen = seen[np.isfinite(seen)]
        spread = float(np.ptp(seen)) if len(seen) else 0.0
        same = (means[:, 0] == means[:, 1]) | np.isnan(means).all(axis=1)
        shifts = np.where(same, 0.0, np.abs(means[:, 1] - means[:, 0]) / spread)
        noises = np.array([(b - a).std() for a, b in pairs]) / spread
    shift = float(np.max(shifts))
    noise = float(np.max(noises[np.isfinite(noises)], initial=0.0))
    return Audit(shift if np.isfinite(shift) else np.inf, noise)
