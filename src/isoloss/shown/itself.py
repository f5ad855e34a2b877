"""Data that show themselves in a notebook, by what stands above them.

A surface knows neither pages nor figures. What shows it is a module that its class names as text,
imported when something is first shown: data walk one way, and importing them costs no more.
"""

from __future__ import annotations

import importlib
from typing import Any, Literal

from isoloss.errors import IsolossError


class ShowsItself:
    """Notebooks ask what is in a cell for its `_repr_*_`; a module above answers for its class.

    `class Surface(ShowsItself, by="isoloss.notebook.surfaces")`: of the module's functions `html`,
    `png` and `svg` those that there are, each of one thing to a text or bytes, or None.
    """

    _shown_by = ""

    def __init_subclass__(cls, by: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if by:
            cls._shown_by = by

    def _repr_html_(self) -> str | None:
        return self._shown("html")

    def _repr_png_(self) -> bytes | None:
        return self._shown("png")

    def _repr_svg_(self) -> str | None:
        return self._shown("svg")

    def _shown(self, form: Literal["html", "png", "svg"]) -> Any:
        """None where there is nothing to show, or nothing yet: its `repr` is shown then."""
        show = getattr(self._what_shows_it(), form, None)
        try:
            return None if show is None else show(self)
        except IsolossError:
            return None

    def _what_shows_it(self) -> Any:
        return importlib.import_module(self._shown_by)
