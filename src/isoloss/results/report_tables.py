"""What a report says beside its summary, as plain tables and lines: `report.md` and pages write the
same ones, each in its own way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from isoloss.naming import listed
from isoloss.results.certificates import CertificateRow
from isoloss.results.intervals import exact_interval
from isoloss.results.tables import (
    Curve,
    EvaluationWarning,
    Report,
    Row,
    average_radius_in_words,
    by_curve,
    defense_in_words,
    without_repeats,
)
from isoloss.settings import EvaluationSettings
from isoloss.settings.attack_kinds import attack_of, strongest, transfer_from
from isoloss.settings.robustness_fields import FEWEST_VOTES


@dataclass(frozen=True)
class ReportTable:
    """A table in words.

    Attributes:
        title: "" where the section's is enough.
        remark: stands above it, `note` below; "" for none.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remark: str = ""
    note: str = ""


@dataclass(frozen=True)
class ReportSection:
    """Tables that belong together; `remark` is about all of them, "" for none."""

    title: str
    remark: str
    tables: tuple[ReportTable, ...]


@dataclass(frozen=True)
class Evaluated:
    """What a report is of.

    Attributes:
        rows: of the run's table.
        certificates: of a certification, image by image.
    """

    settings: EvaluationSettings
    rows: Sequence[Row]
    certificates: Sequence[CertificateRow] = ()

    @property
    def networks(self) -> list[str]:
        """Their names, each once."""
        return list(dict.fromkeys(row.network for row in self.rows))

    @property
    def attacks(self) -> list[str]:
        """The names of all attacks that are made, each once."""
        return list(dict.fromkeys(row.attack for row in self.rows if not row.is_worst_case))

    def behind(self, network: str, sigma: float | None) -> str:
        """The network, and what defends it at this σ."""
        sigma = math.nan if sigma is None else sigma
        defense = next((row.defense for row in self.rows if row.sigma == sigma), "denoised")
        return behind(network, defense, sigma)


def behind(network: str, defense: str, sigma: float) -> str:
    """A network and what defends it, in words; σ as in a curve."""
    return ", ".join(filter(None, (network, defense_in_words(defense, sigma))))


def curve_title(curve: Curve, *, with_seed: bool) -> str:
    """What a curve is: "resnet50, σ = 0.25: PGD, seed 1"."""
    network, defense, sigma, attack, _, seed = curve
    title = f"{behind(network, defense, sigma)}: {attack_of(attack).in_reports}"
    return title + (f", seed {seed}" if with_seed else "")


def warned_of(evaluated: Evaluated, warning: EvaluationWarning) -> str:
    """What a warning is about, in words; "" where that is all of the run."""
    return evaluated.behind(warning.network, warning.sigma) if warning.network else ""


def sections_of(evaluated: Evaluated, report: Report | None) -> Iterator[ReportSection]:
    """All tables, section by section; without a report, those of the numbers alone."""
    yield ReportSection(
        "Accuracies", "In percent, with exact 95 % intervals.", tuple(_accuracies(evaluated))
    )
    if transfers := tuple(_transfers(evaluated)):
        yield ReportSection(
            "Transfer between networks",
            "Accuracy of the network above on images that were made on the one at the left without "
            "its defense; a network's own are those of its strongest attack.",
            transfers,
        )
    if report is not None and report.convergence:
        yield ReportSection("Convergence", "", (_convergence(evaluated, report),))


def how_measured(evaluated: Evaluated, report: Report) -> Iterator[str]:
    """The facts that a report states, and how its numbers are to be read; a line each."""
    for key, value in report.facts.items():
        if value is not None:
            yield f"{key.replace('_', ' ')}: {_plain(value)}"
    yield from _reading(evaluated)


def share_in_words(fraction: float, low: float, high: float) -> str:
    """In percent without its sign, as it stands in tables: "87.1 (80.2 to 92.3)"."""
    return f"{100 * fraction:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _accuracies(evaluated: Evaluated) -> Iterator[ReportTable]:
    """All curves side by side, then a table for each."""
    rows = without_repeats(evaluated.rows)
    curves = by_curve(rows)
    several, certified = evaluated.settings.seeds > 1, evaluated.settings.is_certified
    titles = tuple(curve_title(curve, with_seed=several) for curve in curves)
    by_place = {(row.curve, row.eps): row for row in rows}

    def line(eps: float) -> tuple[str, ...]:
        cells = [by_place.get((curve, eps)) for curve in curves]
        return f"{eps:.4g}", *("" if c is None else _of_row(c) for c in cells)

    lines = [line(eps) for eps in dict.fromkeys(row.eps for row in rows)]
    note = ""
    if certified:
        averages = map(average_radius_in_words, curves.values())
        lines.append(("average radius", *averages))
        note = (
            "The average is over all images, 0 where the true class is not certified; ± one "
            "standard error (Zhai et al. 2020)."
        )
    first = "L2 radius" if certified else "ε"
    yield ReportTable("", (first, *titles), tuple(lines), note=note)
    if certified:
        yield _predictions(evaluated)
        return
    for title, its in zip(titles, curves.values(), strict=True):
        votes = its[-1].votes
        header = ("ε", "accuracy", "after rounding to 8 bits")
        if votes:
            header = (
                "ε", f"majority of {votes}", "single draw", f"worst of {votes}",
                "single draw, after rounding to 8 bits",
            )  # fmt: skip
        yield ReportTable(title, header, tuple(map(_line, its)))


