"""The loss of images that are attacked at every point of a plane.

By projected gradient descent (Madry et al. 2018, https://arxiv.org/abs/1706.06083) on the probe's
own loss. From one point of a chain to the next the network changes little: an attack goes on from
what it has made of the images there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from isoloss.compute.data.batch import Batch
from isoloss.compute.engine.evaluator import Evaluated, Evaluator
from isoloss.compute.engine.quantities import AtPoint, LossesOf, Quantity
from isoloss.compute.machine.device import rounding
from isoloss.errors import IsolossError
from isoloss.geometry.findings import Finding
from isoloss.geometry.surface import Surface
from isoloss.robustness.ascent.ball import Ball, Norm, ball_of, column
from isoloss.robustness.ascent.objective import frozen
from isoloss.robustness.ascent.protocol import USUAL_STEP
from isoloss.robustness.ascent.refusals import check_at_least, check_step_size
from isoloss.robustness.quantities.attack_checks import attack_at_centre, attack_that_goes_on
from isoloss.robustness.quantities.images import images_of, with_images


@dataclass(frozen=True)
class Adversarial(Quantity):
    """The largest loss of each image within `eps` of it that is found.

    An image's loss is that of its best iterate, among which are the image itself and what the
    attack made of it at the point before; its answer is right if it is so at all of them. So loss
    is at no point lower than the clean one, nor accuracy higher.

    Args:
        eps: the ball's radius on the [0, 1] scale.
        steps: gradient steps from the images; where the attack goes on from the point before, two
            for every five, which find about as much: the first is as long as the radius.
        norm: "linf" or "l2".
        step_size: by default 2.5 · eps / steps.

    Raises:
        IsolossError: if something in this cannot be.
    """

    eps: float
    steps: int = 10
    norm: Norm = "linf"
    step_size: float | None = None
    name: ClassVar[str] = "adversarial"  # pyright: ignore[reportIncompatibleVariableOverride]
    differentiates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        ball_of(self.norm, self.eps)
        check_at_least("steps", self.steps)
        if self.step_size is not None:
            check_step_size(self.step_size)

    @property
    def title(self) -> str:
        """What it is, in words."""
        return "adversarial loss"

    @property
    def depends_on(self) -> str:
        """How it is attacked."""
        return repr(self)

    @property
    def facts(self) -> dict[str, Any]:
        """How it is attacked."""
        return {"eps": self.eps, "norm": self.norm, "steps": self.steps}

    def check(self, losses_of: LossesOf, batch: Batch) -> None:
        """Refuse also losses that let no gradient through."""
        images_of(batch, "the adversarial loss")
        _climbed(losses_of, batch)

    def along(self, evaluator: Evaluator, batch: Batch, first: int) -> AtPoint:
        """Attacks the images at one point after the other."""
        images = images_of(batch, "the adversarial loss")
        start, lengths = images, self.lengths

        def attack(own: Evaluated) -> Evaluated:
            nonlocal start, lengths
            start, found = self._climb(evaluator, batch, own, images, start, lengths)
            lengths = self.lengths_on
            return found

        return attack

    def findings(self, surface: Surface, evaluator: Evaluator) -> list[Finding]:
        """Whether the attack finds anything, and as much where it goes on as where it begins."""
        found = attack_at_centre(surface, self.name)
        return [*found, *attack_that_goes_on(self, surface, evaluator)]

    @property
    def lengths(self) -> list[float]:
        """Of the steps of an attack that begins at the images."""
        length = USUAL_STEP * self.eps / self.steps if self.step_size is None else self.step_size
        return [length] * self.steps

    @property
    def lengths_on(self) -> list[float]:
        """Of one that goes on: two for every five, from ε, with which what has turned at this point
        comes half way to the ball's other side, down to the usual length."""
        steps, usual = -(-2 * self.steps // 5), self.lengths[0]
        return [max(self.eps / 2**k, usual) for k in range(steps)]

    def _climb(
        self,
        evaluator: Evaluator,
        batch: Batch,
        own: Evaluated,
        clean: Tensor,
        start: Tensor,
        lengths: Sequence[float],
    ) -> tuple[Tensor, Evaluated]:
        """The images' best iterates, and (their losses, which answers are right at all iterates).

        Args:
            own: what the batch as it is gives at this point.
            clean: (N, C, H, W) its images.
            start: (N, C, H, W) in the ball, where to begin.
            lengths: of the steps.
        """
        ball = ball_of(self.norm, self.eps)
        best, (losses, hits), here = clean, own, start
        with frozen(evaluator.network), rounding(evaluator.device, evaluator.precision):
            for length in (*lengths, None):
                there = with_images(batch, here)
                look = _seen if length is None else _climbed
                seen, right, gradient = evaluator.looked_at(look, there)
                better = seen > losses
                best = torch.where(column(better), here, best)
                losses, hits = torch.where(better, seen, losses), torch.minimum(hits, right)
                if length is not None and gradient is not None:
                    here = _moved(here, gradient, length, ball, clean)
        return best, (losses, hits)


Looked = tuple[Tensor, Tensor, Tensor | None]
"""Losses, right answers and, where it was taken, the gradient in the images."""


def _seen(losses_of: LossesOf, batch: Batch) -> Looked:
    return *losses_of(batch), None


def _climbed(losses_of: LossesOf, batch: Batch) -> Looked:
    images = batch[0].detach().requires_grad_()
    with torch.enable_grad():
        losses, right = losses_of(with_images(batch, images))
        gradient: Tensor | None = None
        if losses.requires_grad:
            (gradient,) = torch.autograd.grad(losses.sum(), images, allow_unused=True)
    if gradient is None:
        raise IsolossError(
            "no gradient of this loss reaches the images: its adversarial loss cannot be climbed"
        )
    return losses.detach(), right, gradient


def _moved(here: Tensor, gradient: Tensor, length: float, ball: Ball, clean: Tensor) -> Tensor:
    """A step up; none where a gradient is no number, as far out, where losses explode."""
    gradient = gradient.nan_to_num(0.0, 0.0, 0.0)
    return ball.project(here + length * ball.ascent(gradient), clean).clamp_(0, 1)
