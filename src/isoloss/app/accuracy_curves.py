"""The rows of a robustness table as curves: what they are called, and where they are drawn.

No imgui here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoloss.tables import Curve, Doubt, Row

Array = NDArray[np.float64]
Judgement = Literal["majority", "single", "worst"]
Axis = Literal["linf", "l2", "radius"]
"""What ε is measured in; radii of certificates never share an axis with attacks."""

CERTIFICATE = "certificate"
ATTACKS = {
    "pgd": "PGD",
    "square": "Square",
    "autoattack": "AutoAttack",
    "transfer": "Transfer",
    "bpda": "BPDA",
    "eot": "EOT",
    CERTIFICATE: "Certified",
}
AXES: dict[Axis, str] = {
    "linf": "ε in L∞",
    "l2": "ε in L2",
    "radius": "certified radius in L2",
}
CLOSEST = 0.55
"""Neighbours on a stretched axis are no closer than this share of their mean distance."""


@dataclass(frozen=True)
class Share:
    """How many of a row's images were classified rightly; shares lie in [0, 1]."""

    correct: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class AccuracyCurve:
    """All rows that make one curve.

    Attributes:
        name: in words, as a legend has it.
        rows: the smallest radius first.
        doubts: what checks have found about this curve rather than about the whole run.
        subject: which of the networks and defenses of the run it is about, from 0.
        hue: "pgd", "transfer", … for its attack or, where there is but one, the subject's number;
            curves of equal hue differ by subject.
    """

    key: Curve
    name: str
    rows: tuple[Row, ...]
    doubts: tuple[Doubt, ...]
    subject: int
    hue: str

    @property
    def axis(self) -> Axis:
        """The axis on which it belongs."""
        return axis_of(self.rows[0])

    @property
    def attack(self) -> str:
        return self.key[3]

    @property
    def is_defended(self) -> bool:
        return self.key[1] != "none"

    def values(self, by: Judgement) -> tuple[Array, Array, Array]:
        """Accuracy and the ends of its interval, each (N,), in percent."""
        shares = [judged(row, by) for row in self.rows]
        columns = zip(*((s.accuracy, s.low, s.high) for s in shares), strict=True)
        accuracy, low, high = (100 * np.array(column) for column in columns)
        return accuracy, low, high


def curves_of(rows: Sequence[Row], doubts: Sequence[Doubt]) -> list[AccuracyCurve]:
    """The curves in the order of the table; rows that cannot be drawn are left out."""
    groups: dict[Curve, list[Row]] = {}
    for row in filter(_is_sound, rows):
        groups.setdefault(row.curve, []).append(row)
    keys = list(groups)
    subjects = list(dict.fromkeys(_subject(key) for key in keys))
    attacks = list(dict.fromkeys(key[3] for key in keys))
    specific = [d for d in doubts if d.network or d.attack or d.sigma is not None]
    found = []
    for key in keys:
        own = sorted(groups[key], key=lambda row: row.eps)
        subject = subjects.index(_subject(key))
        by_attack = len(attacks) > 1
        found.append(
            AccuracyCurve(
                key,
                _name(key, keys),
                tuple(own),
                tuple(d for d in specific if any(map(d.concerns, own))),
                subject,
                key[3] if by_attack else str(subject),
            )
        )
    return found


def judged(row: Row, by: Judgement) -> Share:
    """What the curve shows of a row; without draws of noise there is one answer only."""
    if by == "single" and row.votes and math.isfinite(row.single_accuracy):
        return Share(row.single_correct, row.single_accuracy, row.single_low, row.single_high)
    if by == "worst" and row.votes and math.isfinite(row.worst_accuracy):
        return Share(row.worst_correct, row.worst_accuracy, row.worst_low, row.worst_high)
    return Share(row.correct, row.accuracy, row.low, row.high)


def has_draws(curves: Sequence[AccuracyCurve]) -> bool:
    """Whether single and worst draws can be told from the majority."""
    return any(math.isfinite(row.single_accuracy) for c in curves for row in c.rows)


def axis_of(row: Row) -> Axis:
    """The axis on which a row belongs."""
    if row.attack == CERTIFICATE:
        return "radius"
    return "l2" if row.norm == "l2" else "linf"


def stretched(radii: Sequence[float]) -> dict[float, float]:
    """Where each radius stands on an axis from 0 to 1 on which all of them can be told apart.

    Distances are those of the logarithms, but 0 stands a usual distance beside the smallest, and
    neighbours keep a least distance.
    """
    values = sorted({*radii})
    positive = [value for value in values if value > 0]
    gaps = [math.log(b / a) for a, b in pairwise(positive)]
    usual = sum(gaps) / len(gaps) if gaps else 1.0
    if values and values[0] == 0 and positive:
        gaps.insert(0, usual)
    gaps = [max(gap, CLOSEST * usual) for gap in gaps]
    ends = np.concatenate([[0.0], np.cumsum(gaps)])
    places = ends / ends[-1] if ends[-1] > 0 else ends
    return dict(zip(values, map(float, places), strict=False))


def radius_text(radius: float) -> str:
    """A radius as people write it: 0.005, or 8/255 where that is what was meant."""
    steps = radius * 255
    if abs(steps - round(steps)) < 1e-6 and len(f"{radius:.12g}") > 6:
        return f"{round(steps)}/255"
    return f"{radius:.4g}"


def percent(share: float) -> str:
    """A share as the window writes it."""
    return f"{100 * share:.1f} %"


def _is_sound(row: Row) -> bool:
    shares = row.accuracy, row.low, row.high
    return math.isfinite(row.eps) and row.eps >= 0 and all(0 <= s <= 1 for s in shares)


def _subject(key: Curve) -> tuple[str, str, float]:
    """Network and defense."""
    return key[:3]


def _name(key: Curve, keys: Sequence[Curve]) -> str:
    """What tells it from the others, and always what stands between attack and network."""
    network, defense, sigma, attack, _, seed = key
    defended = any(k[1] != "none" for k in keys)
    told = "" if attack == CERTIFICATE else ATTACKS.get(attack, attack)
    parts = [told]
    if defense == "none":
        parts.append("undefended" if defended else "")
    else:
        parts.append("noise alone" if defense == "noise" else "")
        parts.append(f"σ = {sigma:g}")
    parts.append(f"seed {seed}" if len({k[5] for k in keys}) > 1 else "")
    said = ", ".join(filter(None, parts))
    if len({k[0] for k in keys}) > 1:
        return f"{network}: {said}" if said else network
    return said or network
