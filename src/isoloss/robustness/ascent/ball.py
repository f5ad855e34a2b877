"""The norm balls an adversary may move in: where to start, how to step, how to come back."""

from __future__ import annotations

from typing import Literal, Protocol

import torch
from torch import Tensor

from isoloss.errors import IsolossError
from isoloss.robustness.ascent.refusals import check_eps

Norm = Literal["linf", "l2"]
# Below this a gradient has no direction that floats could tell.
TINY = 1e-12
SLACK = 1e-5
"""By so much rounding may take what lies on a ball's surface out of it."""


class Ball(Protocol):
    """All images within `eps` of an image, in some norm, on the [0, 1] scale."""

    eps: float

    def random_offsets(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        """Offsets (N, C, H, W) drawn uniformly from the ball."""
        ...

    def ascent(self, gradient: Tensor) -> Tensor:
        """The direction of steepest ascent, of norm 1, for each image's gradient."""
        ...

    def project(self, moved: Tensor, images: Tensor) -> Tensor:
        """The nearest points in the balls around `images`."""
        ...

    def distance(self, moved: Tensor, images: Tensor) -> Tensor:
        """(N,) how far each image has been moved."""
        ...

    def keep(self, moved: Tensor, instead: Tensor, images: Tensor) -> Tensor:
        """`moved`, but `instead` where that lies outside the balls."""
        ...


class LInfBall:
    """No value moves by more than `eps`."""

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def random_offsets(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        """(N, C, H, W), every value uniform in [−ε, ε]."""
        return torch.empty_like(images).uniform_(-self.eps, self.eps, generator=generator)

    def ascent(self, gradient: Tensor) -> Tensor:
        """The gradient's sign: all values move by the same."""
        return gradient.sign()

    def project(self, moved: Tensor, images: Tensor) -> Tensor:
        """Every value clamped to within ε of its own."""
        return images + (moved - images).clamp_(-self.eps, self.eps)

    def distance(self, moved: Tensor, images: Tensor) -> Tensor:
        """(N,) the largest change of a value."""
        return (moved - images).flatten(1).abs().amax(1)

    def keep(self, moved: Tensor, instead: Tensor, images: Tensor) -> Tensor:
        """Value by value, within a tolerance for rounding."""
        return torch.where((moved - images).abs() <= self.eps + SLACK, moved, instead)


class L2Ball:
    """The Euclidean length of the whole image's change is at most `eps`."""

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def random_offsets(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        """(N, C, H, W), uniform in the ball: a direction, and a length by the ball's volume."""
        directions = torch.empty_like(images).normal_(generator=generator)
        uniform = torch.rand(len(images), generator=generator, device=images.device)
        # The fraction of a d-ball within the radius r is r^d.
        radii = uniform.to(images.dtype) ** (1 / max(images[0].numel(), 1)) * self.eps
        return directions * column(radii / _length(directions).clamp(min=TINY))

    def ascent(self, gradient: Tensor) -> Tensor:
        """The gradient, scaled to length 1; 0 where it is 0."""
        # First by the largest value: the squares of what is very small would be 0.
        largest = gradient.flatten(1).abs().amax(1)
        scaled = gradient / column(largest.clamp(min=torch.finfo(gradient.dtype).tiny))
        return scaled / column(_length(scaled).clamp(min=TINY))

    def project(self, moved: Tensor, images: Tensor) -> Tensor:
        """Changes that are too long, scaled to the length ε."""
        offsets = moved - images
        shrink = self.eps / _length(offsets).clamp(min=TINY)
        return images + offsets * column(shrink.clamp_(max=1))

    def distance(self, moved: Tensor, images: Tensor) -> Tensor:
        """(N,) the Euclidean length of the change."""
        return _length(moved - images)

    def keep(self, moved: Tensor, instead: Tensor, images: Tensor) -> Tensor:
        """Image by image, within a tolerance for rounding."""
        inside = self.distance(moved, images) <= self.eps + SLACK
        return torch.where(column(inside), moved, instead)


def ball_of(norm: str, eps: float) -> Ball:
    """The ball of a norm, "linf" or "l2".

    Raises:
        IsolossError: if `eps` is negative, no number or larger than the images, or the norm is
            another.
    """
    check_eps(eps)
    if norm == "linf":
        if eps > 1:
            raise IsolossError(
                f"images lie in [0, 1], and ε = {eps:g} reaches beyond all of them: of 256 levels "
                f"{eps:g} are {eps:g}/255"
            )
        return LInfBall(eps)
    if norm == "l2":
        return L2Ball(eps)
    raise IsolossError(f"the norm is linf or l2, not {norm!r}")


def _length(offsets: Tensor) -> Tensor:
    return torch.linalg.vector_norm(offsets.flatten(1), dim=1)


def column(values: Tensor) -> Tensor:
    """(N, 1, 1, 1), one value for each image."""
    return values.view(-1, 1, 1, 1)
