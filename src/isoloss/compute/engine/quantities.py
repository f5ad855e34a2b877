"""What a probe finds at every point beside the loss: further losses of the same samples.

Points come in chains, each beside the one before, and batch after batch goes along a whole chain:
what a quantity finds at one point may set out from what it has found at the one before.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isoloss.compute.data.batch import Batch
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.evaluator import Evaluated, Evaluator, LossesOf
from isoloss.compute.engine.losses import BatchLoss, targets_of
from isoloss.compute.engine.multilevel import PILOT
from isoloss.compute.engine.schedule import GROWTH, Demand, packed_sums, place_of, summed, sums_in
from isoloss.compute.machine.process_group import Unit
from isoloss.compute.networks.copying import copied
from isoloss.errors import IsolossError
from isoloss.geometry.findings import Finding
from isoloss.geometry.growing import GrowingSurface, Sums
from isoloss.geometry.surface import Surface

CHAIN = 24
"""Points in a chain, about: what is lost to a kill is one of these on one block of samples."""
FEW = 8
"""Samples on which it is tried whether a quantity can be found."""

AtPoint = Callable[[Evaluated], Evaluated]
"""Is called at one point of a chain after the other with the losses and right answers of a batch
there, and gives those of its quantity, of as many of the samples as it is about."""


class Quantity(ABC):
    """A further loss of each sample at every point.

    Attributes:
        name: of its column: a word.
        differentiates: whether it takes gradients, for which a batch must be smaller.
    """

    name: str
    differentiates: ClassVar[bool] = False

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is, in words."""

    @property
    @abstractmethod
    def depends_on(self) -> str:
        """A hash, or a text, of all that it follows from beside network and data."""

    @property
    def facts(self) -> dict[str, Any]:
        """What a surface keeps of it beside its title; JSON-compatible."""
        return {}

    def population(self, data: ShuffledSamples, whole: int) -> int:
        """Of how many samples it is the mean when all `whole` of the data have been seen."""
        return whole

    def check(self, losses_of: LossesOf, batch: Batch) -> None:  # noqa: B027
        """Refuse a network, a loss or samples for which there is no such quantity.

        Args:
            losses_of: what the network gives as `Evaluator.losses_of`.

        Raises:
            IsolossError: saying why.
        """

    def findings(self, surface: Surface, evaluator: Evaluator) -> Sequence[Finding]:
        """What a reader of a surface that has been computed should know of it; good news too.

        Args:
            evaluator: what has evaluated the surface; it is left anywhere.
        """
        return ()

    @abstractmethod
    def along(self, evaluator: Evaluator, batch: Batch, first: int) -> AtPoint:
        """What finds it for a batch along a chain, whose points the evaluator is put at.

        Args:
            first: the place of the batch's first sample in the order of all.
        """


@dataclass(frozen=True)
class OfClass(Quantity):
    """The loss of the samples of one class, or of all others.

    Args:
        label: the class's number.
        called: the class's name.
        others: whether of all but that class.
    """

    label: int
    called: str = ""
    others: bool = False

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """class_3, or all_but_3."""
        return f"all_but_{self.label}" if self.others else f"class_{self.label}"

    @property
    def title(self) -> str:
        """Which class, or which not."""
        return f"{'all but' if self.others else 'class'} {self.called or self.label}"

    @property
    def depends_on(self) -> str:
        """Nothing but which class it is."""
        return self.name

    def population(self, data: ShuffledSamples, whole: int) -> int:
        """So many of the samples are of the class; of more than are at hand as many in share."""
        few = sum(int(self.chosen(batch).sum()) for batch in data.batches(0, len(data), 1 << 16))
        return math.ceil(few * whole / len(data))

    def check(self, losses_of: LossesOf, batch: Batch) -> None:
        """Refuse samples without a class each."""
        self.chosen(batch)

    def along(self, evaluator: Evaluator, batch: Batch, first: int) -> AtPoint:
        """Picks them out."""
        places = self.chosen(batch).nonzero()[:, 0]  # once: a mask is counted wherever it is used
        return lambda own: (own[0][places], own[1][places])

    def chosen(self, batch: Batch) -> Tensor:
        """(n,) bool, which samples of a batch it is about."""
        labels = targets_of(batch) if isinstance(batch, tuple | list | dict) else None
        if not isinstance(labels, Tensor) or labels.ndim != 1 or labels.is_floating_point():
            raise IsolossError("the loss of a class is for samples that each have one class")
        return (labels == self.label) != self.others


