"""What may enter an attack or a defense; anything else is refused in one line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isoloss.errors import IsolossError

ROUNDING = 1e-5
"""By so much an image may lie outside [0, 1], as resizing leaves it."""


def check_images(images: Any) -> Tensor:
    """(N, C, H, W) images in [0, 1], floats or uint8, of a tensor or an array.

    uint8 stays so; doubles of NumPy become single. By rounding values may lie outside by as much
    as `ROUNDING`, and are clamped.

    Raises:
        IsolossError: of anything else, saying what it is.
    """
    if isinstance(images, np.ndarray):
        images = torch.from_numpy(np.ascontiguousarray(images))
        images = images.float() if images.dtype == torch.float64 else images
    if not isinstance(images, Tensor):
        raise IsolossError(f"images must be a tensor or an array, not a {type(images).__name__}")
    if images.ndim != 4 or not (images.is_floating_point() or images.dtype == torch.uint8):
        raise IsolossError(
            f"images must be (N, C, H, W) floats in [0, 1], these are {tuple(images.shape)} "
            f"{str(images.dtype).removeprefix('torch.')}"
        )
    if images.numel() == 0 or images.dtype == torch.uint8:
        return images
    low, high = (float(v) for v in torch.aminmax(images.detach()))
    if low >= 0 and high <= 1:
        return images
    if low >= -ROUNDING and high <= 1 + ROUNDING:  # NaN is neither
        return images.clamp(0, 1)
    what = (
        "divide them by 255" if low >= 0 and 1 < high <= 255
        else "normalization belongs inside the network"
    )  # fmt: skip
    raise IsolossError(
        f"images must lie in [0, 1], these reach from {low:.3g} to {high:.3g}: {what}"
    )


def check_labels(labels: Any, images: Tensor) -> Tensor:
    """(N,) int64: a class index for each image, of a tensor, an array or a list.

    Integers of any type, (N, 1), and one-hot (N, classes) are taken too.

    Raises:
        IsolossError: of anything else, saying what it is.
    """
    try:
        given = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise IsolossError(
            f"labels must be a tensor, an array or a list, not a {type(labels).__name__}"
        ) from error
    found = given
    if found.ndim == 2 and _is_one_hot(found):
        found = found.argmax(1)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    is_whole = not (found.is_floating_point() or found.is_complex())
    if found.ndim != 1 or not is_whole or len(found) != len(images):
        raise IsolossError(
            f"labels must be one int64 class index for each of {len(images)} images, these are "
            f"{tuple(given.shape)} {str(given.dtype).removeprefix('torch.')}"
        )
    return found.long()


def _is_one_hot(labels: Tensor) -> bool:
    of_bits = bool(((labels == 0) | (labels == 1)).all())
    return labels.shape[1] > 1 and of_bits and bool((labels.sum(1) == 1).all())


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
