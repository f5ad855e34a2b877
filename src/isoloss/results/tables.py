"""What an attack, a defense or a certification has come to: its table and its report, as files.

Plain reading and writing, for the window, figures and `isoloss info`; how the numbers come about is
in `isoloss.robustness`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast

from isoloss.errors import IsolossError
from isoloss.files import check_readable, read_json, write_csv, write_json
from isoloss.settings.attack_kinds import CERTIFICATE, WORST
from isoloss.shortening import cited

REPORT_SCHEMA = 1

Curve = tuple[str, str, float, str, str, int]
Criterion = Literal["majority", "single", "worst"]
"""Whose answer counts behind a randomized defense: the majority's of its draws, a single one's, or
the worst one's."""


@dataclass(frozen=True)
class AccuracyInterval:
    """How many of a row's images are classified rightly, as a fraction, and its exact interval."""

    correct: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One combination of network, defense, attack and ε.

    Attributes:
        defense: "none", "noise", "denoised", or how images are purified, in words.
        sigma: the noise's standard deviation on the [0, 1] scale, of a purification that of t*; NaN
            without a defense.
        attack: its name in `isoloss.settings.attack_kinds`; "certificate" where the accuracy is
            certified and `eps` the radius; "worst" where an image counts as right only if it is so
            under every attack on the same network and defense with the same seed, at every radius
            up to `eps`; "transfer from NAME" where images were made on another network.
        norm: "linf" or "l2"; certificates are in "l2".
        eps: on the [0, 1] scale; at 0 the images are clean.
        samples: images so far; `correct` of them are classified rightly, with a randomized defense
            by the majority of `votes` draws.
        accuracy, low, high: that fraction, and its exact 95 % interval.
        correct_in_8_bits: likewise once every value of the image is one of 256; with a randomized
            defense by a single draw.
        single_*, worst_*: with a randomized defense, by one draw, and by the worst of all draws.
        without_gradient: images for which the attack found no gradient to follow.
        abstained: images for which a certificate says nothing.
        seconds: spent so far.
        average_radius, average_radius_error: of a certification, at radius 0: the mean over all
            images of the radius in which their true class is certified, and its standard error.

    Counts of what was not looked at are 0 here, and empty in a file.
    """

    network: str
    defense: str
    sigma: float
    attack: str
    norm: str
    eps: float
    seed: int
    samples: int
    correct: int
    accuracy: float
    low: float
    high: float
    votes: int = 0
    correct_in_8_bits: int = 0
    single_correct: int = 0
    single_accuracy: float = math.nan
    single_low: float = math.nan
    single_high: float = math.nan
    worst_correct: int = 0
    worst_accuracy: float = math.nan
    worst_low: float = math.nan
    worst_high: float = math.nan
    without_gradient: int = 0
    abstained: int = 0
    seconds: float = 0.0
    average_radius: float = math.nan
    average_radius_error: float = math.nan

    @property
    def is_certificate(self) -> bool:
        """Whether its accuracy is certified, rather than found by an attack."""
        return self.attack == CERTIFICATE

    @property
    def is_worst_case(self) -> bool:
        """Whether all attacks together are meant, image by image."""
        return self.attack == WORST

    @property
    def curve(self) -> Curve:
        """What all rows of one curve, accuracy against ε, have in common: network, defense, σ (−1
        without a defense), attack, norm and seed."""
        sigma = -1.0 if math.isnan(self.sigma) else self.sigma  # NaN is not equal to itself
        return self.network, self.defense, sigma, self.attack, self.norm, self.seed

    def accuracy_by(self, by: Criterion) -> AccuracyInterval:
        """The accuracy by whose answer counts; without a random defense there is but one."""
        if by == "single" and math.isfinite(self.single_accuracy):
            return AccuracyInterval(
                self.single_correct, self.single_accuracy, self.single_low, self.single_high
            )
        if by == "worst" and math.isfinite(self.worst_accuracy):
            return AccuracyInterval(
                self.worst_correct, self.worst_accuracy, self.worst_low, self.worst_high
            )
        return AccuracyInterval(self.correct, self.accuracy, self.low, self.high)


@dataclass(frozen=True)
class EvaluationWarning:
    """Something automatic checks have found, to be stamped on what it concerns.

    Attributes:
        id: for example "black-box-beats-white-box".
        message: one sentence.
        network, sigma, attack: what it concerns; "" or None for all.
    """

    id: str
    message: str
    network: str = ""
    sigma: float | None = None
    attack: str = ""

    def concerns(self, row: Row) -> bool:
        """Whether a figure that shows `row` must say so."""
        same_sigma = self.sigma is None or self.sigma == row.sigma
        return self.network in ("", row.network) and same_sigma and self.attack in ("", row.attack)


@dataclass(frozen=True)
class Report:
    """What there is to say of a finished run.

    Attributes:
        summary: two or three plain sentences.
        warnings: what automatic checks have found.
        convergence: each study: what was varied, its values, and the accuracies.
        facts: classes, samples, norm, protocol and the like.
    """

    summary: str
    warnings: tuple[EvaluationWarning, ...] = ()
    convergence: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


def defense_in_words(defense: str, sigma: float) -> str:
    """What tells a defense from others of its kind, "" where there is none.

    Args:
        defense, sigma: as a row has them; σ may be −1 for NaN.
    """
    if math.isnan(sigma) or sigma < 0:
        return ""
    return f"σ = {sigma:g}" if defense in ("noise", "denoised") else defense


def mean_in_words(seeds: Sequence[Row]) -> str:
    """The mean accuracy of rows that differ by their seed, with an interval that contains those of
    all."""
    fraction = sum(row.accuracy for row in seeds) / len(seeds)
    low, high = min(row.low for row in seeds), max(row.high for row in seeds)
    return f"{100 * fraction:.1f} % ({100 * low:.0f}–{100 * high:.0f})"


def by_curve(rows: Iterable[Row]) -> dict[Curve, list[Row]]:
    """The rows of each curve, in the order of the table."""
    found: dict[Curve, list[Row]] = {}
    for row in rows:
        found.setdefault(row.curve, []).append(row)
    return found


def over_seeds(rows: Iterable[Row]) -> list[list[Row]]:
    """Together the rows of curves that differ by their seed alone, in the order of the table."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(row.curve[:-1], []).append(row)
    return list(found.values())


