"""Whether the adversarial loss of a surface is to be believed: an attack that fails looks like
robustness.
"""

from __future__ import annotations

import numpy as np
import torch

from isoloss.compute.diagnostics.origin import cell_at_origin
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.engine.quantities import Quantity, with_gradients
from isoloss.geometry.findings import Finding
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label

NOTHING = 0.01
"""A loss that rises by less than this share of itself, and of a nat, has not been raised."""
ENOUGH = 0.95
"""Of the rise that is found anew, where the attack goes on from the point beside."""
MOST_CELLS = 4
ONE_IN = 100
"""Cells of which one is attacked anew: about 2 % of the work."""


def attack_at_centre(surface: Surface, column: str) -> list[Finding]:
    """Whether the network itself loses more on attacked images than on clean ones."""
    cell = cell_at_origin(surface)
    if cell is None:
        return []
    clean, attacked = float(surface.loss[cell]), float(surface.columns[column][cell])
    seen = f"At the centre the loss is {number_label(clean)}, that of attacked images "
    seen += number_label(attacked)
    if attacked - clean > NOTHING * min(abs(clean), 1.0):
        return [Finding("ok", "attack", f"{seen}.")]
    return [
        Finding(
            "warning",
            "attack",
            f"{seen}: the attack finds nothing, and that is no robustness. Its gradients may lead "
            "nowhere (saturated, quantized or random answers): attack with square, which needs "
            "none, or take a larger radius (--eps).",
        )
    ]


@torch.no_grad()
def attack_that_goes_on(
    quantity: Quantity, surface: Surface, evaluator: Evaluator
) -> list[Finding]:
    """Whether an attack finds as much, going on from the point beside, as from the images."""
    known = np.argwhere(surface.computed & np.isfinite(surface.columns[quantity.name]))
    count = min(max(len(known) // ONE_IN, 1), MOST_CELLS)
    chosen = np.random.default_rng(0).permutation(len(known))[:count]
    shares: list[float] = []
    for i, j in known[chosen].tolist():
        clean, anew = _anew(quantity, evaluator, surface, i, j)
        found = float(surface.columns[quantity.name][i, j])
        if anew > clean:
            shares.append((found - clean) / (anew - clean))
    if not shares:
        return []
    least = f"{100 * min(shares):.3g} %"
    where = f"the worst of {len(shares)} points looked at" if len(shares) > 1 else "a point"
    seen = (
        "Going on from what it has made of the images at the point beside, the attack raises the "
        f"loss at {where} by {least} of what it does from the images themselves"
    )
    if min(shares) >= ENOUGH:
        return [Finding("ok", "attack that goes on", f"{seen}.")]
    lacking = f"{100 * (1 - min(shares)):.3g} %"
    return [
        Finding(
            "warning",
            "attack that goes on",
            f"{seen}: there {lacking} of what an attack adds to the loss is missing. "
            "Take more steps (--steps).",
            {"steps": 2 * quantity.facts["steps"]},
        )
    ]


def _anew(
    quantity: Quantity, evaluator: Evaluator, surface: Surface, i: int, j: int
) -> tuple[float, float]:
    """The mean loss and the mean of the quantity over what a cell has seen, with nothing to go on
    from."""
    evaluator.move_to(float(surface.alpha[i]), float(surface.beta[j]))
    first, last = 0, int(surface.count[i, j])
    sums = np.zeros(2)
    for batch in evaluator.data.batches(0, last, with_gradients(evaluator.batch_size)):
        own = evaluator.losses_of(batch)
        attacked = quantity.along(evaluator, batch, first)(own)
        sums += [float(losses.double().sum()) for losses, _ in (own, attacked)]
        first += len(own[0])
    clean, anew = sums / last
    return clean, anew
