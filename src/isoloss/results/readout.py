"""What there is to say of one row of a table, name by name, where a reader points at it."""

from __future__ import annotations

import math

from isoloss.naming import percent
from isoloss.results.radii import radius_label
from isoloss.results.tables import Criterion, Row


def readout(row: Row) -> list[tuple[str, str]]:
    """(name, value) of all that is known of it."""
    facts = [("L2 radius" if row.is_certificate else "ε", radius_label(row.eps))]
    if row.votes and not row.is_certificate:
        facts.append((f"majority of {row.votes:,}", _interval(row, "majority")))
        if math.isfinite(row.single_accuracy):
            facts.append(("single draw", _interval(row, "single")))
        if math.isfinite(row.worst_accuracy):
            facts.append(("worst draw", _interval(row, "worst")))
    else:
        facts.append(("accuracy", _interval(row, "majority")))
    facts.append(("images right", f"{row.correct:,} of {row.samples:,}"))
    if row.is_certificate:
        facts.append(("draws", f"{row.votes:,}"))
        facts.append(("abstained", f"{row.abstained:,}"))
    if row.without_gradient:
        facts.append(("no gradient", f"{row.without_gradient:,}"))
    return facts


def _interval(row: Row, by: Criterion) -> str:
    found = row.accuracy_by(by)
    return f"{percent(found.accuracy)}  ({100 * found.low:.1f} to {100 * found.high:.1f})"
