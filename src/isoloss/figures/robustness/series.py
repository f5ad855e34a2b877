"""The curves of a robustness run's table: rows put together, by what is drawn beside what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from isoloss.figures.robustness.run_results import RunResults
from isoloss.geometry.arrays import Array
from isoloss.results.tables import (
    Criterion,
    EvaluationWarning,
    Row,
    defense_in_words,
    over_seeds,
    without_repeats,
)


@dataclass(frozen=True)
class Series:
    """Accuracy against ε, or certified accuracy against the radius.

    Attributes:
        sigma: NaN without a defense.
        origin: the run, where another one has such a curve with other numbers too; else "".
        eps: (E,) ascending.
        mean: (E,) accuracies, of several seeds their mean.
        low, high: (E,) of one seed its exact 95 % interval. The images are the same for all seeds,
            so that seeds do not add up to more images: of several seeds it is from the lowest end
            of their intervals to the highest.
        seeds: (eps, accuracy) of each seed.
        rows: all that it is made of.
        warnings: those that concern it.
    """

    network: str
    defense: str
    sigma: float
    attack: str
    origin: str
    eps: Array
    mean: Array
    low: Array
    high: Array
    seeds: tuple[tuple[Array, Array], ...]
    rows: tuple[Row, ...]
    warnings: tuple[EvaluationWarning, ...]

    @property
    def is_defended(self) -> bool:
        """Whether there is noise before the network."""
        return not math.isnan(self.sigma)

    @property
    def is_worst_case(self) -> bool:
        """Whether all attacks together are meant."""
        return self.rows[0].is_worst_case


@dataclass(frozen=True)
class Group:
    """What is drawn into one panel.

    Attributes:
        sigma: NaN where nothing is defended, or where the curves say it.
    """

    network: str
    defense: str
    sigma: float
    series: tuple[Series, ...]

    @property
    def title(self) -> str:
        """The network, and what defends it where that is the same for all."""
        words = [self.network, defense_in_words(self.defense, self.sigma)]
        if self.defense == "noise":
            words.append("noise alone")
        return ", ".join(filter(None, words))


def series_of(runs: Sequence[RunResults], by: Criterion = "majority") -> list[Series]:
    """All curves of the runs, in order; one that two runs have alike once."""
    found: list[Series] = []
    for run in runs:
        for rows in over_seeds(without_repeats(run.rows)):
            curve = rows[0].curve[:-1]
            new = _put_together(rows, run, by)
            same = [
                k
                for k, s in enumerate(found)
                if s.rows[0].curve[:-1] == curve and _same_numbers(new, s)
            ]
            for k in same:  # what one run's checks have found is true of the other's numbers too
                warnings = dict.fromkeys((*found[k].warnings, *new.warnings))
                found[k] = replace(found[k], warnings=tuple(warnings))
            if not same:
                found.append(replace(new, origin=run.name))
    return [s if _is_twin(s, found) else replace(s, origin="") for s in found]


def by_defense(series: Sequence[Series]) -> list[Group]:
    """A panel for each network and σ, each with the undefended network to compare with."""
    groups: list[Group] = []
    for network in dict.fromkeys(s.network for s in series):
        own = [s for s in series if s.network == network]
        plain = [s for s in own if not s.is_defended]
        defenses = dict.fromkeys((s.defense, s.sigma) for s in own if s.is_defended)
        for defense, sigma in defenses:
            behind = [s for s in own if (s.defense, s.sigma) == (defense, sigma)]
            groups.append(Group(network, defense, sigma, (*plain, *behind)))
        if not defenses:
            groups.append(Group(network, "none", math.nan, tuple(plain)))
    return groups


def by_network(series: Sequence[Series]) -> list[Group]:
    """A panel for each network and kind of defense, with all σ in it."""
    return [
        Group(
            network, defense, math.nan,
            tuple(s for s in series if (s.network, s.defense) == (network, defense)),
        )
        for network, defense in dict.fromkeys((s.network, s.defense) for s in series)
    ]  # fmt: skip


def _put_together(rows: Sequence[Row], run: RunResults, by: Criterion) -> Series:
    first = rows[0]
    eps = sorted({row.eps for row in rows})
    intervals = [[row.accuracy_by(by) for row in rows if row.eps == e] for e in eps]
    seeds = dict.fromkeys(row.seed for row in rows)
    warnings = [d for d in run.warnings if any(d.concerns(row) for row in rows)]
    return Series(
        first.network, first.defense, first.sigma, first.attack, "",
        np.array(eps),
        np.array([sum(s.accuracy for s in each) / len(each) for each in intervals]),
        np.array([min(s.low for s in each) for each in intervals]),
        np.array([max(s.high for s in each) for each in intervals]),
        tuple(_of_seed([r for r in rows if r.seed == seed], by) for seed in seeds),
        tuple(rows), tuple(warnings),
    )  # fmt: skip


def _of_seed(rows: Sequence[Row], by: Criterion) -> tuple[Array, Array]:
    ordered = sorted(rows, key=lambda row: row.eps)
    fractions = [r.accuracy_by(by).accuracy for r in ordered]
    return np.array([r.eps for r in ordered]), np.array(fractions)


def _is_twin(series: Series, among: Sequence[Series]) -> bool:
    return sum(s.rows[0].curve[:-1] == series.rows[0].curve[:-1] for s in among) > 1


def _same_numbers(one: Series, other: Series) -> bool:
    def numbers(series: Series) -> list[tuple[float, int, int, int]]:
        return sorted((r.eps, r.seed, r.samples, r.correct) for r in series.rows)

    return numbers(one) == numbers(other)
