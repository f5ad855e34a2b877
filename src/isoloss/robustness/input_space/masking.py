"""Gradient masking, as a surface shows it: where the attack goes it is flat, beside that it rises.

Athalye, Carlini, Wagner 2018, "Obfuscated Gradients Give a False Sense of Security",
https://arxiv.org/abs/1802.00420
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.geometry.findings import Finding
from isoloss.geometry.height import number_label
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.robustness.input_space.cells import PREDICTED
from isoloss.settings.attack_kinds import attack_of

FLAT = 0.25
"""A direction is flat beside another in which the height rises by four times as much."""
LEAST = 0.05
"""Heights that rise by less, in nats or in logits, are flat by themselves."""
Z = 3.0
"""So many standard errors are no rise."""


def masking(surface: Surface, path: Trajectory, ball: Array, *, is_transferred: bool) -> Finding:
    """What a surface says of an attack by gradients that it has the way of.

    Args:
        path: the way of the attack, its heights being those of the surface's network.
        ball: (k, 2) the corners of where the adversary's ball cuts the plane.
        is_transferred: whether the attack followed the gradients of another network.
    """
    what = str(surface.meta.get("quantity", "loss"))
    alpha, beta = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    known = surface.computed & np.isfinite(surface.loss) & inside(ball, alpha, beta)
    rises = np.where(known, surface.loss - path.loss[0], -np.inf)
    best = np.unravel_index(int(rises.argmax()), rises.shape)
    beside, along = float(rises[best]), float(np.nanmax(path.loss) - path.loss[0])
    error = float(np.nan_to_num(surface.loss_stderr[best]))
    if not known.any() or beside < LEAST or beside - Z * error <= along / FLAT:
        return Finding(
            "ok",
            "gradient masking",
            f"along the attack the {what} rises by {number_label(along)}, elsewhere within ε in "
            f"this plane by up to {number_label(max(beside, 0.0))}",
        )
    answer: Any = surface.columns[PREDICTED][best]
    wins = ""
    if np.isfinite(answer) and answer != surface.meta["label"]:
        wins = ", where another class wins"
    rises = (
        f"within ε the {what} rises by {number_label(beside)} at α = "
        f"{number_label(float(alpha[best]))}, β = {number_label(float(beta[best]))}{wins}, but on "
        f"the way of {path.name} by {number_label(along)} only"
    )
    if is_transferred:
        return Finding(
            "note",
            "transfer",
            f"{rises}: it was made for the network without its defense, and says little of the "
            "defense; --attacks eot follows the gradients of that",
            {"plane": "attack", "attacks": "eot"},
        )
    climbs = "eot" if path.name == attack_of("eot").label else "pgd"
    return Finding(
        "warning",
        "gradient masking",
        f"{rises}: the gradient leads nowhere, and accuracies against such attacks are no "
        "robustness; attack with square too, which needs no gradient",
        {"plane": "attacks", "attacks": f"{climbs},square"},
    )


def inside(polygon: Array, x: Array, y: Array) -> Any:
    """Which points of any shape lie in a convex polygon (k, 2), counter-clockwise."""
    found = np.ones(np.shape(x), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        found &= (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) >= -1e-9
    return found
