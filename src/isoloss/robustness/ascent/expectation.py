"""The mean over a network's draws of noise, of a loss and its gradient, and how they vote.

Whether "auto" is the cross-entropy or the margin follows from all draws of an image: where a batch
does not hold them, they come twice. Draws of which the gradient is not finite are left out of its
mean. Where draws go by doubt, half of them are taken at every image. The other half, as many
altogether, goes to where these leave open which way to step: to each image in proportion to the
share of its climb that wrong signs may cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isoloss.compute.machine.device import as_float32
from isoloss.compute.machine.waiting import is_at_hand, may_hold, sent, surely_holds
from isoloss.robustness.ascent.ball import column
from isoloss.robustness.ascent.losses import USUAL, Loss, loss_of, reaches
from isoloss.robustness.ascent.objective import (
    Draws,
    Objective,
    ObjectiveValue,
    input_gradients,
    refuse_nan,
    warn_of_lacking,
)
from isoloss.robustness.ascent.recorded import Answer, Recorded
from isoloss.robustness.ascent.refusals import check_at_least, check_logits, check_logits_of

Check = Callable[[Any, Tensor], Tensor]
"""`check_logits`."""
FEWEST_BY_DOUBT = 4
"""Draws, of which half tell the signs and their errors."""


def mean_objective(
    model: nn.Module,
    draws: int,
    batch_size: int | None = None,
    loss: Loss = USUAL,
    *,
    by_doubt: bool = False,
    about: Tensor | None = None,
) -> Objective:
    """Of a randomized `model` the mean loss over `draws` draws, its gradient, and the majority.

    Args:
        batch_size: images times draws that go through the network together.
        by_doubt: whether gradients are taken over more draws where their signs are uncertain, over
            fewer elsewhere, and `draws` is their mean; where that is `FEWEST_BY_DOUBT` or more.
        about: as of `objective_of`.
    """
    check_at_least("draws", draws)
    check = check_logits if about is None else check_logits_of(about)
    objective = _mean_of(model, draws, batch_size, loss, by_doubt, check)
    if loss != USUAL:
        return objective
    entropy, lead = (
        _mean_of(model, draws, batch_size, name, by_doubt, check) for name in ("ce", "margin")
    )

    def by_all_draws(images: Tensor, labels: Tensor, with_gradient: bool) -> ObjectiveValue:
        together = _at_once(draws, batch_size, len(images)) == draws
        if labels.ndim == 2 or (together and not (by_doubt and with_gradient)):
            return objective(images, labels, with_gradient)
        before = Draws(model, images.device)
        found = entropy(images, labels, with_gradient)
        saturated = found.losses == 0
        if not saturated.any():
            return found
        after = Draws(model, images.device)
        before.again()
        found = _where(saturated, lead(images, labels, with_gradient), found)
        after.again()
        return found

    return by_all_draws


def _mean_of(
    model: nn.Module, draws: int, batch_size: int | None, loss: Loss, by_doubt: bool, check: Check
) -> Objective:
    """`mean_objective` of a loss that is the same for all draws, or where they go together."""

    usual = _Summing(model, loss, check, by_doubt=by_doubt)
    # By doubt few images come with few draws, hardly twice with as many.
    further_of = _Summing(model, loss, check, by_doubt=by_doubt, come_often=False)

    def objective(images: Tensor, labels: Tensor, with_gradient: bool) -> ObjectiveValue:
        if not (by_doubt and with_gradient and draws >= FEWEST_BY_DOUBT):
            return _mean(usual, images, labels, with_gradient, draws, batch_size)
        rest = draws // 2
        first = _mean(usual, images, labels, True, draws - rest, batch_size)
        assert first.doubt is not None
        further = shares(first.doubt.cpu(), rest * len(images))
        found = first
        for count in further.unique().tolist():
            if count == 0:
                continue
            rows = sent((further == count).nonzero()[:, 0], images.device)
            more = _mean(further_of, images[rows], labels[rows], True, int(count), batch_size)
            found = _joined(found, more, rows, draws - rest, int(count), labels)
        return found

    return objective


def _at_once(draws: int, batch_size: int | None, images: int) -> int:
    """Of how many draws of so many images a batch is."""
    return draws if batch_size is None else max(min(batch_size // max(images, 1), draws), 1)


def _where(rows: Tensor, value: ObjectiveValue, otherwise: ObjectiveValue) -> ObjectiveValue:
    """Losses and gradients of `value` at those (N,) rows, of another one elsewhere."""
    found = replace(otherwise, losses=value.losses.where(rows, otherwise.losses))
    if value.gradient is None or otherwise.gradient is None:
        return found
    assert value.spoilt is not None
    assert otherwise.spoilt is not None
    return replace(
        found,
        gradient=value.gradient.where(column(rows), otherwise.gradient),
        spoilt=value.spoilt.where(rows, otherwise.spoilt),
    )


def shares(doubt: Tensor, draws: int) -> Tensor:
    """(N,) whole numbers that add up to `draws`, in proportion to (N,) doubts; evenly where nobody
    doubts."""
    total = doubt.sum()
    exact = doubt / total * draws if total > 0 else torch.full_like(doubt, draws / len(doubt))
    whole = exact.floor()
    left = draws - int(whole.sum())
    whole[(exact - whole).argsort(descending=True, stable=True)[:left]] += 1
    return whole.long()


class _Sums(NamedTuple):
    """Over some draws of each of N images.

    Attributes:
        losses: (N,).
        votes: (N, classes) how many draws chose each class.
        gradient: (N, C, H, W) over those draws where it is finite; None without gradients.
        finite: (N,) how many these are.
        squares: (N, C, H, W) of the gradients of each; None where doubt is not asked for.
    """

    losses: Tensor
    votes: Tensor
    gradient: Tensor | None = None
    finite: Tensor | None = None
    squares: Tensor | None = None


class _Summing:
    """Sums over draws that go through a network together."""

    def __init__(
        self, model: nn.Module, loss: Loss, check: Check, *, by_doubt: bool, come_often: bool = True
    ) -> None:
        self._loss, self._check, self._by_doubt = loss, check, by_doubt
        self._asked = Recorded(model, recordable=come_often and not callable(loss))

    def __call__(self, images: Tensor, labels: Tensor, draws: int, with_gradient: bool) -> _Sums:
        compute = self._with_gradient if with_gradient else self._of_answers
        return _Sums(*self._asked(compute, images, labels, draws))  # pyright: ignore[reportArgumentType]

    @torch.no_grad()
    def _of_answers(self, answer: Answer, images: Tensor, labels: Tensor, draws: int) -> _Sums:
        # (n·k, …): the draws of an image lie side by side.
        truth, copies = (given.repeat_interleave(draws, 0) for given in (labels, images))
        return self._sums(answer(copies), truth, len(images), draws)[0]

    def _with_gradient(self, answer: Answer, images: Tensor, labels: Tensor, draws: int) -> _Sums:
        leaf = images.detach().requires_grad_()
        with torch.enable_grad():
            truth, copies = (given.repeat_interleave(draws, 0) for given in (labels, leaf))
            sums, each = self._sums(answer(copies), truth, len(images), draws)
            of_images, of_draws = input_gradients(each, leaf, copies)
        of_draws = of_draws.view(len(images), -1, *images.shape[1:])
        of_images, of_draws, finite = _finite_of(of_images, of_draws)
        squares = of_draws.square().sum(1) if self._by_doubt else None
        return sums._replace(gradient=of_images, finite=finite, squares=squares)

    def _sums(self, given: Any, truth: Tensor, n: int, draws: int) -> tuple[_Sums, Tensor]:
        """Without gradients; and (n·k,) losses."""
        logits = as_float32(self._check(given, truth))
        each = loss_of(self._loss, logits, truth, draws)
        chosen = F.one_hot(logits.detach().argmax(1), logits.shape[1]).view(n, draws, -1).sum(1)
        return _Sums(each.detach().view(n, draws).sum(1), chosen), each


def _finite_of(of_images: Tensor, of_draws: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(N, C, H, W) sums over some draws, of the finite ones alone; (N, k, C, H, W) these, 0 for the
    others; (N,) how many they are."""
    if surely_holds(of_images.isfinite()):  # then so is all of which it is the sum
        return of_images, of_draws, of_images.new_full((len(of_images),), of_draws.shape[1])
    finite = of_draws.flatten(2).isfinite().all(2)
    if not surely_holds(finite):
        of_draws = of_draws.where(finite[:, :, None, None, None], 0)
        some = column(finite.any(1))
        of_images = of_draws.sum(1).where(some, of_images.where(of_images.isfinite(), 0))
    return of_images, of_draws, finite.sum(1)