def _of_row(row: Row) -> str:
    return share_in_words(row.accuracy, row.low, row.high)


def _line(row: Row) -> tuple[str, ...]:
    cells = [f"{row.eps:.4g}", _of_row(row)]
    if row.votes:
        cells.append(share_in_words(row.single_accuracy, row.single_low, row.single_high))
        cells.append(share_in_words(row.worst_accuracy, row.worst_low, row.worst_high))
    return *cells, _of_count(row.correct_in_8_bits, row.samples)


def _predictions(evaluated: Evaluated) -> ReportTable:
    """What PREDICT says of the images, from the draws that certify them."""
    groups: dict[tuple[str, float, int], list[CertificateRow]] = {}
    for one in evaluated.certificates:
        groups.setdefault((one.network, one.sigma, one.seed), []).append(one)

    def line(key: tuple[str, float, int], its: list[CertificateRow]) -> tuple[str, ...]:
        network, sigma, seed = key
        right = sum(one.answer == one.label for one in its)
        abstains = sum(one.answer < 0 for one in its)
        fractions = (_of_count(k, len(its)) for k in (right, len(its) - right - abstains, abstains))
        several = f", seed {seed}" if evaluated.settings.seeds > 1 else ""
        return evaluated.behind(network, sigma) + several, *fractions

    return ReportTable(
        "PREDICT",
        ("network", "right", "wrong", "abstains"),
        tuple(line(key, its) for key, its in groups.items()),
        remark="The most frequent class of the same draws, without a radius.",
    )


def _transfers(evaluated: Evaluated) -> Iterator[ReportTable]:
    """Of images made on each network, which every one gets right."""
    made = [row for row in evaluated.rows if attack_of(row.attack).made_on]
    names, several = evaluated.networks, evaluated.settings.seeds > 1
    for sigma, seed in dict.fromkeys((row.curve[2], row.seed) for row in made):
        known = sigma if sigma >= 0 else None
        title = ""
        if known is not None or several:
            title = evaluated.behind("undefended" if known is None else "defended", known)
            title += f", seed {seed}" if several else ""
        beside = [r for r in evaluated.rows if (r.curve[2], r.seed) == (sigma, seed)]
        lines = [
            (f"{eps:.4g}", source, *(_shown_to(beside, name, source, eps) for name in names))
            for eps in evaluated.settings.epsilons
            for source in names
        ]
        yield ReportTable(title, ("ε", "made on", *names), tuple(lines))


def _shown_to(beside: Sequence[Row], network: str, source: str, eps: float) -> str:
    own = [row for row in beside if row.network == network]
    attack = transfer_from(source)
    if source == network:
        names = (row.attack for row in own if not row.is_worst_case)
        attack = strongest([a for a in dict.fromkeys(names) if not attack_of(a).made_on] or [""])
    found = next((row for row in own if (row.attack, row.eps) == (attack, eps)), None)
    return "" if found is None else _of_row(found)


def _convergence(evaluated: Evaluated, report: Report) -> ReportTable:
    def line(study: dict[str, Any]) -> tuple[str, ...]:
        each, n = zip(study["values"], study["correct"], strict=True), study["samples"]
        accuracies = ", ".join(f"{v}: {_of_count(k, n)}" for v, k in each)
        about = f"{evaluated.behind(study['network'], study['sigma'])}, {study['attack']}"
        return about, f"{study['eps']:.4g}", str(study["varied"]), f"{accuracies} ({n} images)"

    header = ("attack", "ε", "varied", "accuracy")
    return ReportTable("", header, tuple(map(line, report.convergence)))


def _of_count(k: int, n: int) -> str:
    return share_in_words(k / n, *exact_interval(k, n))


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_TAKEN_OVER = "every image that a smaller ε fools counts as fooled by a larger one too"
_LEFT_ALONE = "an image that none of the counted draws gets right counts for larger ε too"


def _reading(evaluated: Evaluated) -> Iterator[str]:
    settings, rows = evaluated.settings, evaluated.rows
    kinds = [attack_of(name) for name in evaluated.attacks]
    as_published = [kind.in_reports for kind in kinds if kind.passes]
    if as_published:
        yield (
            "whatever steps, losses, aims and queries are stated here, for "
            f"{listed(as_published, 'and')} those of its authors hold"
        )
    if any(row.is_worst_case for row in without_repeats(rows)):
        yield (
            "the worst of all attacks counts an image as right only if it is so under every one, "
            "at this ε and at every smaller one"
        )
    if any(attack_of(name).is_own for name in settings.attack_names):
        yield (
            "images of attacks of one's own were checked one by one: what lay outside the ball "
            "or [0, 1] was brought back, and where the image itself fools more, that counts"
        )
    if settings.kind == "defend":
        yield (
            "transfer says what an adversary does who does not know of the defense; only the "
            "other attacks say anything about one who does"
        )
        if settings.protocol == "standard":
            yield f"without a defense, {_TAKEN_OVER}"
            if settings.votes >= FEWEST_VOTES:
                yield f"behind it, {_LEFT_ALONE}"
    elif settings.kind == "certify":
        yield "radii are in L2 and do not belong on an axis of L∞"
    elif settings.protocol == "legacy":
        yield "every ε is attacked anew, as in the legacy protocol"
    elif any(row.votes for row in rows):
        yield _LEFT_ALONE
    else:
        yield _TAKEN_OVER
        yield "what rounding to 8 bits undoes was attacked again, through the rounding"
