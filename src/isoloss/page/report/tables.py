"""Pieces of HTML that pages of numbers are made of. What is given is text, unless it is said to be
HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from isoloss.naming import drawable_line
from isoloss.page.frame import escaped
from isoloss.page.report.plot import Charts, Pen
from isoloss.page.report.svg import sample, svg_of


def said(text: str) -> str:
    """A text in one line as HTML, whatever direction it is written in."""
    return f"<bdi>{escaped(drawable_line(text))}</bdi>" if text else ""


def table_of(
    header: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", fold: str = ""
) -> str:
    """A table, whose first column names its rows.

    Args:
        fold: what folds it out; "" where it is seen at once.
    """
    head = "".join(f'<th scope="col">{said(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{said(first)}</th>'
        + "".join(f"<td>{said(cell)}</td>" for cell in others)
        + "</tr>"
        for first, *others in rows
    )
    name = f"<caption>{said(caption)}</caption>" if caption else ""
    about = escaped(drawable_line(caption)) or "Table"
    table = (
        f'<div class="wide" tabindex="0" role="region" aria-label="{about}">'
        f"<table>{name}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    return f"<details><summary>{said(fold)}</summary>{table}</details>" if fold else table


def figure_of(title: str, content: str, note: str = "") -> str:
    """A figure of HTML with a title in HTML above and a note below it."""
    below = f'<p class="note">{said(note)}</p>' if note else ""
    head = f"<figcaption>{title}</figcaption>" if title else ""
    return f'<figure>{head}<div class="wide">{content}</div>{below}</figure>'


def charts_of(charts: Charts, name: str, level: int = 2) -> str:
    """A section with all plots, each with a table of what it shows.

    Args:
        name: how the names of its elements begin.
        level: of its heading.
    """
    plots = "".join(
        f'<figure class="plot"><figcaption>{said(plot.title)}{signs(plot.sign)}</figcaption>'
        f"{svg_of(plot, f'{name}-{k}')}"
        f"{table_of(*plot.table(), caption=plot.title, fold='Table of these numbers')}</figure>"
        for k, plot in enumerate(charts.plots)
    )
    note = f'<p class="note">{said(charts.note)}</p>' if charts.note else ""
    title = f"<h{level}>{said(charts.title)}</h{level}>" if charts.title else ""
    return f'{title}{_legend(charts.legend)}<div class="plots">{plots}</div>{note}'


def signs(numbers: str) -> str:
    """The numbers of warnings, beside what they concern."""
    if not numbers:
        return ""
    return f' <span class="sign" title="What speaks against it">{said(numbers)}</span>'


def _legend(entries: Sequence[tuple[str, Pen]]) -> str:
    each = "".join(f"<li>{sample(pen)}{said(name)}</li>" for name, pen in entries)
    return f'<ul class="legend" aria-label="Curves">{each}</ul>' if each else ""
