"""Batches from which images leave, in a few sizes all the same.

A GPU chooses kernels anew for every shape that it has not seen. So a batch is filled up with its
last image to the next of a few sizes, and what is found of what filled it is dropped.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.machine.waiting import is_at_hand
from isoloss.robustness.ascent.objective import Objective, ObjectiveValue

LEAST = 8


def size_for(count: int, most: int) -> int:
    """Of the sizes of batches the least that holds `count`: multiples of 8, and from 32 on quarters
    of powers of two, or `most`, which is not exceeded."""
    step = max((1 << (count - 1).bit_length()) // 8, LEAST)
    size = -(-count // step) * step
    return max(min(size, most), count)


def filled(values: Tensor, size: int) -> Tensor:
    """(size, …), the last of (N, …) values in the places that are missing."""
    missing = size - len(values)
    return (
        torch.cat([values, values[-1:].expand(missing, *values.shape[1:])]) if missing else values
    )


def logits_in_few_sizes(model: nn.Module, images: Tensor, most: int) -> Any:
    """What `model` gives for (N, C, H, W) images, which on a GPU it is given in a batch of one of
    few sizes, of at most `most`."""
    if is_at_hand(images):
        return model(images)
    given = model(filled(images, size_for(len(images), most)))
    return given[: len(images)] if isinstance(given, Tensor) else given


def in_few_sizes(objective: Objective, most: int) -> Objective:
    """`objective`, which on a GPU is asked about batches of few sizes, of at most `most`."""

    def of_filled(images: Tensor, labels: Tensor, with_gradient: bool) -> ObjectiveValue:
        n = len(images)
        if is_at_hand(images):
            return objective(images, labels, with_gradient)
        size = size_for(n, most)
        value = objective(filled(images, size), filled(labels, size), with_gradient)
        return value.of_first(n)

    return of_filled
