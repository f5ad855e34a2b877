"""Samples as what an adversary or a denoiser changes: images, and all that comes with them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from isoloss.compute.data.batch import Batch
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.refusals import check_images


def images_of(batch: Batch, what: str) -> Tensor:
    """(N, C, H, W) the images of a batch.

    Args:
        what: is to be done to them, as errors begin.

    Raises:
        IsolossError: if it has none.
    """
    images: Any = batch[0] if isinstance(batch, tuple | list) and batch else None
    if not isinstance(images, Tensor) or not images.is_floating_point() or images.ndim != 4:
        raise IsolossError(f"{what} is for batches (images, targets): these samples are no images")
    check_images(images)
    return images


def with_images(batch: Batch, images: Tensor) -> Batch:
    """The batch with other images."""
    return (images, *batch[1:])
