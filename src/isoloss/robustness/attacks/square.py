"""The Square attack: random search, which sees no gradient and so cannot be misled by one.

Andriushchenko, Croce, Flammarion, Hein 2020, "Square Attack: a query-efficient black-box
adversarial attack via random search", https://arxiv.org/abs/1912.00049
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.machine.device import as_float32
from isoloss.compute.machine.waiting import is_at_hand, put, sent, told
from isoloss.robustness.ascent.aims import with_targets
from isoloss.robustness.ascent.ascent import Attacked
from isoloss.robustness.ascent.asking import Asked, asked
from isoloss.robustness.ascent.ball import TINY, Norm, ball_of
from isoloss.robustness.ascent.few_sizes import filled, size_for
from isoloss.robustness.ascent.losses import loss_of
from isoloss.robustness.ascent.objective import (
    Draws,
    frozen,
    refuse_nan,
    refuse_where,
)
from isoloss.robustness.ascent.recorded import Answer, Recorded, is_random
from isoloss.robustness.ascent.refusals import (
    as_images,
    as_labels,
    check_at_least,
    check_generator,
    check_logits_of,
)
from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.in_turn import finally_judged

FRACTION = 0.8  # of the image that the first squares cover
# The squares' fraction is halved after so many of 10,000 queries (section 4.1 of the paper).
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


@dataclass(frozen=True)
class Searched:
    """What a search has found so far.

    Attributes:
        queries: how often each image that still resists has been asked about.
        images: (N, C, H, W) the best so far, within the ball.
        margins: (N,) of the true class over the best other, or of the best other over the one
            that is aimed at; negative where it succeeds. They only fall, but for a randomized
            network, whose every answer is another.
    """

    queries: int
    images: Tensor
    margins: Tensor


def square(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    queries: int = 5000,
    norm: Norm = "linf",
    generator: torch.Generator | None = None,
    *,
    draws: int = 1,
    batch_size: int | None = None,
    targeted: Any = None,
) -> Attacked:
    """Attack without gradients.

    A randomized network is asked about the best image and about the one that may replace it with
    the same draws of noise, and with others at the next query: what was once lucky does not stay.
    Whether it succeeds is then said by the majority of fresh draws.

    Args:
        model, x, y, eps, norm, generator, targeted: as for `pgd`.
        queries: the most that an image is asked about.
        draws: of a randomized network's noise, over which each answer is the mean.
        batch_size: images times draws that go through the network together.

    Raises:
        IsolossError: for images outside [0, 1], labels out of range, ε < 0, NaN.
    """
    network, images = asked(model, x)
    if isinstance(network, Asked):
        draws = max(draws, network.draws)
    found = searched(
        network, images, y, eps, queries, norm, generator, draws=draws, batch_size=batch_size,
        targeted=targeted,
    )  # fmt: skip
    drawn, aims = Draws(network, images.device), with_targets(as_labels(y, images), targeted)
    with frozen(network):
        found = finally_judged(network, found, images, aims, x, batch_size)
    drawn.again()
    return found


def square_attack(context: AttackContext) -> Attack:
    """`square` with the queries of a run."""
    return lambda x, y, eps: searched(
        context.model, x, y, eps, context.settings.queries, context.settings.norm,
        context.generator, draws=context.draws, batch_size=context.forward_batch_size,
    )  # fmt: skip


def searched(model: nn.Module, x: Tensor, *about: Any, **how: Any) -> Attacked:
    """All that a search of a known network has found at its end."""
    *_, last = search(model, x, *about, **how)
    nowhere = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    return Attacked(last.images, -last.margins, last.margins < 0, nowhere)


@torch.no_grad()
def search(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    queries: int,
    norm: Norm = "linf",
    generator: torch.Generator | None = None,
    *,
    draws: int = 1,
    batch_size: int | None = None,
    targeted: Any = None,
) -> Iterator[Searched]:
    """`square`, query by query, until it succeeds on all images or the queries are used up."""
    x = as_images(x, model)
    y = with_targets(as_labels(y, x), targeted)
    check_at_least("queries", queries)
    check_at_least("draws", draws)
    if batch_size is not None:
        check_at_least("batch_size", batch_size)
    check_generator(generator, x)
    ball = ball_of(norm, eps)
    propose: Callable[..., Tensor] = _propose_linf if norm == "linf" else _propose_l2
    draw = _Draws(generator, x)
    lasting, check = not is_random(model), check_logits_of(y)
    at_once = max((batch_size or len(x) * draws) // draws, 1)
    with frozen(model):
        recorded = Recorded(model)

        def margins_of(answer: Answer, some: Tensor, truth: Tensor, k: int) -> tuple[Tensor]:
            return (_margins(answer, some, truth, k, check),)

        def ask(images: Tensor, labels: Tensor) -> Tensor:
            return _in_few_sizes(
                lambda some, truth: recorded(margins_of, some, truth, draws)[0],  # pyright: ignore[reportArgumentType,reportReturnType]
                images, labels, at_once,
            )  # fmt: skip

        # An image that is misclassified as it is needs no change.
        clean = ask(x, y)
        begun = (x + (_stripes(x, eps, draw) if norm == "linf" else _tiles(x, eps, draw))).clamp_(
            0, 1
        )
        begun = ball.project(begun, x).clamp_(0, 1)
        best, margins = x.clone(), clean.clone()
        rows = _left(torch.arange(len(x), device=x.device), margins, lasting)
        best[rows] = begun[rows]
        if len(rows):
            margins[rows] = ask(begun[rows], y[rows])
        yield Searched(1, best, margins)
        each = 1 if lasting else 2
        for query in range(1, queries + 1 - each, each):
            rows = _left(rows, margins, lasting)
            if len(rows) == 0:
                return
            fraction = fraction_at(query, queries)
            # Drawn for all images, so that the search for one does not depend on the others.
            moved = propose(x, best, eps, fraction, draw)[rows]
            moved = ball.project(moved.clamp_(0, 1), x[rows]).clamp_(0, 1)
            if not lasting:
                drawn = Draws(model, x.device)
                margins[rows] = ask(best[rows], y[rows])
                drawn.again()
            asked = ask(moved, y[rows])
            won = (asked < margins[rows]) | asked.isnan()  # which is refused when it is asked for
            put(rows, won, (best, moved), (margins, asked))
            yield Searched(query + each, best, margins)
        refuse_nan(margins)


def _left(rows: Tensor, margins: Tensor, lasting: bool) -> Tensor:
    """Which of the images are to be asked about; all, where no success lasts.

    Raises:
        IsolossError: if a margin is NaN.
    """
    resists, is_nan = told(margins[rows] >= 0, margins[rows].isnan())
    refuse_where(is_nan)
    if not lasting or bool(resists.all()):
        return rows
    return rows[sent(resists.nonzero()[:, 0], rows.device)]


class _Draws:
    """Random numbers of the shapes that the search needs."""

    def __init__(self, generator: torch.Generator | None, like: Tensor) -> None:
        self._generator, self._like = generator, like

    def below(self, limit: int) -> Tensor:
        """(N,) integers from 0 up to `limit` − 1."""
        shape, device = (len(self._like),), self._like.device
        return torch.randint(limit, shape, generator=self._generator, device=device)

    def signs(self, *shape: int) -> Tensor:
        """±1."""
        bits = torch.randint(2, shape, generator=self._generator, device=self._like.device)
        return (2 * bits - 1).to(self._like.dtype)


def fraction_at(query: int, queries: int) -> float:
    """The fraction of the image that a square covers at a query (section 4.1 of the paper)."""
    reached = query * 10_000 // queries
    return FRACTION / 2 ** sum(reached > halving for halving in HALVINGS)


def _side(fraction: float, x: Tensor) -> int:
    return round(math.sqrt(fraction * x.shape[-1] * x.shape[-2]))


def _stripes(x: Tensor, eps: float, draw: _Draws) -> Tensor:
    n, channels, _, width = x.shape
    return eps * draw.signs(n, channels, 1, width)


def _propose_linf(x: Tensor, best: Tensor, eps: float, fraction: float, draw: _Draws) -> Tensor:
    """One square of each image goes to a corner of the ball, each channel to its own."""
    n, channels, height, width = x.shape
    side = min(max(_side(fraction, x), 1), height, width)
    rows, columns = draw.below(height - side + 1), draw.below(width - side + 1)
    inside = (
        _within(rows, side, height)[:, None, :, None]
        & (_within(columns, side, width)[:, None, None, :])
    )
    return torch.where(inside, x + eps * draw.signs(n, channels, 1, 1), best)


def _within(first: Tensor, side: int, length: int) -> Tensor:
    """(N, length) whether a place lies in the `side` places from `first` on."""
    places = torch.arange(length, device=first.device) - first[:, None]
    return (places >= 0) & (places < side)


def _tiles(x: Tensor, eps: float, draw: _Draws) -> Tensor:
    """A tiling of 5 × 5 bumps, scaled to the length ε."""
    n, channels, height, width = x.shape
    side = max(min(height, width) // 5, 1)
    offsets = torch.zeros_like(x)
    for top in range((height % side) // 2, height - side + 1, side):
        for left in range((width % side) // 2, width - side + 1, side):
            bump = _bump(side, x, draw.signs(1)) * draw.signs(n, channels, 1, 1)
            offsets[:, :, top : top + side, left : left + side] = bump
    return offsets * (eps / _length(offsets, (1, 2, 3)))


def _propose_l2(x: Tensor, best: Tensor, eps: float, fraction: float, draw: _Draws) -> Tensor:
    """One window of each image gives its length, and what of ε is unused, to a bump in another
    (algorithm 3 of the paper)."""
    n, channels, height, width = x.shape
    side = min(max(_side(fraction, x), 3) | 1, height, width)
    offsets = best - x
    there, here = (
        _window(draw.below(height - side + 1), draw.below(width - side + 1), side, channels)
        for _ in range(2)
    )
    total = _length(offsets, (1, 2, 3))
    rest = offsets.clone()
    rest[there] = 0
    rest[here] = 0
    released = (offsets.square() - rest.square()).sum((2, 3), keepdim=True)
    unused = (eps**2 - total.square()).clamp(min=0)
    old = offsets[here]
    bump = _bump(side, x, draw.signs(1)) * draw.signs(n, channels, 1, 1)
    bump = bump + old / _length(old, (2, 3))
    length = (unused / channels + released).sqrt()
    rest[here] = bump / _length(bump, (2, 3)) * length
    return x + rest * (eps / _length(rest, (1, 2, 3)))


def _window(top: Tensor, left: Tensor, side: int, channels: int) -> tuple[Tensor, ...]:
    """The index of a window of each image, (N, C, side, side)."""
    span = torch.arange(side, device=top.device)
    images = torch.arange(len(top), device=top.device)
    return (
        images[:, None, None, None],
        torch.arange(channels, device=top.device)[None, :, None, None],
        (top[:, None] + span)[:, None, :, None],
        (left[:, None] + span)[:, None, None, :],
    )


def _bump(side: int, like: Tensor, turned: Tensor) -> Tensor:
    """(side, side), of length 1: one half rises, the other falls, both pyramids."""
    half = side // 2
    upper, lower = _pyramid(half, side, like), _pyramid(side - half, side, like)
    bump = torch.cat([upper, -lower])
    bump = bump / bump.norm().clamp(min=TINY)
    if is_at_hand(turned):
        return bump.T if float(turned) > 0 else bump
    return torch.where(turned > 0, bump.T, bump)


def _pyramid(height: int, width: int, like: Tensor) -> Tensor:
    """Centred rectangles on top of each other, the k-th adding 1 / (k + 1)²; of length 1."""
    made = torch.zeros(height, width, dtype=like.dtype, device=like.device)
    middle, across = height // 2, width // 2
    for k in range(max(middle, across) + 1):
        made[max(middle - k, 0) : middle + k + 1, max(across - k, 0) : across + k + 1] += (
            1 / (k + 1) ** 2
        )
    return made / made.norm().clamp(min=TINY)


def _length(offsets: Tensor, axes: tuple[int, ...]) -> Tensor:
    return torch.linalg.vector_norm(offsets, dim=axes, keepdim=True).clamp(min=TINY)


def _in_few_sizes(
    ask: Callable[[Tensor, Tensor], Tensor], images: Tensor, labels: Tensor, at_once: int
) -> Tensor:
    """(N,) what `ask` gives, so many images at once; on a GPU in batches of few sizes."""
    found: list[Tensor] = []
    for some, truth in zip(images.split(at_once), labels.split(at_once), strict=True):
        n = len(some)
        size = n if is_at_hand(some) else size_for(n, at_once)
        found.append(ask(filled(some, size), filled(truth, size))[:n])
    return torch.cat(found) if found else images.new_zeros(0)


def _margins(
    answer: Answer,
    images: Tensor,
    labels: Tensor,
    draws: int,
    check: Callable[[Any, Tensor], Tensor],
) -> Tensor:
    """(N,) by how much success is missed: the loss "margin", negative; mean over draws."""
    each, copies = (given.repeat_interleave(draws, 0) for given in (labels, images))
    logits = as_float32(check(answer(copies), each))
    return -loss_of("margin", logits, each).view(-1, draws).mean(1)
