"""The worst case over all attacks on one network and defense, image by image.

Runs have it in their table; of those that are older, and done, it is put together from their
journal whenever their files are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.results.intervals import exact_interval
from isoloss.results.tables import Curve, Row, by_curve
from isoloss.settings.attack_kinds import WORST

Bits = NDArray[np.bool_]
RightImages = tuple[tuple[int, ...], Bits]
"""The numbers of images within their data, and which of them are right."""
_TEXTS = {"right": "", "single": "single_", "worst": "worst_"}
"""The journal's texts, and how the fields of a row that count them begin."""


def worst_case(clean: Bits, attacked: Sequence[Mapping[float, Bits]]) -> dict[float, Bits]:
    """{ε: (N,) which images are right under every attack}, 0 being the clean ones.

    An image counts as right at ε only if no attack has changed its class at ε or at any smaller
    radius, 0 among them: what lies in a smaller ball lies in the larger one too, so that robustness
    cannot rise with ε. It is taken image by image, before counting: Croce, Hein 2020,
    https://arxiv.org/abs/2003.01690; Carlini et al. 2019, https://arxiv.org/abs/1902.06705.

    Args:
        clean: (N,) which images are right unattacked.
        attacked: of each attack which are at its radii, the same for all.
    """
    left = clean
    found = {0.0: left}
    for eps in sorted(attacked[0]):
        left = found[eps] = np.logical_and.reduce([left, *(bits[eps] for bits in attacked)])
    return found


def with_worst_case(rows: list[Row], journal: Path) -> list[Row]:
    """The table of a run that is done, with the worst case if it had none; as it is where the
    journal does not have what the table counts."""
    if not rows or any(row.is_worst_case or row.is_certificate for row in rows):
        return rows
    try:
        outcomes = _outcomes(journal)
        return [*_put_together(rows, outcomes)]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return rows


def right_by_image(rows: Sequence[Row], journal: Path) -> dict[Curve, dict[float, RightImages]]:
    """{curve: {ε: which images are right}}, the worst case among the curves; none where the
    journal does not have what the table counts."""
    plain = [row for row in rows if not row.is_worst_case]
    try:
        found = [*_attacked(plain, _outcomes(journal))]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return {}
    if len(found) != len(by_curve(plain)) or not all(each.is_sound for each in found):
        return {}
    right: dict[Curve, dict[float, RightImages]] = {}
    beside: dict[Curve, list[_Attacked]] = {}
    for each in found:
        images = tuple(each.outcome.images)
        right[each.rows[0].curve] = {e: (images, b) for e, b in each.bits("right").items()}
        beside.setdefault(replace(each.rows[0], attack=WORST).curve, []).append(each)
    for curve, several in beside.items():
        every = [each.bits("right") for each in several]
        attacked = [{e: b for e, b in each.items() if e > 0} for each in every]
        images = tuple(several[0].outcome.images)
        right[curve] = {e: (images, b) for e, b in worst_case(every[0][0.0], attacked).items()}
    return right


class _Outcome:
    """What is told of one combination's images, those of all blocks."""

    def __init__(self, blocks: Sequence[Mapping[str, Any]]) -> None:
        self._blocks = blocks
        self.eps: list[float] = list(blocks[0]["eps"])
        self.images = [image for block in blocks for image in block["images"]]

    def bits(self, name: str) -> dict[float, Bits]:
        """{ε: (N,)} of the texts of this name; none where there are no such texts."""
        if not all(block[name] for block in self._blocks):
            return {}
        texts = ("".join(block[name][k] for block in self._blocks) for k in range(len(self.eps)))
        return {e: np.array([*text]) == "1" for e, text in zip(self.eps, texts, strict=True)}


def _outcomes(journal: Path) -> list[_Outcome]:
    """Those of all combinations, in order."""
    blocks: dict[tuple[int, int], dict[str, Any]] = {}
    for line in journal.read_bytes().split(b"\n"):
        try:
            told = json.loads(line)
            kind, combination, block = told["unit"]
        except (ValueError, KeyError, TypeError):
            continue  # cut short
        if kind == 0:
            blocks.setdefault((combination, block), told)
    return [
        _Outcome([blocks[unit] for unit in units])
        for _, units in groupby(sorted(blocks), lambda unit: unit[0])
    ]


@dataclass(frozen=True)
class _Attacked:
    """One curve of the table, what the journal tells of its images, and of the clean ones."""

    rows: list[Row]
    outcome: _Outcome
    clean: _Outcome

    def bits(self, name: str) -> dict[float, Bits]:
        """{ε: (N,)}, 0 being the clean images."""
        return self.clean.bits(name) | self.outcome.bits(name)

    @property
    def is_sound(self) -> bool:
        """Whether the journal has what the table counts."""
        right = self.bits("right")
        counted = {eps: (len(bits), int(bits.sum())) for eps, bits in right.items()}
        return counted == {row.eps: (row.samples, row.correct) for row in self.rows} and (
            self.outcome.images == self.clean.images
        )


def _attacked(rows: Sequence[Row], outcomes: Sequence[_Outcome]) -> Iterator[_Attacked]:
    """Curves are in the order of combinations, but for those of clean images alone, of which each
    comes before the attacks on the same defense."""
    curves = iter(by_curve(rows).values())
    clean: _Outcome | None = None
    for outcome in outcomes:
        if outcome.eps == [0.0]:
            clean = outcome
        elif (its := next(curves, None)) is not None:
            is_plain = its[0].defense == "none"
            yield _Attacked(its, outcome, outcome if is_plain or clean is None else clean)


def _put_together(rows: Sequence[Row], outcomes: Sequence[_Outcome]) -> Iterator[Row]:
    found = [*_attacked(rows, outcomes)]
    if len(found) != len(by_curve(rows)) or not all(each.is_sound for each in found):
        raise ValueError("the journal is of other images")
    for _, its in groupby(found, lambda each: replace(each.rows[0], attack=WORST).curve):
        beside = [*its]
        for each in beside:
            yield from each.rows
        yield from _worst_of(beside)


def _worst_of(beside: Sequence[_Attacked]) -> Iterator[Row]:
    """The rows of the worst case of some attacks, like those of the first."""
    by_name: dict[str, dict[float, Bits]] = {}
    for name in (*_TEXTS, "right_in_8_bits"):
        every = [each.bits(name) for each in beside]
        if every[0]:
            attacked = [{eps: bits for eps, bits in each.items() if eps > 0} for each in every]
            by_name[name] = worst_case(every[0][0.0], attacked)
    for row in beside[0].rows:
        counted: dict[str, Any] = {}
        for name, prefix in _TEXTS.items():
            if name in by_name:
                right = by_name[name][row.eps]
                correct, samples = int(right.sum()), len(right)
                ends = exact_interval(correct, samples)
                values = correct, correct / samples, *ends
                fields = ("correct", "accuracy", "low", "high")
                counted |= {prefix + f: v for f, v in zip(fields, values, strict=True)}
        in_8_bits = int(by_name["right_in_8_bits"][row.eps].sum())
        yield replace(
            row, attack=WORST, correct_in_8_bits=in_8_bits, without_gradient=0, seconds=0.0,
            **counted,
        )  # fmt: skip
