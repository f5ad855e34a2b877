"""The table of an evaluation in a notebook: a row for each attack, a column for each ε."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from isoloss.notebook.table import paragraph, table
from isoloss.results.radii import NORMS, radius_label
from isoloss.results.report_tables import behind
from isoloss.results.tables import (
    EvaluationWarning,
    Row,
    average_radius_in_words,
    mean_in_words,
    over_seeds,
    without_repeats,
)
from isoloss.settings.attack_kinds import attack_of

MOST_RADII = 12
"""Columns: of more, the smallest and the largest."""


class Evaluated(Protocol):
    """What an evaluation has come to."""

    @property
    def rows(self) -> Sequence[Row]: ...  # noqa: D102

    @property
    def doubts(self) -> Sequence[EvaluationWarning]: ...  # noqa: D102

    @property
    def summary(self) -> str: ...  # noqa: D102


def html(found: Evaluated) -> str:
    """Accuracies with their exact intervals, what is to be said of them, and against them."""
    curves = over_seeds(without_repeats(found.rows))
    radii = sorted({row.eps for row in found.rows})
    left_out = max(len(radii) - MOST_RADII, 0)
    shown = radii[: MOST_RADII // 2] + radii[left_out + MOST_RADII // 2 :] if left_out else radii
    norms = dict.fromkeys(row.norm for row in found.rows)
    averages = [average_radius_in_words(rows) for rows in curves]
    header = ["", *(f"ε = {radius_label(eps)}" if eps else "clean" for eps in shown)]
    body = [[_about(rows[0]), *(_at(rows, eps) for eps in shown)] for rows in curves]
    if any(averages):
        header.append("average radius")
        body = [[*row, average] for row, average in zip(body, averages, strict=True)]
    samples = max((row.samples for row in found.rows), default=0)
    in_norm = ", ".join(NORMS[norm] for norm in norms)
    also = f"; {left_out} more ε" if left_out else ""
    caption = f"Accuracy on {samples:,} images, ε in {in_norm}, with exact 95 % intervals{also}"
    doubts = [f"{doubt.message} [{doubt.id}]" for doubt in found.doubts]
    return table(caption, header, body) + "".join(
        paragraph(text)
        for text in (found.summary, *(f"Doubt: {doubt}" for doubt in doubts))
        if text
    )


def _about(row: Row) -> str:
    return f"{behind(row.network, row.defense, row.sigma)}, {attack_of(row.attack).in_reports}"


def _at(rows: Sequence[Row], eps: float) -> str:
    seeds = [row for row in rows if row.eps == eps]
    return mean_in_words(seeds) if seeds else ""
