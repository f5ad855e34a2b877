"""By which mean and standard deviation images are normalized before a network sees them.

Our own training runs keep theirs. Of a checkpoint trained elsewhere nothing says it: the data's are
assumed unless others are asked for, and what was assumed is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from isoloss.compute.data.dataset import Dataset
from isoloss.compute.data.image_folder import CIFAR_MEAN, CIFAR_STD, IMAGENET_MEAN, IMAGENET_STD
from isoloss.compute.networks.normalized import Normalized
from isoloss.errors import IsolossError
from isoloss.settings.source import network_type


@dataclass(frozen=True)
class Statistics:
    """Of each channel on the [0, 1] scale: (image − mean) / std is what a network is given."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, model: nn.Module) -> Statistics:
        """By what a network normalizes images first; `NONE` where it takes them as they are."""
        if not isinstance(model, Normalized):
            return NONE
        return cls(*(tuple(map(float, t.flatten())) for t in (model.mean, model.std)))

    def is_about(self, other: Statistics) -> bool:
        """Whether both are the same, but for rounding."""
        values = [torch.tensor([*s.mean, *s.std]) for s in (self._whole(), other._whole())]
        return len(values[0]) == len(values[1]) and torch.allclose(*values, rtol=0, atol=5e-4)

    def _whole(self) -> Statistics:
        """With one value where all channels have the same."""
        alike = len({*self.mean}) == len({*self.std}) == 1
        return Statistics(self.mean[:1], self.std[:1]) if alike else self

    def __str__(self) -> str:
        """In words."""
        mean, std = (
            ", ".join(f"{v:.4g}" for v in s) for s in (self._whole().mean, self._whole().std)
        )
        return f"mean {mean} and standard deviation {std}"


NONE = Statistics((0.0,), (1.0,))
KNOWN = {
    "none": NONE,
    "imagenet": Statistics(IMAGENET_MEAN, IMAGENET_STD),
    "cifar10": Statistics(CIFAR_MEAN, CIFAR_STD),
}
"""By the names of `--normalization`."""


def statistics_for(name: str, asked: Any, dataset: Dataset) -> Statistics | None:
    """What is to stand in front of a network for these data; None for nothing.

    Args:
        name: of the network, as `--model` has it.
        asked: settings, which may have `normalization`, `mean` and `std`.

    Raises:
        IsolossError: if its library does not say what the network was trained with, or the images
            have other channels.
    """
    kind = network_type(name).kind
    if kind == "published":
        return None  # it brings its own
    choice, mean = getattr(asked, "normalization", None), getattr(asked, "mean", None)
    if mean is not None:
        found = Statistics(mean, asked.std)
    elif choice is None and kind == "function":
        found = None
    elif choice in (None, "data"):
        found = Statistics(dataset.mean, dataset.std)
    else:
        found = KNOWN[choice] if choice in KNOWN else of_library(name)
        if found is None:
            raise IsolossError(
                f"nothing says by what {name} was normalized in its training: give --mean and "
                "--std, or another --normalization"
            )
    channels = (dataset.train.shape or (1,))[0]
    if found is not None and channels > 1 and len(found.mean) not in (1, channels):
        raise IsolossError(
            f"images of {channels} channels cannot be normalized by {found}: give --mean and --std "
            "with a value for each"
        )
    return found


def of_library(name: str) -> Statistics | None:
    """By what a network's library says that it was trained; None where it says nothing."""
    source = network_type(name)
    match source.kind:
        case "timm":
            import timm

            config: Any = timm.get_pretrained_cfg(source.name, allow_unregistered=True)
            return None if config is None else Statistics(tuple(config.mean), tuple(config.std))
        case "torchvision" | "built-in":
            import torchvision

            if source.name in torchvision.models.list_models(module=torchvision.models):
                return KNOWN["imagenet"]
            return None
        case _:
            return None


def others_than(own: Statistics, name: str, dataset: Dataset) -> Mapping[str, Statistics]:
    """{what to ask for: another normalization that a network may have been trained with}."""
    candidates = {**KNOWN, "data": Statistics(dataset.mean, dataset.std)}
    if (library := of_library(name)) is not None:
        candidates["network"] = library
    found: dict[str, Statistics] = {}
    channels = max((dataset.train.shape or (1,))[0], len(own.mean))
    for choice, statistics in candidates.items():
        fits = len(statistics.mean) in (1, channels)
        if fits and not any(statistics.is_about(known) for known in (own, *found.values())):
            found[choice] = statistics
    return found


def in_words(own: Statistics, dataset: Dataset) -> str:
    """How a network is given its images."""
    if own.is_about(NONE):
        return "as they are, in [0, 1]"
    known = {"ImageNet": KNOWN["imagenet"], "CIFAR-10": KNOWN["cifar10"]}
    if dataset.found != "as the function gives them":
        known = {dataset.name: Statistics(dataset.mean, dataset.std), **known}
    whose = next((f", those of {n}" for n, s in known.items() if own.is_about(s)), "")
    return f"normalized by {own}{whose}"
