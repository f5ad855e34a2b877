"""What long work looks like in a notebook: one output of its cell, written again as it goes on.

The frontend's own `<progress>`, by the protocol that every kernel speaks: no widgets to install,
and what is saved with the notebook is how it ended.
"""

from __future__ import annotations

import html
import math
import sys
import time
from typing import Any

from isoloss.events import Event, Progress
from isoloss.naming import drawable
from isoloss.terminal import ProgressBar, how_far, said

INTERVAL = 0.15
"""Seconds between two pictures of the bar."""
MOST = 50
"""Lines that are kept: what is older goes."""


def in_notebook() -> bool:
    """Whether a kernel is at work here: Jupyter's, that of an editor or of Colab."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def progress_bar() -> ProgressBar | CellBar:
    """The bar that suits where this runs."""
    return CellBar() if in_notebook() else ProgressBar()


class CellBar:
    """Shows events in the cell that is at work."""

    def __init__(self) -> None:
        self._rows: dict[str, Progress | str] = {}
        self._count = 0
        self._handle: Any = None
        self._written, self._is_due = -math.inf, False

    def show(self, event: Event) -> None:
        """Show `event`: now, or with the next."""
        if isinstance(event, Progress):
            key, row = f"stage {event.stage}", event
        elif row := said(event):
            self._count += 1
            key = f"line {self._count}"
        else:
            return
        self._rows.pop(key, None)  # what goes on comes below what was said meanwhile
        self._rows[key] = row
        if len(self._rows) > MOST:
            self._rows.pop(next(iter(self._rows)))
        self._is_due = True
        if time.monotonic() - self._written >= INTERVAL:
            self._write()

    def close(self) -> None:
        """Show how it ended."""
        if self._is_due:
            self._write()

    def _write(self) -> None:
        from IPython.display import display

        self._written, self._is_due = time.monotonic(), False
        rows = list(self._rows.values())
        shown = {
            "text/html": f"<div>{''.join(map(_as_html, rows))}</div>",
            "text/plain": "\n".join(map(_as_text, rows)),
        }
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def _as_text(row: Progress | str) -> str:
    if isinstance(row, str):
        return drawable(row)
    return f"{row.stage}  {100 * row.fraction:.0f} %  {how_far(row)}"


def _as_html(row: Progress | str) -> str:
    if isinstance(row, str):
        return f"<div>{html.escape(drawable(row))}</div>"
    stage, beside = html.escape(row.stage), html.escape(how_far(row))
    bar = f'<progress value="{row.fraction:.4f}" max="1" aria-label="{stage}"></progress>'
    return f"<div>{stage} {bar} {100 * row.fraction:.0f} %, {beside}</div>"
