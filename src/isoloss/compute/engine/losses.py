"""What the samples of a batch lose: by cross-entropy, by a loss of the user's own, or by the
network's.

Each gives one value for each sample, such that the mean over all samples is the loss of the data,
also where samples have different numbers of targets that count.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isoloss.compute.data.batch import Batch, mapped, size_of
from isoloss.compute.data.reading import IGNORED, LABELS
from isoloss.compute.machine.device import as_float32
from isoloss.compute.machine.user_code import name_of
from isoloss.errors import IsolossError

Loss = Callable[[nn.Module, Batch], Tensor]
LossesAndHits = tuple[Tensor, Tensor | None]


@dataclass(frozen=True)
class BatchLoss(ABC):
    """A loss as it is evaluated.

    Attributes:
        is_of_logits: whether it is computed of one forward pass, from the logits.
        name: as surfaces keep it.
        differentiates: whether it needs gradients, of the inputs or of what is within the network.
        whole: whether it is one number for a batch, which then counts as one sample.
        targets_per_sample: the mean, over the data, of how many targets of a sample count; of a
            loss that is one number for a batch, of how many a batch has.
        classes: which the network tells apart; None where that is unknown.
    """

    is_of_logits: ClassVar[bool] = False

    name: str
    differentiates: bool = False
    whole: bool = False
    targets_per_sample: float = 1.0
    classes: int | None = None

    def __call__(self, network: nn.Module, batch: Batch) -> LossesAndHits:
        """((n,) losses, (n,) how many answers are right, None if the network is no classifier)."""
        if not self.differentiates:
            return self._of(network, batch)
        with torch.enable_grad():
            losses, hits = self._of(network, batch)
        return losses.detach(), hits

    @property
    def users_function(self) -> Loss | None:
        """The function of the user's own that it is; None for any other loss."""
        return None

    @abstractmethod
    def _of(self, network: nn.Module, batch: Batch) -> LossesAndHits: ...

    @abstractmethod
    def counted(self, batch: Batch) -> Tensor:
        """(n,) how many targets of each sample count; of a loss that is one number, (1,)."""


@dataclass(frozen=True)
class Forward:
    """How a network is run on a batch.

    Attributes:
        call: gives what the network returns.
        logits_in: finds the logits in that.
    """

    call: Callable[[nn.Module, Batch], Any]
    logits_in: Callable[[Any], Tensor] | None = None

    def logits(self, network: nn.Module, batch: Batch) -> Tensor:
        """The logits, at least in single precision."""
        outputs = self.call(network, batch)
        return as_float32(outputs if self.logits_in is None else self.logits_in(outputs))


def on_inputs(network: nn.Module, batch: Batch) -> Any:
    """What the network gives for the inputs of (inputs, targets)."""
    return network(batch[0])


@dataclass(frozen=True)
class CrossEntropy(BatchLoss):
    """Cross-entropy of class indices or of probabilities.

    Attributes:
        classes_last: whether classes are the last axis of the logits, and not the second.
        shifted: whether each target is of the place before it, as language models have it.
    """

    is_of_logits = True

    name: str = "cross-entropy"
    forward: Forward = Forward(on_inputs)
    classes_last: bool = False
    shifted: bool = False

    def _of(self, network: nn.Module, batch: Batch) -> LossesAndHits:
        return self.of_logits(self.forward.logits(network, batch), batch)

    def of_logits(self, logits: Tensor, batch: Batch) -> LossesAndHits:
        """What `__call__` gives, of logits that are known."""
        targets = self._targets(batch)
        if self.shifted:
            logits = logits[:, :-1]
        if self.classes_last:
            logits = logits.movedim(-1, 1)
        losses = F.cross_entropy(logits, targets, reduction="none")
        several = losses.ndim > 1
        if several:
            losses = losses.flatten(1).sum(1)
        if several or self.targets_per_sample != 1:
            losses = losses / self.targets_per_sample
        if targets.dtype.is_floating_point:
            return losses, None
        hits = logits.argmax(1) == targets
        return losses, hits.flatten(1).sum(1) if several else hits

    def _targets(self, batch: Batch) -> Tensor:
        targets = targets_of(batch)
        return targets[:, 1:] if self.shifted else targets

    def counted(self, batch: Batch) -> Tensor:
        """(n,) how many targets of each sample are not ignored."""
        targets = self._targets(batch)
        if targets.dtype.is_floating_point:
            return torch.full((len(targets),), math.prod(targets.shape[2:]))
        return (targets != IGNORED).reshape(len(targets), -1).sum(1)


