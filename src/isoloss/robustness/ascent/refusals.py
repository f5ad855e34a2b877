"""What may enter an attack or a defense; anything else is refused in one line."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sized
from functools import cache
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from isoloss.errors import IsolossError
from isoloss.naming import dtype_name

ROUNDING = 1e-5
"""By so much an image may lie outside [0, 1], as resizing leaves it."""
OVERSHOOT = 0.5
"""By no more do images lie outside [0, 1] that bicubic resizing has left so."""


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
    images = within_range(images)
    own = next((p for p in model.parameters() if p.is_floating_point()), None) if model else None
    if own is None:
        return images
    single, double = torch.float32, torch.float64
    kind = own.dtype if {own.dtype, images.dtype} == {single, double} else images.dtype
    return images.to(own.device, kind)


def is_half(images: Any) -> bool:
    """Whether images are given in half precision, in which they are then to be given back."""
    return str(getattr(images, "dtype", "")).removeprefix("torch.") in ("float16", "bfloat16")


def within_range(images: Tensor) -> Tensor:
    """The images, clamped to [0, 1] where they lie outside by no more than `ROUNDING`.

    Raises:
        IsolossError: as `check_images`.
    """
    low, high = check_images(images)
    return images if low >= 0 and high <= 1 else images.clamp(0, 1)


def check_images(images: Tensor) -> tuple[float, float]:
    """Refuse anything but (N, C, H, W) floats in [0, 1], but for `ROUNDING`; returns the smallest
    and the largest value.

    Raises:
        IsolossError: saying what they are instead.
    """
    check_kind(images)
    if images.numel() == 0:
        return 0.0, 1.0
    low, high = torch.stack(torch.aminmax(images.detach())).tolist()
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # NaN is neither
        raise IsolossError(
            f"images must lie in [0, 1], these reach from {low:.3g} to {high:.3g}: "
            + _mend(low, high)
        )
    return low, high


def check_kind(images: Tensor) -> None:
    """Refuse anything but (N, C, H, W) floats.

    Raises:
        IsolossError: saying what they are instead.
    """
    if images.ndim != 4 or not images.is_floating_point():
        raise IsolossError(
            f"images must be (N, C, H, W) floats in [0, 1], these are {tuple(images.shape)} "
            f"{dtype_name(images.dtype)}"
        )


def _mend(low: float, high: float) -> str:
    if low > -OVERSHOOT and high < 1 + OVERSHOOT:
        return "resized ones overshoot, clamp them (images.clamp(0, 1))"
    if low >= 0 and 1 < high <= 255:
        return "divide them by 255"
    return "normalization belongs inside the network"


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


def check_labels(labels: Tensor, images: Sized) -> None:
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


def check_logits(logits: Any, labels: Tensor) -> Tensor:
    """The logits (N, classes) a network gave for images with these labels, if they can be used.

    Raises:
        IsolossError: if they are no logits (`as_logits`) or have no class for some label.
    """
    return check_logits_of(labels)(logits, labels)


def check_logits_of(all_labels: Tensor) -> Callable[[Any, Tensor], Tensor]:
    """`check_logits` of images with some of these labels: how far they reach is asked for once."""

    @cache
    def reach() -> tuple[int, int]:
        return tuple(torch.stack(torch.aminmax(all_labels)).tolist())

    def check(logits: Any, labels: Tensor) -> Tensor:
        logits = as_logits(logits, len(labels))
        if len(labels) == 0:
            return logits
        low, high = reach()
        if low < 0 or high >= logits.shape[1]:
            raise IsolossError(
                f"labels must be 0 to {logits.shape[1] - 1} for this network, these reach from "
                f"{low} to {high}"
            )
        return logits

    return check


def as_logits(given: Any, n: int) -> Tensor:
    """(N, classes) logits, of what a network gave for `n` images.

    One logit z an image, (N, 1), is that of class 1 of two: (0, z) has the same softmax as z has a
    sigmoid.

    Raises:
        IsolossError: of anything else, saying what to give in its place.
    """
    if isinstance(given, Tensor) and given.ndim == 2 and len(given) == n and given.shape[1] > 0:
        return given if given.shape[1] > 1 else torch.cat([torch.zeros_like(given), given], 1)
    is_tensor = isinstance(given, Tensor)
    raise IsolossError(
        "a classifier gives (N, classes) logits, this network gives "
        f"{tuple(given.shape) if is_tensor else type(given).__name__}{_way_to_logits(given, n)}"
    )


def _way_to_logits(given: Any, n: int) -> str:
    wrapped = ": attack a network that gives "
    match given:
        case Tensor() if given.shape == (n,):
            return f"{wrapped}network(x)[:, None], if it is the logit of class 1 of two"
        case Tensor() if given.ndim > 2 and len(given) == n:
            places = ", ".join(map(str, range(2, given.ndim)))
            return f"{wrapped}one answer an image, as network(x).mean(({places}))"
        case Mapping() if given:
            name = "logits" if "logits" in given else next(iter(given))
            return f"{wrapped}network(x)[{name!r}]"
        case tuple() | list() if given:
            return f"{wrapped}the logits alone, as network(x)[0]"
        case _ if isinstance(getattr(given, "logits", None), Tensor):
            return f"{wrapped}network(x).logits"
        case _:
            return ""


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
        kind = "" if isinstance(value, Integral) else "a whole number, "
        raise IsolossError(f"{name} must be {kind}{least} or more, not {value}")


def as_indices(indices: Any, images: Tensor) -> list[int]:
    """One whole number from 0 on for each image, of any sequence, array or tensor of them.

    Raises:
        IsolossError: of anything else, saying what it is.
    """
    given: list[Any] = indices.tolist() if hasattr(indices, "tolist") else list(indices)
    for index in given:
        if not isinstance(index, Integral) or index < 0:
            raise IsolossError(f"indices are whole numbers from 0 on, not {index}")
    if len(given) != len(images):
        raise IsolossError(f"there are {len(images)} images and {len(given)} indices")
    return [int(index) for index in given]


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
