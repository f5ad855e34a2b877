"""Filling a surface: which cell is evaluated on which samples, and what becomes of the results.

Work goes in rounds. A round's units are independent of each other, so that they can be mapped over
several processes and done in any order; what the next round is follows from what has been recorded.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.engine.multilevel import FIRST_LOOK, PILOT, Multilevel
from isoloss.compute.engine.sample_losses import SampleLosses
from isoloss.compute.engine.stencils import levels
from isoloss.compute.machine.device import summing_dtype
from isoloss.compute.machine.process_group import ProcessGroup, Unit
from isoloss.compute.machine.progress import ProgressRate
from isoloss.events import Event
from isoloss.files import read_json, write_json
from isoloss.geometry.growing import Cell, GrowingSurface, Sums
from isoloss.paths import exists

# A unit is first sample, last sample, then the flat indices of the cells. A demand is cell, first
# sample, last sample; a round names its cells with what it has done already, so that a run resumed
# evaluates the same cells together.
Demand = tuple[int, int, int]
_SUMS = struct.Struct("<ddqq")
GROWTH = 4


class Schedule(Protocol):
    """One way to fill a surface."""

    growing: GrowingSurface

    def rounds(self) -> Iterator[list[Demand]]:
        """What is missing, round by round; each follows from what the ones before recorded."""
        ...

    def work(self, unit: Unit) -> bytes:
        """Evaluate a unit; needs nothing but the evaluator."""
        ...

    def record(self, unit: Unit, result: bytes, missing: Sequence[int]) -> None:
        """Keep a unit's result: that of its `missing` cells, counted within the unit."""
        ...

    def expected(self) -> int:
        """The number of evaluations of one sample that the whole surface will have taken."""
        ...


def carry_out(
    schedule: Schedule,
    rounds: Iterable[list[Demand]],
    group: ProcessGroup,
    together: int,
    stage: str = "probe",
) -> Iterator[Event]:
    """Do what `rounds` ask for, yielding progress.

    Args:
        together: the number of cells evaluated at once.
        stage: what the progress is called.
    """
    done = int(schedule.growing.count.sum())
    progress = ProgressRate(stage, schedule.expected(), "images", done)
    if (event := progress.at(done)) is not None:
        yield event
    for demands in rounds:
        counts = schedule.growing.count.ravel()
        units = [u for u in _units(demands, together) if (counts[list(u[2:])] < u[1]).any()]
        # What is expected is a guess; the round is not.
        ahead = sum((u[1] - u[0]) * int((counts[list(u[2:])] < u[1]).sum()) for u in units)
        progress.total = max(schedule.expected(), done + ahead)
        for unit, result in group.map(units, schedule.work):
            missing = [k for k, cell in enumerate(unit[2:]) if counts[cell] < unit[1]]
            schedule.record(unit, result, missing)
            done += (unit[1] - unit[0]) * len(missing)
            progress.total = max(progress.total, done)
            if (event := progress.at(done)) is not None:
                yield event


class EverySample:
    """Every cell on all samples, in passes over the grid that see more and more of them."""

    def __init__(self, growing: GrowingSurface, evaluator: Evaluator, samples: int) -> None:
        self.growing = growing
        self._evaluator = evaluator
        self._samples = samples
        self._largest = max(1024, 8 * evaluator.batch_size)

    def rounds(self) -> Iterator[list[Demand]]:
        """A first look, then passes over the grid that see more and more samples."""
        depths = levels(self.growing.shape)
        seen = np.zeros(self.growing.valid.size, np.int64)
        yield self._demands(depths[0], seen, FIRST_LOOK)
        whole = np.concatenate(depths)
        last = PILOT
        while last < self._samples:
            yield self._demands(whole, seen, last)
            last = min(last * GROWTH, last + self._largest)
        yield self._demands(whole, seen, self._samples)

    def _demands(
        self, cells: NDArray[np.int64], seen: NDArray[np.int64], last: int
    ) -> list[Demand]:
        """What brings `cells` from what they have `seen` to `last` samples, where they go then."""
        last = self._evaluator.data.cut(min(last, self._samples))
        demands = [(int(c), int(seen[c]), last) for c in cells if seen[c] < last]
        seen[cells] = np.maximum(seen[cells], last)
        return demands

    def work(self, unit: Unit) -> bytes:
        """The sums of a unit's losses, their squares and right answers, cell by cell."""
        return _evaluate(self._evaluator, self.growing, unit, packed)

    def record(self, unit: Unit, result: bytes, missing: Sequence[int]) -> None:
        """Add a unit's sums to its cells."""
        add_sums(self.growing, unit, result, missing)

    def expected(self) -> int:
        """All samples at every cell."""
        return self._samples * self.growing.valid.size


