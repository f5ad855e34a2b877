"""What a probe's loss is the mean over: given data, as the loss that was chosen takes them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from isoloss.compute.data.batch import Batch, size_of
from isoloss.compute.data.reading import GivenBatches
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.loss_choice import choose_loss
from isoloss.compute.engine.losses import BatchLoss, Loss
from isoloss.compute.networks.checkpoints import State

# Samples in a batch of data that come in none, for losses that are one number for a batch.
BATCH = 64


@dataclass(frozen=True)
class ProbedData:
    """Data and the loss over them.

    Where the loss is one number for a batch (`loss.whole`), a batch counts as one sample here.

    Attributes:
        population: the number of samples of which the loss is the mean.
        read: how many of them are at hand.
        left_out: how many of those read have no target that counts.
    """

    loss: BatchLoss
    batches: list[Batch]
    population: int
    read: int
    left_out: int
    _size: float

    @classmethod
    def of(
        cls,
        given: GivenBatches,
        loss: Loss | None,
        model: nn.Module,
        device: torch.device,
        *,
        origin: State | None = None,
        per_batch: bool = False,
        name: str | None = None,
        batch_size: int | None = None,
        seed: int = 0,
    ) -> ProbedData:
        """`given` data with the loss that `choose_loss` finds.

        Args:
            batch_size, seed: of the batches of data that come in none, for a loss `per_batch`.

        Raises:
            IsolossError: if network, data and loss do not fit together.
        """
        if per_batch:
            given = given.in_batches(batch_size or BATCH, seed)
        chosen = choose_loss(
            loss, model, given.batches, device, origin=origin, per_batch=per_batch, name=name
        )
        before = sum(map(size_of, given.batches))
        samples = sum(map(size_of, chosen.batches))
        read = len(chosen.batches) if chosen.loss.whole else samples
        population = max(read, given.population * read // before)
        return cls(chosen.loss, chosen.batches, population, read, chosen.left_out, samples / read)

    def limit(self, samples: int | None) -> int | None:
        """So many samples as this counts them: batches, where the loss is one number for each."""
        return (
            None
            if samples is None
            else math.ceil(samples / self._size if self.loss.whole else samples)
        )

    def shuffled(
        self, seed: int, device: torch.device, samples: int | None = None
    ) -> ShuffledSamples:
        """At most `samples` of the data, in the order `seed` gives."""
        return ShuffledSamples.of_batches(
            self.batches, seed, device, samples=self.limit(samples), whole=self.loss.whole
        )
