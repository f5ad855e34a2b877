"""Tables of a cell: as plain as HTML is, so that every frontend gives them its own look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from isoloss.shortening import brief

_WORDS = "text-align:left"
_NUMBERS = "text-align:right;white-space:nowrap;padding:0 .6em"


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first cell of each row says what the others are of.

    Args:
        header: of each column, the first of them included; empty for no header.
    """
    head = "".join(_cell("th", text, k, "col") for k, text in enumerate(header))
    body = "".join(
        f"<tr>{''.join(_cell('td' if k else 'th', t, k, 'row') for k, t in enumerate(row))}</tr>"
        for row in rows
    )
    return (
        f'<table><caption style="{_WORDS}">{text_of(caption)}</caption>'
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + f"<tbody>{body}</tbody></table>"
    )


def paragraph(text: str) -> str:
    """A sentence or two below a table."""
    return f'<p style="max-width:48em">{text_of(text, 2000)}</p>'


def text_of(text: str, most: int = 120) -> str:
    """A text as HTML in which it is nothing but text, whichever way its letters run."""
    return f"<bdi>{escape(brief(text, most))}</bdi>"


def _cell(kind: str, text: str, column: int, scope: str) -> str:
    of = f' scope="{scope}"' if kind == "th" else ""
    return f'<{kind}{of} style="{_NUMBERS if column else _WORDS}">{text_of(text)}</{kind}>'
