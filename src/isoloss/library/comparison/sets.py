"""Sets of runs beside each other, in words and in tables: their means, and whether two differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoloss.files import number_text, write_csv
from isoloss.geometry.ticks import number_label
from isoloss.library.comparison.differences import key_of
from isoloss.library.comparison.measured import MeasuredNetwork, Quantity
from isoloss.results.means import Difference, Mean

_HIGHER_LOWER = "higher", "lower"
_WORDS = {
    **dict.fromkeys(("eigenvalue", "trace", "rise"), ("sharper", "flatter")),
    **dict.fromkeys(("accuracy", "clean", "noisy"), ("more accurate", "less accurate")),
}
"""How what lies above is called, and what lies below."""


@dataclass(frozen=True)
class RunSet:
    """Runs that are alike but for what they are averaged over.

    Attributes:
        name: what tells them from the others.
        members: the networks in it.
        means: of each quantity that all of them have.
    """

    name: str
    members: tuple[MeasuredNetwork, ...]
    means: Mapping[Quantity, Mean]

    @property
    def kind(self) -> str:
        """Of its runs."""
        return self.members[0].entry.kind


@dataclass(frozen=True)
class SetDifference:
    """By how much one set lies above another in one quantity.

    Attributes:
        found: negative where `above` is the lower one.
        compared: how many differences are counted together.
    """

    quantity: Quantity
    above: RunSet
    below: RunSet
    found: Difference
    compared: int = 1

    def __str__(self) -> str:
        """As a sentence."""
        of = "Of these two networks, " if self.found.over == "samples" else ""
        said = self._apart() if self.found.is_apart else self._alike()
        return f"{self.quantity.title}: {of}{said}."

    def _apart(self) -> str:
        found = self.found if self.found.value > 0 else self.found.turned
        words = _WORDS.get(self.quantity.name, _HIGHER_LOWER)[self.found.value < 0]
        by = self._number(found.value) + " points" * self.quantity.is_share
        how = ", in all runs alike" if found.how == "no spread" else f" ({self._ends(found)})"
        but = f", but not once all {self.compared} comparisons count (Holm)" * (not found.is_sure)
        return f"{self.above.name} is {words} than {self.below.name} by {by}{how}{but}"

    def _alike(self) -> str:
        found, names = self.found, f"{self.above.name} and {self.below.name}"
        if found.how == "no spread":
            return f"{names} are the same in all runs"
        if not found.how:
            return f"{names} differ by {self._number(abs(found.value))}; errors are not known"
        what = "seeds" if found.over == "runs" else "samples"
        return f"{names} do not differ beyond what {what} explain ({self._ends(found)})"

    def _ends(self, found: Difference) -> str:
        return f"{self._number(found.low)} to {self._number(found.high)}"

    def _number(self, value: float) -> str:
        scaled = 100 * value if self.quantity.is_share else value
        return number_label(scaled)


@dataclass(frozen=True)
class RunSets:
    """Sets of runs beside each other.

    Attributes:
        sets: in the order of the runs.
        differences: of the first set of each kind of run to the others.
        remarks: what to know of them; a sentence each.
    """

    sets: tuple[RunSet, ...] = ()
    differences: tuple[SetDifference, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def quantities(self) -> list[Quantity]:
        """Of all sets."""
        return list(dict.fromkeys(q for each in self.sets for q in each.means))

    def lines(self) -> list[list[str]]:
        """A table in words, its header first."""
        quantities = self.quantities
        header = ["Set", "Runs", *(q.title for q in quantities)]
        return [header, *(self._line(each, quantities) for each in self.sets)]

    @staticmethod
    def _line(each: RunSet, quantities: Sequence[Quantity]) -> list[str]:
        means = [in_words(q, each.means.get(q)) for q in quantities]
        return [each.name, str(len(each.members)), *means]

    @property
    def said(self) -> list[str]:
        """Whether the sets differ, and what to know of that; a sentence each."""
        return [*map(str, self.differences), *self.remarks]

    def as_json(self) -> Iterator[dict[str, Any]]:
        """Of each set its means, then of each two what they differ by."""
        for each in self.sets:
            yield {
                "set": each.name,
                "runs": [m.name for m in each.members],
                "means": {key_of(q.title): _plain(vars(mean)) for q, mean in each.means.items()},
            }
        for d in self.differences:
            names = {
                "quantity": key_of(d.quantity.title),
                "above": d.above.name,
                "below": d.below.name,
            }
            sure = {"differs": d.found.is_sure, "said": str(d)}
            yield names | _plain(vars(d.found)) | sure

    def write_csv(self, path: Path) -> Path:
        """Write a line for each mean and each difference."""
        header = (
            "set", "minus", "quantity", "runs", "value", "low", "high", "spread", "within",
            "between", "p", "p_adjusted", "differs", "over", "how",
        )  # fmt: skip
        return write_csv(path, header, self._rows())

    def _rows(self) -> Iterator[list[str]]:
        for each in self.sets:
            for q, m in each.means.items():
                numbers = m.count, m.value, m.low, m.high, m.spread, m.within, m.between
                told = map(number_text, numbers)
                yield [each.name, "", key_of(q.title), *told, "", "", "", m.over, ""]
        for d in self.differences:
            f, names = d.found, (d.above.name, d.below.name, key_of(d.quantity.title))
            differs = str(f.is_sure).lower() if f.how else ""
            yield [
                *names, "", *map(number_text, (f.value, f.low, f.high)), "", "", "",
                number_text(f.p), number_text(f.adjusted), differs, f.over, f.how,
            ]  # fmt: skip


def in_words(quantity: Quantity, mean: Mean | None) -> str:
    """A mean, its interval and the spread between runs."""
    if mean is None:
        return "–"
    scale, unit = (100, " %") if quantity.is_share else (1, "")
    value, low, high = (number_label(scale * x, 4) for x in (mean.value, mean.low, mean.high))
    said = f"{value}{unit}" + (f" ({low} to {high})" if mean.over else "")
    if mean.over == "runs":
        unit = " points" if quantity.is_share else ""
        said += f", spread {number_label(scale * mean.spread, 2)}{unit}"
        if not math.isnan(mean.between):
            said += f", of seeds {number_label(scale * mean.between, 2)}{unit}"
    return said


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: what is not known is null."""
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()
    }
