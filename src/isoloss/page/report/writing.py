"""A page of numbers, put together."""

from __future__ import annotations

from dataclasses import dataclass

from isoloss.page.frame import framed
from isoloss.page.program import NUMBERS, script_of

_READOUT = '<div id="readout" aria-hidden="true" hidden></div>'


@dataclass(frozen=True)
class Written:
    """All that a page of numbers consists of.

    Attributes:
        title: a text.
        main, about: HTML of what is seen, and of what folds out.
        colours: CSS of its colours.
        theme: "dark" or "light"; unless given, that of the reader's system.
    """

    title: str
    main: str
    about: str
    colours: str
    theme: str = ""


def write(page: Written) -> str:
    """The text of the page."""
    return framed(
        title=page.title,
        main=f'<div class="report">{page.main}</div>{_READOUT}',
        about=page.about,
        script=script_of(NUMBERS),
        styles=("report",),
        colours=page.colours,
        theme=page.theme,
    )
