"""Networks as they were published: their own image size, normalization and weights.

A timm name with a tag, as in `timm:coatnet_rmlp_2_rw_384.sw_in12k_ft_in1k`, says which training
the weights come from, and with it what images the network expects: they are resized (short side,
the interpolation of its training), cut to their middle and normalized as when it was evaluated. If
images of its own size are given, nothing is left to do but to normalize. A packaged network
(`PACKAGED_NETWORKS`) is one of these whose weights pip brings.
"""

from __future__ import annotations

import functools
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isoloss.compute.data.image_folder import Framing
from isoloss.compute.networks.hub import fetch
from isoloss.compute.networks.normalized import Normalized
from isoloss.errors import IsolossError
from isoloss.paths import is_file
from isoloss.settings.built_in import PACKAGED_NETWORKS, Packaged
from isoloss.settings.source import network_type

WEIGHTS = "model.safetensors"


class Published(Normalized):
    """A network behind the resize, crop and normalization it was trained with.

    Args:
        framing: how it wants its images: their size, the cut, the interpolation.
    """

    def __init__(
        self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...], framing: Framing
    ) -> None:
        super().__init__(network, mean, std)
        self.framing = framing

    @property
    def size(self) -> int:
        """Pixels on a side that the network takes."""
        return self.framing.size

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of square images (N, 3, H, H) in [0, 1] of any size."""
        return super().forward(self.at_own_size(images))

    def at_own_size(self, images: Tensor) -> Tensor:
        """The images as the network is given them, (N, 3, size, size), differentiable."""
        framing = self.framing
        short = framing.size if framing.resized is None else framing.resized
        return _at_size(images, framing.size, short, framing.interpolation)


@torch.fx.wrap
def _at_size(images: Tensor, size: int, resized: int, interpolation: str) -> Tensor:
    """Traced as one step, since what it does depends on the images' size."""
    if images.shape[-2:] == (size, size):
        return images
    images = F.interpolate(
        images, (resized, resized), mode=interpolation, align_corners=False, antialias=True
    )
    edge = round((resized - size) / 2)
    return images[..., edge : edge + size, edge : edge + size]


def build_published(name: str, classes: int) -> Published:
    """The network of a published name, freshly initialized.

    Raises:
        IsolossError: if timm knows no such network or no such tag.
    """
    import timm

    data = _data_config(name)
    network = timm.create_model(_checked(name), pretrained=False, num_classes=classes)
    return Published(network, data["mean"], data["std"], framing_of(name))


def framing_of(name: str, image_size: int | None = None) -> Framing:
    """How images are to be read from files for the network of a published name: as it was
    evaluated then.

    Args:
        image_size: another size of the images, which the network then resizes and cuts itself.

    Raises:
        IsolossError: as `build_published`.
    """
    data = _data_config(name)
    size = int(data["input_size"][-1])
    if image_size not in (None, size):
        return Framing(image_size)
    return Framing(
        size,
        math.floor(size / data["crop_pct"]),
        "bilinear" if data["interpolation"] == "bilinear" else "bicubic",
        squashes=data["crop_mode"] == "squash",
    )


def classes_of(name: str) -> int:
    """How many classes a network of a published name tells apart.

    Raises:
        IsolossError: as `build_published`.
    """
    import timm

    return int(cast("Any", timm.get_pretrained_cfg(_checked(name))).num_classes)


def fetch_weights(name: str, classes: int) -> Path:
    """The weights of a published name: of a package that is installed, or from the hub or this
    machine's cache.

    Args:
        classes: of the data they are for.

    Raises:
        IsolossError: if they cannot be had, naming what to install or to bring, or are for other
            classes.
    """
    import timm

    short = _checked(name)
    config: Any = timm.get_pretrained_cfg(short)
    if (known := classes_of(name)) != classes:
        raise IsolossError(
            f"{name} tells {known:,} classes apart, the data have {classes:,}: images "
            "of ImageNet lie in folders named by WordNet ids (n01440764, …)"
        )
    if name in PACKAGED_NETWORKS:
        return _in_package(name, PACKAGED_NETWORKS[name])
    repository = str(config.hf_hub_id or f"timm/{short}")
    return fetch(
        repository,
        WEIGHTS,
        f"download it from https://huggingface.co/{repository}/resolve/main/{WEIGHTS} on a machine "
        f"that can, put it into any folder here, and give its path with --model {name}",
    )[1]


def _in_package(name: str, packaged: Packaged) -> Path:
    """The file of weights of an installed package, none of whose code is run."""
    spec = find_spec(packaged.module)
    for folder in (spec and spec.submodule_search_locations) or ():
        if is_file(Path(folder) / packaged.file):
            return Path(folder) / packaged.file
    raise IsolossError(f"the weights of {name} are not installed: {packaged.how_to_install}")


@functools.cache
def _data_config(name: str) -> dict[str, Any]:
    """What timm knows of the images the network was trained and evaluated on."""
    import timm
    from timm.data.config import resolve_data_config

    config: Any = timm.get_pretrained_cfg(_checked(name))
    return resolve_data_config(pretrained_cfg=config.to_dict())


def _checked(name: str) -> str:
    """What timm calls it."""
    import timm

    packaged = PACKAGED_NETWORKS.get(name)
    short = packaged.architecture if packaged else network_type(name).name
    if timm.is_model_pretrained(short):
        return short
    near = timm.list_models(f"{short.partition('.')[0]}.*", pretrained=True)[:3]
    hint = f"; there is {', '.join(near)}" if near else "; see timm.list_models(pretrained=True)"
    raise IsolossError(f"timm has no network {short!r}{hint}")