def without_repeats(rows: Sequence[Row]) -> list[Row]:
    """The rows that are to be drawn: not the worst case where there is but one attack, and it says
    the same."""
    curves = by_curve(rows)
    beside: dict[Curve, list[list[Row]]] = {}
    for curve, its in curves.items():
        if not its[0].is_worst_case:
            beside.setdefault(_under_worst(curve), []).append(its)
    numbers = {curve: [(r.eps, r.samples, r.correct) for r in its] for curve, its in curves.items()}
    return [
        row
        for row in rows
        if not row.is_worst_case
        or [numbers[its[0].curve] for its in beside.get(row.curve, [])] != [numbers[row.curve]]
    ]


def _under_worst(curve: Curve) -> Curve:
    network, defense, sigma, _, norm, seed = curve
    return network, defense, sigma, WORST, norm, seed


def average_radius_of(rows: Iterable[Row]) -> tuple[float, float]:
    """The average certified radius of a curve and its standard error; of several seeds the mean
    and the largest error, for their images are the same. NaN where it is not known."""
    known = [row for row in rows if not math.isnan(row.average_radius)]
    if not known:
        return math.nan, math.nan
    mean = math.fsum(row.average_radius for row in known) / len(known)
    return mean, max(row.average_radius_error for row in known)


def average_radius_in_words(rows: Iterable[Row]) -> str:
    """ "0.431 ± 0.012", or "" where it is not known; without the error where all images are alike
    or there is but one, which says nothing of others."""
    mean, error = average_radius_of(rows)
    if math.isnan(mean):
        return ""
    return f"{mean:.4g}" + (f" ± {error:.2g}" if error > 0 else "")


_LATER = ("average_radius", "average_radius_error")
"""Columns that tables of earlier versions have not."""
_COUNTED_OF_SOME = ("correct_in_8_bits", "single_correct", "worst_correct")


def write_table(path: Path, rows: list[Row]) -> Path:
    """Write `rows` as CSV with a header, in one step."""
    header = (f.name for f in fields(Row))
    return write_csv(path, header, (_cells(row) for row in rows))


def read_table(path: Path) -> list[Row]:
    """The rows of a `robustness.csv`.

    Raises:
        IsolossError: if it cannot be read or is no such table.
    """
    check_readable(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file)
            known = {*(lines.fieldnames or ()), *_LATER}
            if missing := [f.name for f in fields(Row) if f.name not in known]:
                raise ValueError(f"it has no column {missing[0]}")
            return [_row(line) for line in lines]
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise IsolossError(f"{path} is no table of a robustness run: {cited(error)}") from error


def write_report(path: Path, report: Report) -> Path:
    """Write a report as JSON, in one step."""
    content = {
        "schema": REPORT_SCHEMA,
        "verdict": report.summary,
        "doubts": [asdict(warning) for warning in report.warnings],
        "convergence": report.convergence,
        "facts": report.facts,
    }
    return write_json(path, content)


def read_report(path: Path) -> Report:
    """The report in a `report.json`.

    Raises:
        IsolossError: if it cannot be read or is no report.
    """
    content: Any = read_json(path)
    try:
        if content["schema"] > REPORT_SCHEMA:
            raise IsolossError(f"{path} was written by a newer isoloss: update to read it")
        return Report(
            str(content["verdict"]),
            tuple(EvaluationWarning(**warning) for warning in content["doubts"]),
            tuple(content["convergence"]),
            dict(content["facts"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise IsolossError(f"{path} is no report of a robustness run: {cited(error)}") from error


def _cells(row: Row) -> list[str]:
    """What has not been counted is left empty, lest it be read as none."""
    uncounted = () if row.votes else ("single_correct", "worst_correct")
    if row.is_certificate:
        uncounted = _COUNTED_OF_SOME
    return ["" if k in uncounted else _cell(v) for k, v in asdict(row).items()]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value)


def _row(line: dict[str, str]) -> Row:
    if None in line.values():
        raise ValueError("a line is cut short")
    kinds = {"int": int, "str": str, "float": _number}
    line = {**dict.fromkeys(_LATER, ""), **line}
    given = {k: "0" if k in _COUNTED_OF_SOME and not v else v for k, v in line.items()}
    values = {f.name: kinds[str(f.type)](given[f.name]) for f in fields(Row)}
    return Row(**cast(dict[str, Any], values))


def _number(cell: str) -> float:
    return float(cell) if cell else math.nan
