"""Attacks and radii as people meet them in figures, in the window and in reports.

What they are called, and what tells their curves apart; who draws has colours and symbols of his
own for each `Hue` and each `Mark`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isoloss.geometry.height import number_label
from isoloss.results.tables import CERTIFICATE

Hue = Literal["ink", "blue", "orange", "green", "purple", "magenta"]
Mark = Literal["circle", "square", "diamond", "up", "down", "plus"]
"""Symbols; "up" and "down" are triangles."""


@dataclass(frozen=True)
class Attack:
    """How one attack is told.

    Attributes:
        name: where there is little room and its term is explained.
        in_figures: where a caption may be far away.
        in_reports: to a reader who has nothing but the text.
    """

    name: str
    in_figures: str
    in_reports: str
    hue: Hue
    mark: Mark


_ATTACKS = {
    "pgd": Attack("PGD", "PGD", "PGD", "ink", "circle"),
    "square": Attack("Square", "Square", "Square (black box)", "blue", "square"),
    "autoattack": Attack("AutoAttack", "AutoAttack", "AutoAttack", "magenta", "up"),
    "transfer": Attack(
        "transfer", "transfer", "transfer (made for the undefended network)", "orange", "down"
    ),
    "bpda": Attack(
        "BPDA", "BPDA with EOT", "BPDA (denoiser as identity) with EOT", "purple", "diamond"
    ),
    "eot": Attack("EOT", "EOT, exact gradients", "EOT, exact gradients", "green", "plus"),
    CERTIFICATE: Attack("certified", "certified", "certified", "ink", "circle"),
}
IN_ORDER: tuple[tuple[Hue, Mark], ...] = (
    ("blue", "circle"),
    ("orange", "square"),
    ("green", "diamond"),
    ("purple", "up"),
    ("magenta", "down"),
)
"""Of curves that do not differ by their attack."""
NORMS = {"linf": "L∞", "l2": "L2"}


def attack_of(name: str) -> Attack:
    """The attack that tables and settings call `name`, even one of a newer isoloss."""
    return _ATTACKS.get(name) or Attack(name, name, name, "ink", "circle")


def radius_label(radius: float) -> str:
    """A radius as people write it: 0.005, or 8/255 where that is what was meant."""
    steps = radius * 255
    if abs(steps - round(steps)) < 1e-6 and len(f"{radius:.12g}") > 6:
        return f"{round(steps)}/255"
    return number_label(radius, 4)
