"""One attack over a list of radii: what succeeds in a small ball succeeds in a larger one.

So each image is attacked until the first radius that fools it, also once it is rounded to 8 bits;
the larger ones take over what was found, and the batch holds nothing but images that still resist.
An attack stops as soon as it succeeds, and rounding often undoes what has only just succeeded,
which says nothing of what a file could do. Such images are attacked again, through the rounding.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from isoloss.compute.machine.device import as_float32
from isoloss.compute.machine.memory import in_parts
from isoloss.compute.machine.waiting import put
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.ascent import spoilt_of
from isoloss.robustness.ascent.asking import asked
from isoloss.robustness.ascent.ball import SLACK, Norm, ball_of, column
from isoloss.robustness.ascent.expectation import mean_objective
from isoloss.robustness.ascent.few_sizes import logits_in_few_sizes
from isoloss.robustness.ascent.objective import frozen, refuse_nan, value_at
from isoloss.robustness.ascent.recorded import is_random
from isoloss.robustness.ascent.refusals import as_labels, check_eps, check_logits_of
from isoloss.robustness.ascent.rounding import in_8_bits, radius_of_files
from isoloss.robustness.attacks.context import Attack
from isoloss.settings.robustness_fields import VOTES


@dataclass(frozen=True, repr=False)
class AtEpsilon:
    """All N images at one radius.

    Attributes:
        eps: the radius, on the [0, 1] scale.
        images: (N, C, H, W) adversarial images in [0, 1].
        success: (N,) bool, whether an attack within this radius succeeds.
        success_in_8_bits: (N,) bool, whether it still does once every value is one of 256.
        without_gradient: (N,) bool, whether the attack found no gradient to follow.
        attacked: how many images had to be attacked at this radius.
        seconds: that took.
        spoilt: (N,) bool, at which images the gradient was not finite; None where none was.
    """

    eps: float
    images: Tensor
    success: Tensor
    success_in_8_bits: Tensor
    without_gradient: Tensor
    attacked: int
    seconds: float
    spoilt: Tensor | None = None

    def __repr__(self) -> str:
        found, count = int(self.success.sum()), len(self.success)
        return f"<AtEpsilon {self.eps:.4g}: {found:,} of {count:,} images misclassified>"

    @property
    def fooled(self) -> Tensor:
        """`success`, by its earlier name."""
        return self.success

    @property
    def fooled_in_8_bits(self) -> Tensor:
        """`success_in_8_bits`, by its earlier name."""
        return self.success_in_8_bits


def sweep(
    attack: Attack,
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    epsilons: Sequence[float],
    *,
    through_rounding: Attack | None = None,
    carry: bool = True,
    after: AtEpsilon | None = None,
    norm: Norm = "linf",
    batch_size: int | None = None,
) -> Iterator[AtEpsilon]:
    """Attack `x` at each radius, the smallest first.

    What fools one draw of noise may not fool the next: of a network that draws any, the majority of
    fresh draws decides, and every radius stands alone. Of others the image itself is a candidate at
    all of them.

    Args:
        attack: for example a call of `isoloss.robustness.attack` with a protocol.
        model: decides whether what the attack returns is a success.
        epsilons: radii in any order; 0 is the clean accuracy.
        through_rounding: the attack on `Rounded(model)`, for images that rounding takes back; by
            default none.
        carry: whether successes are taken over at larger radii; without, every image is attacked
            at every radius.
        after: where an earlier sweep over the same images stopped; smaller radii are left out.
        norm: of the radii, "linf" or "l2".
        batch_size: images that go through `model` together.

    Raises:
        IsolossError: for a negative radius, or whatever the attack refuses.
    """
    model, x = asked(model, x)
    y = as_labels(y, x)
    for eps in epsilons:
        check_eps(eps)
    if after is not None and after.images.shape != x.shape:
        raise IsolossError(
            f"the sweep to go on with was over {len(after.images)} images, these are {len(x)}"
        )
    whole = _Sweep(attack, through_rounding, model, x, y, norm, batch_size)
    known = after
    for eps in sorted(set(epsilons)):
        if known is not None and eps <= known.eps:
            continue
        known = whole.at(eps, known if carry and not is_random(model) else None)
        yield known


@dataclass(frozen=True)
class _Sweep:
    """What is attacked, and how, at every radius."""

    attack: Attack
    through_rounding: Attack | None
    model: nn.Module
    x: Tensor
    y: Tensor
    norm: Norm
    batch_size: int | None

    def at(self, eps: float, known: AtEpsilon | None) -> AtEpsilon:
        """At `eps`, after what is `known` of a smaller one."""
        began = time.perf_counter()
        if known is None:
            images, spoilt = self.x.clone(), None
            success, rounded, flat = (torch.zeros_like(self.y, dtype=torch.bool) for _ in range(3))
        else:
            images, success = known.images.clone(), known.success.clone()
            rounded, flat = known.success_in_8_bits.clone(), known.without_gradient.clone()
            spoilt = known.spoilt
        left = (~(success & rounded)).nonzero()[:, 0]
        if len(left):
            x, y = self.x[left], self.y[left]
            found = x
            if eps > 0:
                outcome = self.attack(x, y, eps)
                found, flat[left] = outcome.images, outcome.without_gradient
                spoilt = spoilt_of(outcome, left, spoilt, flat)
            found, fools, fools_as_file = self._confirmed(found, x, y, eps)
            better = fools & fools_as_file | ~success[left]
            put(left, better, (images, found))
            success[left] |= fools
            rounded[left] |= fools_as_file
        if known is None and eps > 0 and not is_random(self.model):
            wrong, wrong_as_file = self._clean
            images = images.where(~column(wrong & ~success), self.x)
            success, rounded = success | wrong, rounded | wrong_as_file
        seconds = time.perf_counter() - began
        return AtEpsilon(eps, images, success, rounded, flat, len(left), seconds, spoilt)

    @cached_property
    def _clean(self) -> tuple[Tensor, Tensor]:
        """Which images are misclassified as they are, and which as files."""
        files = in_8_bits(self.x, self.x, ball_of(self.norm, 0.0))
        return self._wrong(self.x, self.y), self._wrong(files, self.y)

    def _confirmed(
        self, found: Tensor, x: Tensor, y: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What an attack found, or the file of it where only that fools; whether it fools, and
        whether its file does. The attack's word is not taken for it."""
        ball = ball_of(self.norm, eps)
        files = in_8_bits(found, x, ball)
        fools, fools_as_file = self._wrong(found, y), self._wrong(files, y)
        if eps == 0:
            return found, fools, fools_as_file
        undone = fools & ~fools_as_file
        rows = undone.nonzero()[:, 0]
        if self.through_rounding is not None and len(rows):
            files[rows] = self._files(self.through_rounding, x[rows], y[rows], eps)
            fools_as_file[rows] = self._wrong(files[rows], y[rows])
        taken = fools_as_file & (undone | ~fools) & (ball.distance(files, x) <= eps + SLACK)
        return found.where(~column(taken), files), fools | taken, fools_as_file

    def _files(self, attack: Attack, x: Tensor, y: Tensor, eps: float) -> Tensor:
        """What `attack` makes of the images, rounded; they themselves where a ball holds no
        other file."""
        radius = radius_of_files(self.norm, eps)
        found = attack(x, y, radius).images if radius > 0 else x
        return in_8_bits(found, x, ball_of(self.norm, eps))

    def _wrong(self, images: Tensor, y: Tensor) -> Tensor:
        return misclassified(self.model, images, y, self.batch_size)


@torch.no_grad()
def misclassified(
    model: nn.Module, images: Tensor, labels: Tensor, batch_size: int | None = None
) -> Tensor:
    """(N,) bool, whether `model` takes each image for another class; one that draws noise by most
    of fresh draws.

    Raises:
        IsolossError: if it gives NaN or has no such class.
    """
    size = batch_size or max(len(images), 1)
    with frozen(model):
        if is_random(model):
            judge = mean_objective(model, VOTES, batch_size, about=labels)
            return value_at(judge, images, labels, batch_size).success
        check, sums = check_logits_of(labels), list[Tensor]()

        def wrong(rows: slice) -> Tensor:
            truth = labels[rows]
            logits = as_float32(check(logits_in_few_sizes(model, images[rows], size), truth))
            sums.append(logits.sum(1))
            return logits.argmax(1) != truth

        found = torch.cat(list(in_parts(wrong, len(images), size, images.device)))
    refuse_nan(torch.cat(sums))
    return found