class ToTolerance:
    """Every cell until its standard error is small enough, by multilevel estimates.

    Args:
        before, strict: as of `Multilevel`.

    Attributes:
        multilevel: these estimates.
    """

    def __init__(
        self,
        growing: GrowingSurface,
        evaluator: Evaluator,
        samples: int,
        tolerance: float,
        folder: Path | None,
        before: Multilevel | None = None,
        strict: float = 1.0,
    ) -> None:
        self.growing = growing
        self._evaluator = evaluator
        self._samples = samples
        # What a round is to reach: a run killed on the way goes on with that round.
        self._round = None if folder is None else folder / "round.json"
        several = "targets_per_sample" in growing.meta
        self._losses = SampleLosses(growing.valid.size, samples, folder, several=several)
        self.multilevel = Multilevel(
            growing.alpha,
            growing.beta,
            self._losses,
            growing.population,
            samples,
            tolerance,
            evaluator.data.cut,
            before,
            strict,
        )

    def rounds(self) -> Iterator[list[Demand]]:
        """What the estimates still need, until every error is small enough."""
        begun = bool(self.growing.count.any())
        if begun and self._round is not None and exists(self._round):
            yield [(int(c), int(first), int(last)) for c, first, last in read_json(self._round)]
        while True:
            self._estimate()
            counts = self.growing.count.ravel()
            reach = self.multilevel.next_round(counts)
            if not reach:
                return
            demands = [(c, int(counts[c]), n) for c, n in reach]
            if self._round is not None:
                write_json(self._round, demands)
            yield demands

    def _estimate(self) -> None:
        counts = self.growing.count.ravel()
        for cell, loss, accuracy, stderr in self.multilevel.estimates(counts):
            accuracy = self.growing.accuracy(accuracy)
            self.growing.put(
                place_of(self.growing, cell), loss, accuracy, stderr, int(counts[cell])
            )

    def work(self, unit: Unit) -> bytes:
        """The loss and the right answer of each sample, cell by cell."""
        return _evaluate(self._evaluator, self.growing, unit, _each)

    def record(self, unit: Unit, result: bytes, missing: Sequence[int]) -> None:
        """Keep what each sample gave."""
        first, last, *cells = unit
        n = last - first
        every = np.frombuffer(result, np.uint8).reshape(len(cells), -1)
        answers = np.uint8 if every.shape[1] == 5 * n else np.int32
        for k in missing:
            cell, row = cells[k], every[k]
            losses, hits = row[: n * 4].view(np.float32), row[n * 4 :].view(answers)
            self._losses.put(cell, first, losses, hits)
            # Until the round is over, and better is known, the plain mean of what was first seen.
            place = place_of(self.growing, cell)
            loss = (
                self.growing.loss_at(place) if first > 0 else float(losses.mean(dtype=np.float64))
            )
            accuracy = self.growing.accuracy(float(self._losses.hits(cell, last).mean()))
            self.growing.put(place, loss, accuracy, np.nan, last)

    def expected(self) -> int:
        """As many as the estimates so far let expect."""
        return self.multilevel.expected(self.growing.count.ravel())


def _units(demands: Sequence[Demand], together: int) -> list[Unit]:
    """Neighbouring demands for the same samples, so many at a time."""
    units: list[Unit] = []
    for (first, last), group in itertools.groupby(demands, key=lambda d: d[1:]):
        cells = [d[0] for d in group]
        for start in range(0, len(cells), together):
            units.append((first, last, *cells[start : start + together]))
    return units


def _evaluate(
    evaluator: Evaluator,
    growing: GrowingSurface,
    unit: Unit,
    pack: Callable[[Tensor, Tensor], bytes],
) -> bytes:
    first, last, *cells = unit
    places = [place_of(growing, cell) for cell in cells]
    points = [(float(growing.alpha[i]), float(growing.beta[j])) for i, j in places]
    if len(points) > 1:
        losses, hits = evaluator.evaluate_at(points, first, last)
        return b"".join(pack(ours, right) for ours, right in zip(losses, hits, strict=True))
    evaluator.move_to(*points[0])
    return pack(*evaluator.evaluate(first, last))


def summed(losses: Tensor, hits: Tensor) -> Tensor:
    """(4,) what samples add to a cell, on their device: `Sums` as numbers of one type."""
    wide = losses.to(summing_dtype(losses.device))
    sums = wide.new_empty(4)
    sums[0], sums[1], sums[2], sums[3] = wide.sum(), wide.square().sum(), hits.sum(), len(losses)
    return sums


def sums_of(losses: Tensor, hits: Tensor) -> Sums:
    """What samples add to a cell: summed on the device, and brought from it at once."""
    loss_sum, square_sum, right, _ = summed(losses, hits).tolist()
    return loss_sum, square_sum, int(right), len(losses)


def packed(losses: Tensor, hits: Tensor) -> bytes:
    """`sums_of` samples, as a unit's result has them."""
    return _SUMS.pack(*sums_of(losses, hits))


def packed_sums(several: Iterable[Sums]) -> bytes:
    """Several sums one after the other."""
    return b"".join(_SUMS.pack(*sums) for sums in several)


def sums_in(result: bytes) -> list[Sums]:
    """The sums that a unit's result holds, one after the other."""
    return list(_SUMS.iter_unpack(result))


def add_sums(growing: GrowingSurface, unit: Unit, result: bytes, missing: Sequence[int]) -> None:
    """Add the sums of a unit's cells, one after the other, to those that miss them."""
    sums = sums_in(result)
    for k in missing:
        growing.add(place_of(growing, unit[2 + k]), *sums[k])


def _each(losses: Tensor, hits: Tensor) -> bytes:
    answers = hits.byte() if hits.dtype == torch.bool else hits.int()
    parts = losses.float().contiguous(), answers.contiguous()
    # Brought from the device at once.
    return torch.cat([part.view(torch.uint8) for part in parts]).cpu().numpy().tobytes()


def place_of(growing: GrowingSurface, cell: int) -> Cell:
    """Where in the grid a cell lies, of which the flat index is given."""
    return divmod(cell, len(growing.beta))
