"""How far images have to be moved, at least, to be misclassified: no radius is given, one is found.

Fast minimum-norm attacks, in L0, L1, L2 and L∞: Pintor, Roli, Brendel, Biggio 2021, "Fast
Minimum-norm Adversarial Attacks through Adaptive Norm Constraints",
https://arxiv.org/abs/2102.12827. The ball shrinks where an image is misclassified and grows where
it is not, by less and less, while the margin is climbed inside of it. What was found is then drawn
back towards the image as far as it stays misclassified.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from isoloss.compute.machine.waiting import put
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.aims import aimed
from isoloss.robustness.ascent.asking import asked
from isoloss.robustness.ascent.ball import TINY, column
from isoloss.robustness.ascent.objective import (
    Objective,
    RefusedLater,
    frozen,
    objective_of,
)
from isoloss.robustness.ascent.recorded import is_random
from isoloss.robustness.ascent.refusals import as_labels, check_at_least

MinimalNorm = Literal["l0", "l1", "l2", "linf"]
_ORDERS: dict[str, float] = {"l0": 0, "l1": 1, "l2": 2, "linf": math.inf}
_DUALS = {1: math.inf, 2: 2.0, math.inf: 1.0}
FIRST_STEP, LAST_STEP = 1.0, 0.01
"""Lengths of steps in L2, on the [0, 1] scale."""
FIRST_CHANGE, LAST_CHANGE = 0.05, 0.001
"""The fraction by which the ball shrinks or grows."""
HALVINGS = 12
"""Of the way back to the image, at the end."""


@dataclass(frozen=True, repr=False)
class Minimal:
    """What was found of N images.

    Attributes:
        images: (N, C, H, W) misclassified images in [0, 1]; where none was found the image itself.
        distances: (N,) how far they are from their own: values changed, sum of changes, Euclidean
            length or largest change; 0 of images that are misclassified as they are, infinite
            where none was found.
        success: (N,) bool, whether one was found.
    """

    images: Tensor
    distances: Tensor
    success: Tensor

    def __repr__(self) -> str:
        found, count = int(self.success.sum()), len(self.success)
        return f"<Minimal: misclassified images beside {found:,} of {count:,}>"


def minimal_norm(
    model: nn.Module,
    x: Any,
    y: Any,
    norm: MinimalNorm = "l2",
    steps: int = 100,
    *,
    targeted: Any = None,
    generator: torch.Generator | None = None,
    batch_size: int | None = None,
) -> Minimal:
    """The nearest misclassified images that are found, and how far they are.

    Distances are what suffices, never less than what is needed: the smallest there is may be
    smaller.

    Args:
        model, x, y, targeted, batch_size: as for `isoloss.robustness.pgd`.
        norm: "l0" counts values (of colours each on its own), "l1" adds changes up, "l2" is the
            Euclidean length, "linf" the largest change.
        steps: gradient steps.
        generator: draws the classes aimed at where `targeted` is "random".

    Raises:
        IsolossError: as `pgd`; for another norm, or a network that draws noise, where no image is
            misclassified once and for all.
    """
    if norm not in _ORDERS:
        raise IsolossError(f"the norm is {', '.join(_ORDERS)}, not {norm!r}")
    check_at_least("steps", steps)
    if batch_size is not None:
        check_at_least("batch_size", batch_size)
    network, images = asked(model, x)
    if is_random(network):
        raise IsolossError(
            "a network that draws noise has no nearest misclassified image: ask for accuracies at "
            "radii, with pgd or isoloss.robustness.evaluate"
        )
    labels = as_labels(y, images)
    labels = aimed(network, images, labels, targeted, generator, batch_size=batch_size)
    size = batch_size or max(len(images), 1)
    with frozen(network), torch.no_grad():
        objective = RefusedLater(objective_of(network, "margin", about=labels))
        parts = [
            _nearest(objective, some, truth, _ORDERS[norm], steps)
            for some, truth in zip(images.split(size), labels.split(size), strict=True)
        ]
        objective.refuse()
    found, distances = (torch.cat(each) for each in zip(*parts, strict=True))
    return Minimal(found, distances, distances.isfinite())


def _nearest(
    objective: Objective, x: Tensor, y: Tensor, order: float, steps: int
) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) images, and (N,) their distances."""
    n = len(x)
    offsets, best = torch.zeros_like(x), torch.zeros_like(x)
    nearest = x.new_full((n,), torch.inf)
    radius = x.new_zeros(n)
    rows = torch.arange(n, device=x.device)
    for step in range(steps + 1):
        value = objective(x + offsets, y, step < steps)
        reached = _length(offsets, order)
        won = value.success & (reached < nearest)
        put(rows, won, (best, offsets), (nearest, reached))
        if value.gradient is None:
            break
        gradient, margin = value.gradient, value.losses.to(x)
        change = _annealed(FIRST_CHANGE, LAST_CHANGE, step / steps)
        radius = _radius(radius, nearest, reached, value.success, margin, gradient, change, order)
        length = _annealed(FIRST_STEP, LAST_STEP, step / steps)
        scale = torch.linalg.vector_norm(gradient.flatten(1), dim=1).clamp(min=TINY)
        moved = offsets + length * gradient / column(scale)
        offsets = _projected((x + moved).clamp_(0, 1) - x, radius, order)
    return _drawn_back(objective, x, y, best, nearest, order)