def chain_length(points: int) -> int:
    """Of the pieces, alike as can be, into which so many points are divided: each begins anew."""
    return math.ceil(points / max(round(points / CHAIN), 1))


def with_gradients(batch_size: int) -> int:
    """As many samples at once as others, where what is kept for gradients takes several times the
    memory."""
    return max(batch_size // 4, 1)


def check_quantities(
    quantities: Sequence[Quantity],
    model: nn.Module,
    loss: BatchLoss,
    data: ShuffledSamples,
    device: torch.device,
) -> None:
    """Refuse quantities that cannot be found; the network is left as it is.

    Raises:
        IsolossError: saying why.
    """
    names = [quantity.name for quantity in quantities]
    if twice := next((n for k, n in enumerate(names) if n in names[:k]), None):
        raise IsolossError(f"two quantities are called {twice}: leave one of them out")
    if quantities and loss.whole:
        raise IsolossError("quantities are of each sample, and this loss is one number for a batch")
    network, few = copied(model, device), next(data.batches(0, data.cut(FEW), FEW))

    def losses_of(batch: Batch) -> Evaluated:
        losses, hits = loss(network, batch)
        return losses, torch.zeros_like(losses) if hits is None else hits

    for quantity in quantities:
        quantity.check(losses_of, few)


class EveryQuantity:
    """Every cell on all samples, the loss and further quantities, in chains of neighbours.

    A chain is a piece of a path on which each cell of the grid lies beside the one before.
    """

    def __init__(
        self,
        growing: GrowingSurface,
        evaluator: Evaluator,
        samples: int,
        quantities: Sequence[Quantity],
    ) -> None:
        self.growing = growing
        self._evaluator = evaluator
        self._samples = samples
        self._quantities = quantities
        rows, columns = growing.shape
        there = range(columns)
        self._path = [
            i * columns + j for i in range(rows) for j in (there if i % 2 == 0 else there[::-1])
        ]

    @property
    def _at_once(self) -> int:
        """Samples in a batch."""
        size = self._evaluator.batch_size
        return with_gradients(size) if any(q.differentiates for q in self._quantities) else size

    def rounds(self) -> Iterator[list[Demand]]:
        """The whole grid on a block of samples, then on the next, larger one."""
        cut, first, block = self._evaluator.data.cut, 0, PILOT
        largest = max(self._evaluator.batch_size, PILOT)
        while first < self._samples:
            last = cut(min(first + block, self._samples))
            yield [(cell, first, last) for cell in self._path]
            first, block = last, min(block * GROWTH, largest)

    @torch.no_grad()
    def work(self, unit: Unit) -> bytes:
        """The sums of a chain's cells, one after the other: of the loss, then of each quantity."""
        first, last, *cells = unit
        places = [place_of(self.growing, cell) for cell in cells]
        points = [(float(self.growing.alpha[i]), float(self.growing.beta[j])) for i, j in places]
        while True:
            try:
                return self._along(points, first, last)
            except (RuntimeError, MemoryError) as error:
                self._evaluator.take_fewer(error)

    def _along(self, points: Sequence[tuple[float, float]], first: int, last: int) -> bytes:
        evaluator = self._evaluator
        found: list[list[Tensor]] = [[] for _ in points]
        for batch in evaluator.data.batches(first, last, self._at_once):
            samples = 0
            seen = [quantity.along(evaluator, batch, first) for quantity in self._quantities]
            for point, at_point in zip(points, found, strict=True):
                evaluator.move_to(*point)
                own = evaluator.losses_of(batch)
                samples = len(own[0])
                at_point.append(torch.stack([summed(*e) for e in (own, *(of(own) for of in seen))]))
            first += samples
        # Brought from the device when all is under way: it waits for none of it before.
        cells: list[list[list[Any]]] = torch.stack([torch.stack(each) for each in found]).tolist()
        return packed_sums(_total(of) for cell in cells for of in zip(*cell, strict=True))

    def record(self, unit: Unit, result: bytes, missing: Sequence[int]) -> None:
        """Add a chain's sums to its cells."""
        sums, each = sums_in(result), 1 + len(self._quantities)
        for k in missing:
            own, *more = sums[k * each : (k + 1) * each]
            self.growing.add(place_of(self.growing, unit[2 + k]), *own, *more)

    def expected(self) -> int:
        """All samples at every cell."""
        return self._samples * len(self._path)


def _total(several: Sequence[Sums]) -> Sums:
    loss_sum, square_sum, hits, count = (sum(values) for values in zip(*several, strict=True))
    return loss_sum, square_sum, int(hits), int(count)
