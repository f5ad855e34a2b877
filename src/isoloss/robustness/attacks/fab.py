"""FAB: the nearest image beyond the boundary towards each of the likeliest classes.

Croce, Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack",
https://arxiv.org/abs/1907.02044
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.machine.waiting import put
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.aims import likeliest, with_targets
from isoloss.robustness.ascent.ascent import Attacked
from isoloss.robustness.ascent.asking import asked
from isoloss.robustness.ascent.ball import TINY, Ball, Norm, ball_of, column
from isoloss.robustness.ascent.climb import better_of
from isoloss.robustness.ascent.few_sizes import in_few_sizes
from isoloss.robustness.ascent.losses import misses, reaches
from isoloss.robustness.ascent.objective import (
    Objective,
    RefusedLater,
    frozen,
    objective_of,
    value_at,
)
from isoloss.robustness.ascent.recorded import is_random
from isoloss.robustness.ascent.refusals import as_labels, check_at_least, check_labels
from isoloss.robustness.attacks.apgd import STEPS, TARGETS
from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.hyperplane import offsets_onto
from isoloss.robustness.attacks.in_turn import Attempt, finally_judged, in_turn, refusing_spoilt

BEYOND = 1.05
"""η of the paper: steps go so much further than the hyperplane."""
BACK = 0.9
"""β: of what is misclassified the search goes on at so much of the way from the image."""
MOST_OF_THE_IMAGE = 0.1
"""α_max: by no more are steps drawn to the hyperplane's point that is nearest to the image."""
HALVINGS = 10
"""Of the segment on which the boundary lies, at the end; the paper interpolates three times."""


def fab(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float | None = None,
    steps: int = STEPS,
    norm: Norm = "linf",
    *,
    targets: int = TARGETS,
    batch_size: int | None = None,
    targeted: Any = None,
) -> Attacked:
    """Attack by FAB-T: from the image along the boundary, wherever that is nearest.

    With ε an image is done once something within ε is misclassified. Without, the nearest found is
    returned, wherever it lies: `losses` are then the distances in the norm, negative, −∞ where
    nothing was found.

    Args:
        model, x, y, norm, targeted: as for `pgd`; the model has to draw no noise.
        eps: the ball's radius on the [0, 1] scale; None for the smallest change at all.
        steps: towards each class.
        targets: so many of the likeliest other classes, one after the other, or all there are.
        batch_size: images attacked together; by default all.

    Raises:
        IsolossError: as `pgd`, and for a network that draws noise.
    """
    network, images = asked(model, x)
    y = with_targets(as_labels(y, images), targeted)
    if is_random(network):
        raise IsolossError(
            "fab is for networks that give one answer to an image, and this one draws random "
            "numbers: take apgd"
        )
    with frozen(network):
        attempts = map(
            refusing_spoilt,
            fab_attempts(
                network, images, y, eps, steps, norm, targets=targets, batch_size=batch_size
            ),
        )
        if eps is None:
            found = _nearest(network, images, y, attempts, batch_size)
        else:
            found = in_turn(network, images, y, attempts, batch_size=batch_size)
        return finally_judged(network, found, images, y, x, batch_size)


