"""Pieces of HTML that pages of numbers are made of. What is given is text, unless it is said to be
HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from isoloss.naming import drawable_line
from isoloss.page.frame import escaped
from isoloss.page.report.plot import Charts, Pen, Plot
from isoloss.page.report.svg import sample, svg_of

_LONG = 36
"""Letters of a cell that may be broken into lines."""


def said(text: str) -> str:
    """A text in one line as HTML, whatever direction it is written in."""
    return f"<bdi>{escaped(drawable_line(text))}</bdi>" if text else ""


def table_of(header: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table, whose first column names its rows."""
    head = "".join(f'<th scope="col">{said(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{said(first)}</th>' + "".join(map(_cell, others)) + "</tr>"
        for first, *others in rows
    )
    name = f"<caption>{said(caption)}</caption>" if caption else ""
    about = escaped(drawable_line(caption)) or "Table"
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{about}">'
        f"<table>{name}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def folded(title: str, content: str) -> str:
    """HTML that folds out."""
    return f"<details><summary>{said(title)}</summary>{content}</details>"


def note_of(text: str) -> str:
    """A remark; nothing of none."""
    return f'<p class="note">{said(text)}</p>' if text else ""


def _cell(text: str) -> str:
    kind = ' class="long"' if len(text) > _LONG else ""
    return f"<td{kind}>{said(text)}</td>"


def figure_of(title: str, content: str, note: str = "") -> str:
    """A figure of HTML with a title in HTML above and a note below it."""
    head = f"<figcaption>{title}</figcaption>" if title else ""
    return f'<figure>{head}<div class="wide">{content}</div>{note_of(note)}</figure>'


def charts_of(charts: Charts, name: str) -> str:
    """All plots below their legend.

    Args:
        name: how the names of their elements begin.
    """
    plots = "".join(plot_of(plot, f"{name}-{k}") for k, plot in enumerate(charts.plots))
    title = f"<h2>{said(charts.title)}</h2>" if charts.title else ""
    return f'{title}{_legend(charts.legend)}<div class="plots">{plots}</div>{note_of(charts.note)}'


def plot_of(plot: Plot, name: str) -> str:
    """A figure of a plot, with a table of what it shows.

    Args:
        name: of its element.
    """
    table = folded("Table of these numbers", table_of(*plot.table(), plot.title))
    title = f"<figcaption>{said(plot.title)}{signs(plot.sign)}</figcaption>"
    return f'<figure class="plot">{title}{svg_of(plot, name)}{table}</figure>'


def signs(numbers: str) -> str:
    """The numbers of warnings, beside what they concern."""
    if not numbers:
        return ""
    return f' <span class="sign" title="What speaks against it">{said(numbers)}</span>'


def _legend(entries: Sequence[tuple[str, Pen]]) -> str:
    each = "".join(f"<li>{sample(pen)}{said(name)}</li>" for name, pen in entries)
    return f'<ul class="legend" aria-label="Curves">{each}</ul>' if each else ""
