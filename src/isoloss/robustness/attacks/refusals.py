"""What may enter an attack or a defense; anything else is refused in one line."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isoloss.errors import IsolossError


def check_images(images: Tensor) -> None:
    """Refuse anything but (N, C, H, W) floats in [0, 1].

    Raises:
        IsolossError: saying what they are instead.
    """
    if images.ndim != 4 or not images.is_floating_point():
        raise IsolossError(
            f"images must be (N, C, H, W) floats in [0, 1], these are {tuple(images.shape)} "
            f"{str(images.dtype).removeprefix('torch.')}"
        )
    if images.numel() == 0:
        return
    low, high = (float(v) for v in torch.aminmax(images.detach()))
    if not (low >= 0 and high <= 1):  # NaN is neither
        raise IsolossError(
            f"images must lie in [0, 1], these reach from {low:.3g} to {high:.3g}: "
            "normalization belongs inside the network"
        )


def check_labels(labels: Tensor, images: Tensor) -> None:
    """Refuse anything but one class index (int64) for each image.

    Raises:
        IsolossError: saying what they are instead.
    """
    if labels.ndim != 1 or labels.dtype != torch.int64 or len(labels) != len(images):
        raise IsolossError(
            f"labels must be one int64 class index for each of {len(images)} images, these are "
            f"{tuple(labels.shape)} {str(labels.dtype).removeprefix('torch.')}"
        )


def check_logits(logits: object, labels: Tensor) -> Tensor:
    """The logits (N, classes) a network gave for images with these labels, if they can be used.

    Raises:
        IsolossError: if they are of another shape or have no class for some label.
    """
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(labels):
        given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise IsolossError(f"a classifier gives (N, classes) logits, this network gives {given}")
    if len(labels) == 0:
        return logits
    low, high = (int(v) for v in torch.aminmax(labels))
    if low < 0 or high >= logits.shape[1]:
        raise IsolossError(
            f"labels must be 0 to {logits.shape[1] - 1} for this network, these reach from {low} "
            f"to {high}"
        )
    return logits


def check_eps(eps: float) -> None:
    """Refuse a radius that is negative or no number.

    Raises:
        IsolossError: saying so.
    """
    if not (eps >= 0 and math.isfinite(eps)):
        raise IsolossError(f"ε must be a finite number, 0 or more, not {eps:g}")


def check_at_least(name: str, value: int, least: int = 1) -> None:
    """Refuse a count below `least`.

    Raises:
        IsolossError: naming it.
    """
    if value < least:
        raise IsolossError(f"{name} must be {least} or more, not {value}")
