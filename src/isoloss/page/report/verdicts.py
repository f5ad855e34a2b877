"""What runs have come to and all that speaks against it: said first on a page, and never folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from isoloss.figures.robustness.run_results import RunResults
from isoloss.figures.robustness.stamps import Stamps
from isoloss.naming import sentence
from isoloss.page.report.tables import said
from isoloss.results.report_tables import Evaluated, warned_of

UNFINISHED = "This run is not finished: its numbers are those so far, and nothing has been checked."


def verdicts(
    runs: Sequence[RunResults],
    stamps: Stamps,
    others: Sequence[str] = (),
    remarks: Sequence[str] = (),
    *,
    named: bool = False,
) -> str:
    """HTML of the summary of each run and of its warnings, then what else there is to say.

    Args:
        others: what runs of other kinds have come to.
        named: whether each summary says whose it is.
    """
    parts = [f'<p class="verdict">{_together(text)}</p>' for text in others]
    for run in runs:
        if named:
            parts.append(f"<h2>{said(run.name)}</h2>")
        text = UNFINISHED if run.report is None else run.report.summary
        parts.append(f'<p class="verdict">{_together(text)}</p>')
        if items := "".join(_warnings(run, stamps)):
            title = "What speaks against these numbers"
            parts.append(f'<h3>{title}</h3><ol class="doubts">{items}</ol>')
    parts += [f'<p class="remark">{said(remark)}</p>' for remark in remarks]
    return f'<section class="verdicts" aria-label="Verdict">{"".join(parts)}</section>'


def evaluated_of(run: RunResults) -> Evaluated:
    """What the report of a run is of."""
    return Evaluated(run.settings, run.rows, run.certificates)


def _warnings(run: RunResults, stamps: Stamps) -> Iterator[str]:
    evaluated = evaluated_of(run)
    for warning in run.warnings:
        about = warned_of(evaluated, warning)
        beside = f" ({said(about)})" if about else ""
        number = stamps.messages.index(warning.message) + 1
        name = f'<span class="sign">{number}</span><strong>{said(warning.id)}</strong>'
        yield f"<li>{name}{beside}: {_together(sentence(warning.message))}</li>"


def _together(text: str) -> str:
    """HTML of a sentence; numbers keep their units."""
    return said(text).replace(" %", "\u00a0%")
