"""One attack over a list of radii: what is fooled in a small ball is fooled in a larger one.

So each image is attacked until the first radius that fools it, also once it is rounded to 8 bits;
the larger ones take over what was found, and the batch holds nothing but images that still resist.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from isoloss.errors import IsolossError
from isoloss.robustness.ascent import Attacked
from isoloss.robustness.ball import SLACK, Ball, Norm, ball_of
from isoloss.robustness.checks import check_eps, check_images, check_labels, check_logits
from isoloss.robustness.looking import held_still, refuse_nan, wide

# (images, labels, ε) -> what the attack makes of them.
Attack = Callable[[Tensor, Tensor, float], Attacked]


@dataclass(frozen=True)
class AtEpsilon:
    """All N images at one radius.

    Attributes:
        eps: the radius, on the [0, 1] scale.
        images: (N, C, H, W) adversarial images in [0, 1].
        fooled: (N,) bool, whether an attack within this radius succeeds.
        fooled_in_8_bits: (N,) bool, whether it still does once every value is one of 256.
        without_gradient: (N,) bool, whether the attack found no gradient to follow.
        attacked: how many images had to be attacked at this radius.
        seconds: that took.
    """

    eps: float
    images: Tensor
    fooled: Tensor
    fooled_in_8_bits: Tensor
    without_gradient: Tensor
    attacked: int
    seconds: float

    @property
    def survivors(self) -> int:
        """How many images are still classified rightly."""
        return int((~self.fooled).sum())


def sweep(
    attack: Attack,
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    epsilons: Sequence[float],
    *,
    carry: bool = True,
    after: AtEpsilon | None = None,
    norm: Norm = "linf",
    batch_size: int | None = None,
) -> Iterator[AtEpsilon]:
    """Attack `x` at each radius, the smallest first.

    For a network without randomness only: what fools one draw of noise may not fool the next.

    Args:
        attack: for example a call of `isoloss.robustness.attack` with a protocol.
        model: judges what the attack returns.
        epsilons: radii in any order; 0 is the clean accuracy.
        carry: whether successes are taken over at larger radii; without, every image is attacked
            at every radius.
        after: where an earlier sweep over the same images stopped; smaller radii are left out.
        norm: of the radii, "linf" or "l2".
        batch_size: images judged together.

    Raises:
        IsolossError: for a negative radius, or whatever the attack refuses.
    """
    check_images(x)
    check_labels(y, x)
    for eps in epsilons:
        check_eps(eps)
    if after is not None and after.images.shape != x.shape:
        raise IsolossError(
            f"the sweep to go on with was over {len(after.images)} images, these are {len(x)}"
        )
    known = after
    for eps in sorted(set(epsilons)):
        if known is not None and eps <= known.eps:
            continue
        known = _at(attack, model, x, y, eps, known if carry else None, norm, batch_size)
        yield known


def _at(
    attack: Attack,
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    known: AtEpsilon | None,
    norm: Norm,
    batch_size: int | None,
) -> AtEpsilon:
    began = time.perf_counter()
    if known is None:
        images = x.clone()
        fooled, rounded, flat = (torch.zeros_like(y, dtype=torch.bool) for _ in range(3))
    else:
        images, fooled = known.images.clone(), known.fooled.clone()
        rounded, flat = known.fooled_in_8_bits.clone(), known.without_gradient.clone()
    left = (~(fooled & rounded)).nonzero()[:, 0]
    if len(left):
        found = images[left]
        if eps > 0:
            outcome = attack(x[left], y[left], eps)
            found, flat[left] = outcome.images, outcome.without_gradient
        # The attack's word is not taken for it.
        fools = misclassified(model, found, y[left], batch_size)
        ball = ball_of(norm, eps)
        in_file = in_8_bits(found, x[left], ball)
        fools_rounded = misclassified(model, in_file, y[left], batch_size)
        # What fools only once rounded is an adversarial image as it is in the file.
        luckier = fools_rounded & ~fools & (ball.distance(in_file, x[left]) <= eps + SLACK)
        if eps > 0:
            found, fools = found.where(~luckier.view(-1, 1, 1, 1), in_file), fools | luckier
        better = fools & fools_rounded | ~fooled[left]
        images[left[better]] = found[better]
        fooled[left] |= fools
        rounded[left] |= fools_rounded
    seconds = time.perf_counter() - began
    return AtEpsilon(eps, images, fooled, rounded, flat, len(left), seconds)


@torch.no_grad()
def misclassified(
    model: nn.Module, images: Tensor, labels: Tensor, batch_size: int | None = None
) -> Tensor:
    """(N,) bool, whether `model` takes each image for another class.

    Raises:
        IsolossError: if it gives NaN or has no such class.
    """
    wrong: list[Tensor] = []
    size = batch_size or max(len(images), 1)
    with held_still(model):
        for some, truth in zip(images.split(size), labels.split(size), strict=True):
            logits = wide(check_logits(model(some), truth))
            refuse_nan(logits.sum(1))
            wrong.append(logits.argmax(1) != truth)
    return torch.cat(wrong)


def in_8_bits(images: Tensor, clean: Tensor, ball: Ball) -> Tensor:
    """(N, C, H, W) `images` as a picture file would hold them, still in the ball around `clean`.

    Each value is the nearest of 256, or where that would leave the ball the next one towards the
    clean image. Where there is none between the two, since the clean image is not of 8 bits itself,
    it is the nearest after all.
    """
    levels = images * 255
    nearest = levels.round() / 255
    inward = torch.where(images >= clean, (levels + SLACK).floor(), (levels - SLACK).ceil()) / 255
    between = (inward - clean).abs() <= (images - clean).abs() + SLACK
    return ball.keep(nearest, torch.where(between, inward, nearest), clean)