def _radius(
    radius: Tensor,
    nearest: Tensor,
    reached: Tensor,
    success: Tensor,
    margin: Tensor,
    gradient: Tensor,
    change: float,
    order: float,
) -> Tensor:
    """Of the next ball: smaller where an image succeeds, and never larger than what is known to
    suffice; before it ever has, as far as the border seems to be."""
    if order == 0:
        fewer = torch.minimum((radius * (1 - change)).floor(), radius - 1)
        more = torch.maximum((radius * (1 + change)).floor(), radius + 1)
    else:
        slope = torch.linalg.vector_norm(gradient.flatten(1), ord=_DUALS[order], dim=1)
        border = reached - margin / slope.clamp(min=TINY)
        fewer = radius * (1 - change)
        more = torch.where(nearest.isfinite(), radius, border) * (1 + change)
    return torch.where(success, torch.minimum(fewer, nearest), more).clamp_(min=0)


def _annealed(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2


def _length(offsets: Tensor, order: float) -> Tensor:
    return torch.linalg.vector_norm(offsets.flatten(1), ord=order, dim=1)


def _projected(offsets: Tensor, radius: Tensor, order: float) -> Tensor:
    """The nearest offsets no longer than (N,) `radius`; each value moves towards 0, if at all."""
    flat = offsets.flatten(1)
    if order == 0:
        return _largest(offsets, radius.long())
    if order == math.inf:
        return torch.minimum(torch.maximum(offsets, -column(radius)), column(radius))
    if order == 2:
        shrink = radius / _length(offsets, 2).clamp(min=TINY)
        return offsets * column(shrink.clamp(max=1))
    # Duchi et al. 2008, "Efficient Projections onto the l1-Ball", figure 1.
    ordered = flat.abs().sort(1, descending=True).values
    over = (ordered.cumsum(1) - radius[:, None]) / torch.arange(
        1, flat.shape[1] + 1, device=flat.device, dtype=flat.dtype
    )
    last = (ordered > over).sum(1, keepdim=True).clamp(min=1) - 1
    threshold = over.gather(1, last).clamp(min=0)
    return (flat.sign() * (flat.abs() - threshold).clamp(min=0)).view_as(offsets)


def _largest(offsets: Tensor, counts: Tensor) -> Tensor:
    """The (N,) `counts` largest values of each image's offsets, 0 elsewhere."""
    flat = offsets.flatten(1)
    rank = flat.abs().argsort(1, descending=True).argsort(1)
    return flat.where(rank < counts[:, None], 0).view_as(offsets)


def _drawn_back(
    objective: Objective, x: Tensor, y: Tensor, best: Tensor, nearest: Tensor, order: float
) -> tuple[Tensor, Tensor]:
    """What was found, nearer by bisection: shorter, or in L0 with fewer of its values."""
    low, high = torch.zeros_like(nearest), torch.ones_like(nearest)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        shorter = best * column(middle)
        if order == 0:
            shorter = _largest(best, (middle * nearest.nan_to_num(posinf=0)).floor().long())
        success = objective(x + shorter, y, False).success
        high, low = middle.where(success, high), middle.where(~success, low)
    kept = best * column(high)
    if order == 0:
        kept = _largest(best, (high * nearest.nan_to_num(posinf=0)).floor().long())
    images = (x + kept).clamp(0, 1)
    return images, _length(images - x, order).where(nearest.isfinite(), torch.inf)
