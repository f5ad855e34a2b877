"""How tables of the page are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from isoloss.results.intervals import exact_interval

Line = Sequence[str]


def share(right: int, of: int) -> str:
    """In per cent, with its exact interval."""
    low, high = exact_interval(right, of)
    return f"{100 * right / of:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def table(head: Line, rows: Iterable[Line]) -> Iterator[str]:
    """Its lines; of none the two of the head."""
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
