"""The own losses of a trajectory's checkpoints, filled like the cells of a surface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.engine.multilevel import Z
from isoloss.compute.engine.schedule import GROWTH, Demand, add_sums, packed
from isoloss.compute.machine.process_group import Unit
from isoloss.compute.networks.checkpoints import Checkpoint
from isoloss.geometry.growing import GrowingSurface

# Samples of the first round where an error is allowed: reading a checkpoint takes longer than few.
FIRST = 256
# The most that a round adds, so that no unit of work takes minutes.
MOST = 4096

OnPlane = tuple[float, float]
"""A place on the plane itself: α and β."""


class CheckpointLosses:
    """One cell for each checkpoint, on the samples of the surface.

    Args:
        samples: the most for a checkpoint.
        largest_error: a loss is not evaluated further when `multilevel.Z` times its standard error
            is no more; 0 for all samples.
        folder: where what is known is kept; in memory if None.
    """

    def __init__(
        self,
        checkpoints: Sequence[Checkpoint | OnPlane],
        evaluator: Evaluator,
        samples: int,
        population: int,
        largest_error: float = 0.0,
        folder: Path | None = None,
    ) -> None:
        self._checkpoints = checkpoints
        self._evaluator = evaluator
        self._samples = samples
        self._largest_error = largest_error
        facts = np.arange(float(len(checkpoints))), np.zeros(1), population, evaluator.classifies
        if folder is None:
            self.growing = GrowingSurface.in_memory(*facts, {})
        elif GrowingSurface.exists(folder):
            self.growing = GrowingSurface.open(folder, writable=True)
        else:
            self.growing = GrowingSurface.create(folder, *facts, {})

    def rounds(self) -> Iterator[list[Demand]]:
        """What is missing, round by round, of the checkpoints as cells."""
        last = FIRST if self._largest_error > 0 else MOST
        while True:
            if demands := self._demands(last):
                yield demands
            if last >= self._samples:
                return
            last = min(last * GROWTH, last + MOST)

    def _demands(self, last: int) -> list[Demand]:
        counts = self.growing.count[:, 0]
        errors = Z * self.growing.snapshot().loss_stderr[:, 0]
        # An error that is not a number is that of a loss which is none: more samples mend nothing.
        vague = (counts == 0) | (errors > self._largest_error)
        if self._largest_error == 0:
            vague = counts < self._samples
        last = self._evaluator.data.cut(min(last, self._samples))
        return [(int(k), int(counts[k]), last) for k in np.flatnonzero(vague & (counts < last))]

    def work(self, unit: Unit) -> bytes:
        """Load one checkpoint and evaluate it, off the plane too; or move to a place on it."""
        first, last, k = unit
        at = self._checkpoints[k]
        if isinstance(at, tuple):
            self._evaluator.move_to(*at)
        else:
            self._evaluator.load(at)
        return packed(*self._evaluator.evaluate(first, last))

    def record(self, unit: Unit, result: bytes, missing: Sequence[int]) -> None:
        """Add what a unit gave to its checkpoint."""
        add_sums(self.growing, unit, result, missing)

    def expected(self) -> int:
        """The number of evaluations of one sample, at least where an error is allowed."""
        counts = self.growing.count
        if self._largest_error > 0:
            return int(np.maximum(counts, min(FIRST, self._samples)).sum())
        return self._samples * counts.size
