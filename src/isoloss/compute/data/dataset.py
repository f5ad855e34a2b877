"""What a data set is: splits of inputs and targets, its classes and statistics.

Images are kept as uint8 tensors and turned into [0, 1] floats on the device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from isoloss.compute.machine.hashes import bytes_of

CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Split:
    """Inputs and targets.

    Attributes:
        inputs: (N, …), images as (N, 3, H, W) uint8; floats are taken as they are.
        targets: (N,) int64 class indices.
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def device(self) -> torch.device:
        """Where its samples are computed with."""
        return self.inputs.device

    def to(self, device: torch.device) -> Split:
        """The same data on `device`."""
        return Split(self.inputs.to(device), self.targets.to(device))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input."""
        return tuple(self.inputs.shape[1:])

    def take(self, order: Tensor) -> Split:
        """The samples at the places `order`, (n,) int64."""
        return Split(self.inputs[order], self.targets[order])

    def each(self, orders: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """(inputs, targets) at each of several places, (n,) int64."""
        return ((self.inputs[order], self.targets[order]) for order in orders)

    def labelled(self, targets: Tensor) -> Split:
        """The same inputs with other targets, (N,) int64."""
        return Split(self.inputs, targets)

    def sample(self, n: int | None, seed: int) -> Split:
        """`n` samples drawn at random without replacement; all where `n` is None or too large."""
        if n is None or n >= len(self):
            return self
        return self.take(shuffled(len(self), seed)[:n])

    def held(self) -> list[Any]:
        """All samples, as batches."""
        return [(self.inputs, self.targets)]

    @property
    def in_batches(self) -> bool:
        """Whether these are batches that the data came in."""
        return False

    def tensors(self) -> list[Tensor]:
        """All that they consist of."""
        return [self.inputs, self.targets]

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(inputs, targets) of at most `size` samples, in order."""
        yield from zip(self.inputs.split(size), self.targets.split(size), strict=True)


@dataclass(frozen=True)
class Dataset:
    """A data set, mostly for classification.

    Attributes:
        classes: their names; () where targets are no class indices, and all there is is a probe.
        mean, std: per-channel statistics of the images on the [0, 1] scale.
        mirrors: whether an image means the same mirrored left to right.
        found: how the two splits were found, in words.
        left_out: what of a folder is not used, in words; "" for nothing.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mirrors: bool = True
    found: str = ""
    left_out: str = ""

    def split(self, name: str) -> Split:
        """The split called "train" or "test"."""
        return self.train if name == "train" else self.test

    def of_those_present(self) -> Dataset:
        """The same images with the classes that occur among them and no others, in order."""
        present = torch.cat([self.train.targets, self.test.targets]).unique()
        train, test = (
            split.labelled(torch.searchsorted(present, split.targets))
            for split in (self.train, self.test)
        )
        classes = tuple(self.classes[k] for k in present.tolist())
        return replace(self, train=train, test=test, classes=classes)

    def digest(self) -> str:
        """SHA-256 over all inputs and targets."""
        return digest_of_splits(self.train, self.test)


def digest_of_splits(*splits: Split) -> str:
    """SHA-256 over all inputs and targets."""
    sha = hashlib.sha256()
    for split in splits:
        for tensor in split.tensors():
            sha.update(bytes_of(tensor))
    return sha.hexdigest()


def shuffled(n: int, seed: int) -> Tensor:
    """(n,) int64: the places of n samples in the one order that `seed` gives."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def as_inputs(inputs: Tensor) -> Tensor:
    """What a network is given: uint8 images become floats in [0, 1], all else stays."""
    return inputs.float().div_(255) if inputs.dtype == torch.uint8 else inputs
