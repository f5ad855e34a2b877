"""Errors of what is computed of some samples and stands for all of them, and of random probes.

Samples are drawn without replacement and put into blocks: what varies between blocks tells what the
mean over all samples of the population may be, and of a population seen whole nothing is left (the
finite-population correction, Cochran 1977, section 2.6). Intervals are Student's.
"""

from __future__ import annotations

import math
from dataclasses import replace

from scipy.stats import t as student

from isoloss.geometry.arrays import Array
from isoloss.results.estimates import Estimate

BLOCKS = 20
"""Of samples, where there are as many."""
CONFIDENCE = 0.95


def of_parts(value: float, parts: dict[str, tuple[float, int]]) -> Estimate:
    """An estimate of independent errors.

    Args:
        parts: of "samples" and "probes" the variance and its degrees of freedom.
    """
    known = {k: (v, d) for k, (v, d) in parts.items() if v > 0 and d > 0}
    total = sum(v for v, _ in known.values())
    half = 0.0
    if total > 0:
        # Satterthwaite 1946: degrees of freedom of a sum of variances.
        freedom = total**2 / sum(v**2 / d for v, d in known.values())
        half = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(total)
    of_samples, of_probes = (
        math.sqrt(known.get(name, (0.0, 0))[0]) for name in ("samples", "probes")
    )
    return Estimate(value, of_samples, of_probes, half)


def of_one_block(value: float, over_probes: float = 0.0) -> Estimate:
    """An estimate of which nothing tells what other samples would make of it."""
    return Estimate(value, math.nan, over_probes, math.nan)


def two_way(values: Array, sizes: Array, population: int) -> Estimate:
    """The mean of what probes find in blocks of samples.

    Args:
        values: (B, M) of each block the mean over its samples, by each of M independent probes.
        sizes: (B,) the samples of the blocks.
        population: of which these are drawn.
    """
    blocks, probes = values.shape
    seen = sizes.sum()
    weights = sizes / seen
    mean = float(weights @ values.mean(1))
    by_probe = weights @ values
    over_probes = float(by_probe.var(ddof=1)) / probes if probes > 1 else 0.0
    over_samples = 0.0
    unseen = 1 - seen / population
    if blocks < 2 and unseen > 0:
        return of_one_block(mean, math.sqrt(over_probes))
    if unseen > 0:
        own = values.mean(1) - mean
        # What one block's probes alone make of it is in the other error already.
        apart = values - values.mean(1, keepdims=True) - by_probe + mean
        left = (apart**2).sum() / max((blocks - 1) * (probes - 1), 1) / probes
        between = blocks * float((weights**2 * own**2).sum()) / (blocks - 1)
        over_samples = unseen * max(between - float((weights**2).sum() * left), 0.0)
    return of_parts(
        mean, {"samples": (over_samples, blocks - 1), "probes": (over_probes, probes - 1)}
    )


def jackknife(
    value: float, without: Array, sizes: Array, population: int, *, corrected: float = 1.0
) -> Estimate:
    """A function of a mean over samples, from what it is without each block (Quenouille 1956).

    Args:
        corrected: the share of the bias that is taken off; the interval is wider by the rest.
        value: with all blocks.
        without: (B,) without each.
        sizes: (B,) the samples of the blocks.
        population: of which these are drawn.
    """
    blocks = len(without)
    unseen = 1 - sizes.sum() / population
    if unseen <= 0:
        return Estimate(value, 0.0, 0.0, 0.0)
    if blocks < 2:
        return of_one_block(value)
    bias = (blocks - 1) * float(without.mean() - value)
    variance = (blocks - 1) / blocks * float(((without - without.mean()) ** 2).sum())
    bias *= unseen
    found = of_parts(value - corrected * bias, {"samples": (unseen * variance, blocks - 1)})
    return replace(found, half_width=found.half_width + (1 - corrected) * abs(bias))
