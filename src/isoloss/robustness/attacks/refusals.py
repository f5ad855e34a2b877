"""What may enter an attack or a defense; anything else is refused in one line."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from isoloss.errors import IsolossError
from isoloss.naming import dtype_name

ROUNDING = 1e-5
"""By so much an image may lie outside [0, 1], as resizing leaves it."""


def as_images(images: Any, model: nn.Module | None = None) -> Tensor:
    """(N, C, H, W) floats, of a tensor or an array of floats, or of uint8 from 0 to 255.

    By rounding, values may lie outside [0, 1] by as much as `ROUNDING`; they are clamped.

    Args:
        model: they are brought to the type and the device of its parameters.

    Raises:
        IsolossError: of anything else, saying what it is.
    """
    if isinstance(images, np.ndarray) and images.dtype.kind in "fiub":
        images = torch.from_numpy(np.ascontiguousarray(images))
        images = images.float() if images.dtype == torch.float64 else images
    if not isinstance(images, Tensor):
        raise IsolossError(f"images must be a tensor or an array, not a {type(images).__name__}")
    if images.dtype == torch.uint8:
        images = images.float().div_(255)
    if images.is_floating_point() and images.numel() > 0:
        low, high = (float(v) for v in torch.aminmax(images.detach()))
        if low >= -ROUNDING and high <= 1 + ROUNDING and not (low >= 0 and high <= 1):
            images = images.clamp(0, 1)
    check_images(images)
    own = next((p for p in model.parameters() if p.is_floating_point()), None) if model else None
    if own is None:
        return images
    single, double = torch.float32, torch.float64
    kind = own.dtype if {own.dtype, images.dtype} == {single, double} else images.dtype
    return images.to(own.device, kind)


def check_images(images: Tensor) -> None:
    """Refuse anything but (N, C, H, W) floats in [0, 1].

    Raises:
        IsolossError: saying what they are instead.
    """
    if images.ndim != 4 or not images.is_floating_point():
        raise IsolossError(
            f"images must be (N, C, H, W) floats in [0, 1], these are {tuple(images.shape)} "
            f"{dtype_name(images.dtype)}"
        )
    if images.numel() == 0:
        return
    low, high = (float(v) for v in torch.aminmax(images.detach()))
    if not (low >= 0 and high <= 1):  # NaN is neither
        of_256 = low >= 0 and 1 < high <= 255
        raise IsolossError(
            f"images must lie in [0, 1], these reach from {low:.3g} to {high:.3g}: "
            + ("divide them by 255" if of_256 else "normalization belongs inside the network")
        )


def as_labels(labels: Any, images: Tensor) -> Tensor:
    """(N,) int64: a class index for each image, on their device, of a tensor, an array or a list.

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
    if not (found.is_floating_point() or found.is_complex()):
        found = found.to(images.device, torch.int64)
    check_labels(found, images)
    return found


def check_labels(labels: Tensor, images: Tensor) -> None:
    """Refuse anything but one class index (int64) for each image.

    Raises:
        IsolossError: saying what they are instead.
    """
    if labels.ndim != 1 or labels.dtype != torch.int64 or len(labels) != len(images):
        raise IsolossError(
            f"labels must be one int64 class index for each of {len(images)} images, these are "
            f"{tuple(labels.shape)} {dtype_name(labels.dtype)}"
        )


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
    try:
        value = float(eps)
    except (TypeError, ValueError):
        value = math.nan
    if isinstance(eps, str) or not (value >= 0 and math.isfinite(value)):
        raise IsolossError(f"ε must be a finite number, 0 or more, not {eps}")


def check_at_least(name: str, value: int, least: int = 1) -> None:
    """Refuse a count below `least`.

    Raises:
        IsolossError: naming it.
    """
    if not isinstance(value, Integral) or value < least:
        raise IsolossError(f"{name} must be {least} or more, not {value}")


def check_step_size(value: Any) -> None:
    """Refuse what no step is as long as.

    Raises:
        IsolossError: saying what it is.
    """
    if not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise IsolossError(f"the step size must be a number above 0, not {value!r}")


def check_generator(generator: Any, images: Tensor) -> None:
    """Refuse what draws nothing where the images are.

    Raises:
        IsolossError: saying what to give.
    """
    if generator is None:
        return
    if not isinstance(generator, torch.Generator):
        raise IsolossError(
            f"generator must be a torch.Generator, not {type(generator).__name__}: "
            "torch.Generator().manual_seed(5)"
        )
    if generator.device.type != images.device.type:
        raise IsolossError(
            f"the generator is on {generator.device}, the images on {images.device}: give "
            f"torch.Generator({str(images.device)!r})"
        )