def _mean(
    sums_of: _Summing,
    images: Tensor,
    labels: Tensor,
    with_gradient: bool,
    draws: int,
    batch_size: int | None,
) -> ObjectiveValue:
    at_once = _at_once(draws, batch_size, len(images))
    losses = torch.zeros(len(images), device=images.device)
    gradients = _Gradients(images) if with_gradient else None
    votes: Tensor | None = None
    for first in range(0, draws, at_once):
        sums = sums_of(images, labels, min(at_once, draws - first), with_gradient)
        losses += sums.losses / draws
        votes = sums.votes if votes is None else votes + sums.votes
        if gradients is not None:
            gradients.add(sums, draws)
    assert votes is not None
    value = ObjectiveValue(losses, reaches(votes.argmax(1), labels), votes=votes)
    if is_at_hand(losses):
        refuse_nan(losses)
    return value if gradients is None else gradients.told(value, draws)


class _Gradients:
    """What the draws of N images have added up to."""

    def __init__(self, images: Tensor) -> None:
        self._mean = torch.zeros_like(images)
        self._squares: Tensor | None = None
        self._finite = torch.zeros(len(images), device=images.device)

    def add(self, sums: _Sums, draws: int) -> None:
        """Take what some of the draws gave."""
        assert sums.gradient is not None
        assert sums.finite is not None
        self._mean.add_(sums.gradient / draws)
        self._finite += sums.finite
        if sums.squares is not None:
            known = self._squares
            self._squares = sums.squares if known is None else known + sums.squares

    def told(self, value: ObjectiveValue, draws: int) -> ObjectiveValue:
        """`value` with the gradient, and where it is asked for the doubt about it."""
        finite, spoilt = self._finite, self._finite == 0
        mean, lacks = self._mean, finite < draws
        if may_hold(lacks):
            if is_at_hand(spoilt) and not spoilt.all():
                warn_of_lacking()
            mean = mean * column(draws / finite.clamp(min=1))
        doubt = None if self._squares is None else _doubt(mean, self._squares, finite)
        return replace(value, gradient=mean, spoilt=spoilt, doubt=doubt, lacking=lacks & ~spoilt)


