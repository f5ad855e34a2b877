"""How many points of a plane are worth evaluating together, as measured on the spot."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.machine.device import synchronize

# Networks with fewer multiplications for a sample may gain from several points at once.
SMALL = 10_000_000
MOST = 8
WORTH_IT = 1.3
"""Times as fast as one point after the other."""


def points_at_once(evaluator: Evaluator, asked: int | None = None) -> int:
    """`MOST` where that is faster than one after the other and gives the same losses, else 1.

    Args:
        asked: so many are taken where they give the same losses, faster or not.
    """
    if evaluator.one_by_one or asked == 1 or (asked is None and evaluator.products > SMALL):
        return 1
    most = asked or MOST
    last = evaluator.data.cut(min(len(evaluator.data), evaluator.batch_size, 128))
    points = [(0.01 * k, 0.0) for k in range(most)]
    size = evaluator.batch_size

    def one(k: int) -> torch.Tensor:
        evaluator.move_to(0.01 * k, 0.0)
        return evaluator.evaluate(0, last)[0]

    try:
        together = evaluator.evaluate_at(points, 0, last)[0]
        if evaluator.batch_size < size:  # the memory did not suffice for so many points
            evaluator.batch_size = size
            return 1
        apart = torch.stack([one(k) for k in range(most)])
        if not torch.allclose(together, apart, rtol=1e-2, atol=1e-3, equal_nan=True):
            return 1
        if asked is not None:
            return asked
        alone = _seconds(lambda: one(0), evaluator.device)
        ratio = (
            MOST
            * alone
            / _seconds(lambda: evaluator.evaluate_at(points, 0, last), evaluator.device)
        )
    except Exception:  # vmap does not take every network
        evaluator.batch_size = size
        return 1
    return MOST if ratio >= WORTH_IT else 1


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        work()
        synchronize(device)
        best = min(best, time.perf_counter() - began)
    return best