def fab_attempts(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float | None,
    steps: int,
    norm: Norm,
    *,
    targets: int = TARGETS,
    batch_size: int | None = None,
) -> Iterator[Attempt]:
    """`fab` on a network that is known: an attempt for each class, whose losses are distances,
    negative. Of what lies beyond ε the nearest point within is tried."""
    check_at_least("steps", steps)
    check_at_least("targets", targets)
    ball = ball_of(norm, 1.0 if eps is None else eps)
    aimed = y.ndim == 2
    loss, reached = ("margin", reaches) if aimed else ("lead", misses)
    objective = in_few_sizes(objective_of(model, loss, reached, about=y), batch_size or len(x))

    def attempt(labels: Tensor, rows: Tensor) -> Attacked:
        size = batch_size or max(len(rows), 1)
        asked = RefusedLater(objective)
        parts = [
            _walk(asked, x[some], labels[some], ball, norm, steps, bounded=eps is not None)
            for some in rows.split(size)
        ]
        asked.refuse()
        names = (field.name for field in fields(Attacked))
        return Attacked(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    if aimed:
        yield partial(attempt, y)
        return
    for towards in likeliest(model, x, y, targets, 1, batch_size):
        yield partial(attempt, torch.stack([y, towards], 1))


@torch.no_grad()
def _walk(
    objective: Objective,
    x: Tensor,
    labels: Tensor,
    ball: Ball,
    norm: Norm,
    steps: int,
    *,
    bounded: bool,
) -> Attacked:
    """Of images that are all classified rightly the nearest misclassified ones, towards one class
    each; the first in the ball, if the search is bounded."""
    within = ball.eps if bounded else 0.0
    current, best = x.clone(), x.clone()
    distance = torch.full((len(x),), torch.inf, device=x.device, dtype=x.dtype)
    flat = torch.ones(len(x), dtype=torch.bool, device=x.device)
    spoilt = torch.zeros_like(flat)
    rows = torch.arange(len(x), device=x.device)
    for _ in range(steps):
        if len(rows) == 0:
            break
        here, centres, truth = current[rows], x[rows], labels[rows]
        value = objective(here, truth, True)
        assert value.gradient is not None
        assert value.spoilt is not None
        flat[rows] &= (value.gradient.flatten(1) == 0).all(1)
        spoilt[rows] |= value.spoilt

        # The plane on which the loss, taken to be linear, is 0: from here, and from the image.
        gap = -value.losses.to(x)
        of_image = gap - (value.gradient * (centres - here)).flatten(1).sum(1)
        offsets = offsets_onto(
            torch.cat([here, centres]), torch.cat([value.gradient] * 2), torch.cat([gap, of_image]),
            norm,
        )  # fmt: skip
        length = ball.distance(offsets, torch.zeros_like(offsets)).clamp(min=TINY)
        (near, far), (by, from_image) = length.chunk(2), offsets.chunk(2)
        share = column((near / (near + far)).clamp(max=MOST_OF_THE_IMAGE))
        moved = torch.lerp(here + BEYOND * by, centres + BEYOND * from_image, share).clamp_(0, 1)

        crossed = objective(moved, truth, False).success
        reached = ball.distance(moved, centres)
        nearer = crossed & (reached < distance[rows])
        put(rows, nearer, (best, moved), (distance, reached))
        back = torch.lerp(centres, moved, BACK)
        current[rows] = torch.where(column(crossed), back, moved)
        rows = rows[distance[rows] > within]

    rows = ((distance > within) & distance.isfinite()).nonzero()[:, 0]
    inside, beyond, truth = x[rows], best[rows], labels[rows]
    for _ in range(HALVINGS if len(rows) else 0):
        middle = (inside + beyond) / 2
        crossed = column(objective(middle, truth, False).success)
        inside, beyond = torch.where(crossed, inside, middle), torch.where(crossed, middle, beyond)
    best[rows] = beyond
    distance[rows] = ball.distance(best[rows], x[rows])
    if not bounded:
        return Attacked(best, -distance, distance.isfinite(), flat, spoilt)
    success = distance <= within
    rows = (~success).nonzero()[:, 0]
    best[rows] = ball.project(best[rows], x[rows]).clamp_(0, 1)
    success[rows] = objective(best[rows], labels[rows], False).success
    return Attacked(best, -distance, success, flat | spoilt & ~success, spoilt)


def _nearest(
    model: nn.Module, x: Tensor, y: Tensor, attempts: Iterable[Attempt], batch_size: int | None
) -> Attacked:
    """The nearest that all attempts find; an image that is misclassified as it is needs none."""
    clean = value_at(objective_of(model, "margin", about=y), x, y, batch_size).success
    zero = torch.zeros(len(x), device=x.device, dtype=x.dtype)
    found = Attacked(
        x.clone(), torch.where(clean, zero, -torch.inf), clean, ~clean, torch.zeros_like(clean)
    )
    rows = (~clean).nonzero()[:, 0]
    for attempt in attempts:
        found = better_of(found, attempt(rows), rows)
    return found


def fab_attack(context: AttackContext) -> Attack:
    """`fab` as the authors evaluate with it."""

    def attack(x: Tensor, y: Tensor, eps: float) -> Attacked:
        model, size = context.model, context.batch_size
        check_labels(y, x)
        with frozen(model):
            attempts = fab_attempts(model, x, y, eps, STEPS, context.settings.norm, batch_size=size)
            return in_turn(model, x, y, attempts, batch_size=size)

    return attack
