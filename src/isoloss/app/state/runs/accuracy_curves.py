"""The rows of a robustness table as curves: what they are called, and where they are drawn.

No imgui here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from isoloss.app.state.readouts import plain
from isoloss.geometry.arrays import Array
from isoloss.naming import capitalized
from isoloss.results.certificates import CertificateRow, Steps, steps_of
from isoloss.results.radii import NORMS, radius_label
from isoloss.results.tables import (
    Criterion,
    Curve,
    EvaluationWarning,
    Row,
    by_curve,
    defense_in_words,
    without_repeats,
)
from isoloss.settings.attack_kinds import CERTIFICATE, IN_ORDER, Hue, Mark, attack_of

Axis = Literal["linf", "l2", "radius"]
"""What ε is measured in; radii of certificates never share an axis with attacks."""

AXES: dict[Axis, str] = {
    "linf": f"ε in {NORMS['linf']}",
    "l2": f"ε in {NORMS['l2']}",
    "radius": f"certified radius in {NORMS['l2']}",
}
CLOSEST = 0.55
"""Neighbours on a stretched axis are no closer than this fraction of their mean distance."""


@dataclass(frozen=True)
class AccuracyCurve:
    """All rows that make one curve.

    Attributes:
        name: in words, as a legend has it.
        rows: the smallest radius first.
        warnings: what checks have found about this curve rather than about the whole run.
        hue, mark: of its attack or, where there is but one, of its network and defense.
        alike: so many other networks or defenses have curves of this hue and mark before it.
        steps: of certificates that are known image by image, the fraction at every radius.
    """

    key: Curve
    name: str
    rows: tuple[Row, ...]
    warnings: tuple[EvaluationWarning, ...]
    hue: Hue
    mark: Mark
    alike: int
    steps: Steps | None = None

    @property
    def axis(self) -> Axis:
        """The axis on which it belongs."""
        return axis_of(self.rows[0])

    def certified_within(self, radius: float) -> float | None:
        """The fraction of images that are certified beyond a radius of at least 0; None where that
        is known at the rows alone."""
        if self.steps is None:
            return None
        radii, fractions = self.steps
        return float(fractions[np.searchsorted(radii, radius, side="right") - 1])

    @property
    def attack(self) -> str:
        """The name of the attack, as in the table."""
        return self.key[3]

    @property
    def is_worst_case(self) -> bool:
        """Whether all attacks together are meant."""
        return self.rows[0].is_worst_case

    @property
    def is_defended(self) -> bool:
        """Whether noise stands before the network."""
        return self.key[1] != "none"

    def values(self, by: Criterion) -> tuple[Array, Array, Array]:
        """Accuracy and the ends of its interval, each (N,), in percent."""
        found = [row.accuracy_by(by) for row in self.rows]
        columns = zip(*((s.accuracy, s.low, s.high) for s in found), strict=True)
        accuracy, low, high = (100 * np.array(column) for column in columns)
        return accuracy, low, high


def curves_of(
    rows: Sequence[Row],
    warnings: Sequence[EvaluationWarning],
    certificates: Sequence[CertificateRow] = (),
) -> list[AccuracyCurve]:
    """The worst cases, then the other curves in the order of the table; rows that cannot be drawn
    are left out."""
    groups = by_curve(without_repeats([*filter(_is_sound, rows)]))
    keys = list(groups)
    defended = list(dict.fromkeys(_network_and_defense(key) for key in keys))
    attacks = list(dict.fromkeys(key[3] for key in keys))
    specific = [d for d in warnings if d.network or d.attack or d.sigma is not None]
    found: list[AccuracyCurve] = []
    for key in keys:
        own = sorted(groups[key], key=lambda row: row.eps)
        hue, mark = _hue_and_mark(key, defended, len(attacks) > 1)
        found.append(
            AccuracyCurve(
                key,
                _name(key, keys),
                tuple(own),
                tuple(d for d in specific if any(map(d.concerns, own))),
                hue,
                mark,
                len({_network_and_defense(c.key) for c in found if _is_alike(c, key, hue, mark)}),
                _steps(key, own, certificates),
            )
        )
    return sorted(found, key=lambda curve: not curve.is_worst_case)


def has_draws(curves: Sequence[AccuracyCurve]) -> bool:
    """Whether single and worst draws can be told from the majority."""
    return any(math.isfinite(row.single_accuracy) for c in curves for row in c.rows)


def axis_of(row: Row) -> Axis:
    """The axis on which a row is drawn: "radius" of certificates, else that of its norm."""
    if row.is_certificate:
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


def place_among(radius: float, places: Mapping[float, float]) -> float | None:
    """Where any radius stands on the axis of `stretched` ones; None beyond the last of them."""
    ends = [*places]
    if not ends or not ends[0] <= radius <= ends[-1]:
        return None
    for (a, start), (b, end) in pairwise(places.items()):
        if radius <= b:
            fraction = math.log(radius / a) / math.log(b / a) if a > 0 else radius / b
            return start + fraction * (end - start)
    return places[ends[0]]


def radius_text(radius: float) -> str:
    """A radius as people write it, in characters that the window's font has."""
    return plain(radius_label(radius))


def _steps(key: Curve, rows: Sequence[Row], certificates: Sequence[CertificateRow]) -> Steps | None:
    """What the certificates of a curve come to; None unless there is one of each of its images."""
    network, _, sigma, _, _, seed = key
    own = [c for c in certificates if (c.network, c.sigma, c.seed) == (network, sigma, seed)]
    is_whole = rows[0].is_certificate and len(own) == rows[0].samples
    return steps_of(own) if own and is_whole else None


def _is_sound(row: Row) -> bool:
    fractions = row.accuracy, row.low, row.high
    return math.isfinite(row.eps) and row.eps >= 0 and all(0 <= s <= 1 for s in fractions)


def _hue_and_mark(
    key: Curve, defended: Sequence[tuple[str, str, float]], several_attacks: bool
) -> tuple[Hue, Mark]:
    if several_attacks:
        attack = attack_of(key[3])
        return attack.hue, attack.mark
    return IN_ORDER[defended.index(_network_and_defense(key)) % len(IN_ORDER)]


def _is_alike(curve: AccuracyCurve, key: Curve, hue: Hue, mark: Mark) -> bool:
    """Whether it would look like that of another network or defense."""
    is_same_kind = curve.is_defended == (key[1] != "none")
    looks_same = (curve.hue, curve.mark) == (hue, mark) and is_same_kind
    return looks_same and _network_and_defense(curve.key) != _network_and_defense(key)


def _network_and_defense(key: Curve) -> tuple[str, str, float]:
    """Network and defense."""
    return key[:3]


def _name(key: Curve, keys: Sequence[Curve]) -> str:
    """What tells it from the others, and always what stands between attack and network."""
    network, defense, sigma, attack, _, seed = key
    defended = any(k[1] != "none" for k in keys)
    parts = ["" if attack == CERTIFICATE else capitalized(attack_of(attack).label)]
    if defense == "none":
        parts.append("undefended" if defended else "")
    else:
        parts.append("noise alone" if defense == "noise" else "")
        parts.append(defense_in_words(defense, sigma))
    parts.append(f"seed {seed}" if len({k[5] for k in keys}) > 1 else "")
    rest = ", ".join(filter(None, parts))
    if len({k[0] for k in keys}) > 1:
        return f"{network}: {rest}" if rest else network
    return rest or network
