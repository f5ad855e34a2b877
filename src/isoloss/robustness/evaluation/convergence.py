"""What attacks have found with more and less of what they are given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isoloss.results.worst_case import Bits
from isoloss.robustness.evaluation.plan import Combination
from isoloss.robustness.evaluation.results import Results


def resisting_others(results: Results, combination: Combination, eps: float, count: int) -> Bits:
    """(count,) which of the first images all other attacks on the same leave right."""
    others = [
        c for c in results.curves
        if replace(c, attack=combination.attack) == combination and c != combination
    ]  # fmt: skip
    left = results.worst_case(others).get(eps) if others else None
    if left is None or len(left) < count:
        return np.ones(count, bool)
    return left[:count]


def convergence(
    results: Results,
) -> dict[tuple[Combination, str], tuple[list[int], list[Bits], float]]:
    """Of each study that is done: the values, what was right with each, and the ε."""
    found: dict[tuple[Combination, str], tuple[list[int], list[Bits], float]] = {}
    for k, study in enumerate(results.plan.studies):
        done = results.studied(k)
        if done is not None:
            key = study.combination, study.varied
            values, right, _ = found.setdefault(key, ([], [], done[0]))
            values.append(study.value)
            right.append(done[1])
    return found
