"""timm's networks as they were published: their own image size, normalization and weights.

A timm name with a tag, as in `timm:coatnet_rmlp_2_rw_384.sw_in12k_ft_in1k`, says which training
the weights come from, and with it what images the network expects.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from isoloss.compute.checkpoints import load_into, load_state
from isoloss.compute.hub import fetch
from isoloss.compute.models import Normalized
from isoloss.errors import IsolossError

WEIGHTS = "model.safetensors"


class Published(Normalized):
    """A network behind the resize, crop and normalization it was trained with.

    Args:
        size: pixels on a side that the network takes.
        crop: the share of the resized image that this is.
        interpolation: "bicubic" or "bilinear".
    """

    def __init__(
        self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...], size: int,
        crop: float, interpolation: str,
    ) -> None:  # fmt: skip
        super().__init__(network, mean, std)
        self.size = size
        self.resized = math.floor(size / crop)
        self.interpolation = interpolation

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of square images (N, 3, H, H) in [0, 1] of any size."""
        return super().forward(self.at_own_size(images))

    def at_own_size(self, images: Tensor) -> Tensor:
        """The images as the network is given them, (N, 3, size, size), differentiable."""
        if images.shape[-2:] == (self.size, self.size):
            return images
        images = F.interpolate(
            images, (self.resized,) * 2, mode=self.interpolation, align_corners=False,
            antialias=True,
        )  # fmt: skip
        edge = (self.resized - self.size) // 2
        return images[..., edge : edge + self.size, edge : edge + self.size]


def build_published(name: str, classes: int) -> Published:
    """The network of a tagged timm name, freshly initialized.

    Raises:
        IsolossError: if timm knows no such network or no such tag.
    """
    import timm
    from timm.data.config import resolve_model_data_config

    short = _checked(name)
    network = timm.create_model(short, pretrained=False, num_classes=classes)
    data: dict[str, Any] = resolve_model_data_config(network)
    interpolation = "bilinear" if data["interpolation"] == "bilinear" else "bicubic"
    return Published(
        network, data["mean"], data["std"], data["input_size"][-1], data["crop_pct"], interpolation
    )


def load_published(name: str, weights: Path | None = None) -> Published:
    """The network of a tagged timm name with its weights, from the hub or a local file.

    Args:
        weights: the hub's `model.safetensors`, or another state dict of the network.

    Raises:
        IsolossError: if the weights cannot be had: the message names the file to bring.
    """
    import timm

    short = _checked(name)
    config: Any = timm.get_pretrained_cfg(short)
    model = build_published(name, config.num_classes)
    if weights is None:
        repository = config.hf_hub_id or f"timm/{short}"
        weights = fetch(
            repository,
            WEIGHTS,
            f"bring {WEIGHTS} from https://huggingface.co/{repository} and give its path with "
            f"--model {name}",
        )
    load_into(model, load_state(weights), str(weights))
    return model.eval()


def _checked(name: str) -> str:
    """What timm calls it."""
    import timm

    short = name.removeprefix("timm:")
    if timm.is_model_pretrained(short):
        return short
    near = timm.list_models(f"{short.partition('.')[0]}.*", pretrained=True)[:3]
    hint = f"; there is {', '.join(near)}" if near else "; see timm.list_models(pretrained=True)"
    raise IsolossError(f"timm has no network {short!r}{hint}")