def _doubt(mean: Tensor, squares: Tensor, draws: Tensor) -> Tensor:
    """(N,) the share of a climb along the signs of `mean` that wrong ones may cost, given the sum
    of squares over (N,) draws."""
    count, tiny = column(draws.clamp(min=2)), torch.finfo(mean.dtype).tiny
    error = ((squares / count - mean.square()).clamp(min=0) / (count - 1)).sqrt()
    sizes = mean.abs()
    # Twice the probability that the sign is the other one.
    wrong = torch.erfc(sizes / (error * sqrt(2)).clamp(min=tiny))
    return (sizes * wrong).flatten(1).sum(1) / sizes.flatten(1).sum(1).clamp(min=tiny)


def _joined(
    known: ObjectiveValue,
    more: ObjectiveValue,
    rows: Tensor,
    draws: int,
    further: int,
    labels: Tensor,
) -> ObjectiveValue:
    """The mean of `draws` and of `further` draws of some of the images."""
    assert known.gradient is not None
    assert more.gradient is not None
    assert known.votes is not None
    assert more.votes is not None
    assert known.spoilt is not None
    assert more.spoilt is not None
    share = further / (draws + further)
    losses, gradient = known.losses.clone(), known.gradient.clone()
    losses[rows] = losses[rows].lerp(more.losses, share)
    gradient[rows] = gradient[rows].lerp(more.gradient, share)
    votes, spoilt = known.votes.clone(), known.spoilt.clone()
    votes[rows] += more.votes
    spoilt[rows] &= more.spoilt
    assert known.lacking is not None
    assert more.lacking is not None
    lacking = known.lacking.clone()
    lacking[rows] |= more.lacking
    success = reaches(votes.argmax(1), labels)
    return ObjectiveValue(losses, success, gradient, spoilt, votes, lacking=lacking)