@dataclass(frozen=True)
class UsersLoss(BatchLoss):
    """What a function of the user's own gives."""

    function: Loss = lambda network, batch: network(batch)

    @property
    def users_function(self) -> Loss:
        """The function that it is."""
        return self.function

    def _of(self, network: nn.Module, batch: Batch) -> LossesAndHits:
        n = size_of(batch)
        if self.differentiates:  # it may ask for gradients of these very tensors
            batch = mapped(torch.Tensor.detach, batch)
        given: Any = self.function(network, batch)
        if self.whole:
            return _as_one(given) * (n / self.targets_per_sample), None
        if not isinstance(given, Tensor):
            raise IsolossError(
                f"the loss must give one value for each sample, it gave a {type(given).__name__}"
            )
        if given.ndim == 0:
            raise IsolossError(
                "the loss must give one value for each sample, it gave a single one for "
                f"{n}: leave out its mean (reduction='none'), or say that it is one for a batch, "
                "--per-batch"
            )
        if given.shape != (n,):
            raise IsolossError(
                f"the loss must give one value for each sample, it gave {tuple(given.shape)} "
                f"for {n}"
            )
        return given, None

    def counted(self, batch: Batch) -> Tensor:
        """The number of samples of a batch as a whole; else 1 for each sample."""
        n = size_of(batch)
        return torch.tensor([n]) if self.whole else torch.ones(n)


@dataclass(frozen=True)
class NetworksOwnLoss(BatchLoss):
    """What a network gives as its own `loss` of a batch."""

    name: str = "the network's own, batch by batch"
    whole: bool = True
    forward: Forward = Forward(on_inputs)

    def _of(self, network: nn.Module, batch: Batch) -> LossesAndHits:
        own = _as_one(own_loss(self.forward.call(network, batch)))
        return own * (self.counted(batch) / self.targets_per_sample).to(own), None

    def counted(self, batch: Batch) -> Tensor:
        """(1,) how many targets of the batch are not ignored."""
        targets = targets_of(batch)
        if targets.dtype.is_floating_point:
            return torch.tensor([size_of(batch)])
        return (targets != IGNORED).sum()[None]


def targets_of(batch: Batch) -> Any:
    """What is to be learnt of a batch."""
    return batch[LABELS] if isinstance(batch, Mapping) else batch[1]


def named(outputs: Any, name: str) -> Any:
    """What a network returns by a name, in a mapping or as an attribute; None if nothing."""
    return outputs.get(name) if isinstance(outputs, Mapping) else getattr(outputs, name, None)


def own_loss(outputs: Any) -> Any:
    """The loss that a network returns with its outputs; None where there is none."""
    return named(outputs, "loss")


def as_batch_loss(loss: BatchLoss | Loss | None) -> BatchLoss:
    """Cross-entropy by default; a function as it is."""
    if loss is None:
        return CrossEntropy()
    return loss if isinstance(loss, BatchLoss) else UsersLoss(name_of(loss), function=loss)


def _as_one(given: Any) -> Tensor:
    try:
        value = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise IsolossError(
            f"the loss must give one number for a batch, it gave a {type(given).__name__}"
        ) from error
    if value.numel() != 1:
        raise IsolossError(
            f"the loss must give one number for a batch, it gave {tuple(value.shape)}: leave "
            "--per-batch away where it gives one for each sample"
        )
    return value.reshape(1)
