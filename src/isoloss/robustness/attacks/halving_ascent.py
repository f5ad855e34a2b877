"""Projected gradient ascent with momentum, whose steps are halved where they get nowhere (APGD).

Croce, Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks", algorithm 1, https://arxiv.org/abs/2003.01690
"""

from __future__ import annotations

from itertools import count

import torch
from torch import Tensor

from isoloss.robustness.attacks.ascent import Attacked, Watch
from isoloss.robustness.attacks.ball import Ball
from isoloss.robustness.attacks.objective import Objective

FIRST_STEP = 2.0
"""Of ε: from one side of the ball to the other."""
STRAIGHT = 0.75
"""α of the paper: of each move so much is the step, the rest what the last move was."""
RISING = 0.75
"""ρ of the paper: of the steps since the last check so many have to raise the loss, or fewer are
taken to be too many. At exactly so many the authors' code halves, as here; the paper does not."""


def checks_at(steps: int) -> dict[int, int]:
    """{after how many steps it is looked at whether to halve them: steps since the last look}.

    Hundredths of all steps: the first period is 22 long, each later one 3 shorter than the one
    before, but none shorter than 6 (section 3.1 of the paper).
    """
    found: dict[int, int] = {}
    reached, period, last = 0, 22, 0
    for _ in count():
        reached += period
        at = -(-reached * steps // 100)
        if at >= steps:
            return found
        if at > last:
            found[at] = at - last
            last = at
        period = max(period - 3, 6)
    raise AssertionError


@torch.no_grad()
def halving_ascent(
    objective: Objective,
    images: Tensor,
    labels: Tensor,
    start: Tensor,
    ball: Ball,
    steps: int,
    step_size: float = 0.0,
    *,
    keep_best: bool = True,
    batch_size: int | None = None,
    watch: Watch | None = None,
    **_: object,
) -> Attacked:
    """Climb the loss from `start`, inside the balls around `images` and inside [0, 1].

    Args:
        objective, images, labels, start, ball, steps, batch_size, watch: as for `ascend`.
        step_size: not heeded, nor what else `ascend` may be told: the first steps are of 2 ε.
        keep_best: be done with an image as soon as the attack succeeds, and return what succeeded;
            else take all steps. Where none succeeds the iterate of the largest loss is returned.
    """
    n, device = len(images), images.device
    current, previous, best = start.clone(), start.clone(), start.clone()
    uphill = torch.zeros_like(images)  # the gradient at `best`
    losses = torch.full((n,), -torch.inf, device=device)
    last, at_check = losses.clone(), losses.clone()
    step = torch.full((n, 1, 1, 1), FIRST_STEP * ball.eps, dtype=images.dtype, device=device)
    rises, taken = (torch.zeros(n, dtype=torch.long, device=device) for _ in range(2))
    halved = torch.ones(n, dtype=torch.bool, device=device)
    success, spoilt, flat = torch.zeros_like(halved), torch.zeros_like(halved), halved.clone()
    period = torch.zeros(steps + 1, dtype=torch.long, device=device)
    for at, length in checks_at(steps).items():
        period[at] = length
    queue = torch.arange(n, device=device)
    while len(queue) > 0:
        rows, waiting = queue[:batch_size], queue[len(queue[:batch_size]) :]
        here, centres, so_far = current[rows], images[rows], taken[rows]
        arrived = so_far == steps
        value = objective(here, labels[rows], not bool(arrived.all()))
        if watch is not None:
            watch(here)

        seen = value.losses.float()
        rises[rows] += (seen > last[rows]) & (so_far > 0)
        last[rows] = seen
        better = seen > losses[rows]
        if keep_best:
            better |= value.success
        risen = rows[better]
        best[risen], losses[risen] = here[better], seen[better]
        success[risen] = value.success[better]
        going = ~arrived
        if keep_best:
            going &= ~value.success
        if value.gradient is not None:
            if value.spoilt is not None:
                spoilt[rows] |= value.spoilt & ~arrived
            flat[rows] &= (value.gradient.flatten(1) == 0).all(1) | arrived
            uphill[risen] = value.gradient[better]

            since = period[so_far]
            due, so_many = since > 0, rises[rows]
            stuck = (so_many <= RISING * since) | (~halved[rows] & (at_check[rows] >= losses[rows]))
            stuck &= due
            back = rows[stuck]
            step[back] /= 2
            here[stuck] = best[back]
            gradient = value.gradient
            gradient[stuck] = uphill[back]
            looked = rows[due]
            halved[looked], at_check[looked], rises[looked] = stuck[due], losses[looked], 0

            straight = torch.where(so_far > 0, STRAIGHT, 1.0).to(here).view(-1, 1, 1, 1)
            aim = here + step[rows] * ball.ascent(gradient)
            aim = ball.project(aim, centres).clamp_(0, 1)
            moved = here + straight * (aim - here) + (1 - straight) * (here - previous[rows])
            moved = ball.project(moved, centres).clamp_(0, 1)
            previous[rows], current[rows[going]] = here, moved[going]
        taken[rows] += 1
        queue = torch.cat([rows[going], waiting])
    flat = flat & (taken > 1) | spoilt & ~success
    return Attacked(best, losses, success, flat, spoilt)
