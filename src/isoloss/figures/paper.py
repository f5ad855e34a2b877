"""How a figure is printed."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

from isoloss.errors import IsolossError

COLUMN, PAGE = 85.0, 178.0
"""Millimetres: one column of a paper, and the width of a page of two."""


@dataclass(frozen=True)
class Print:
    """Choices that only a figure on paper has.

    Attributes:
        width_mm: how wide it is on paper, in millimetres, such as 85 (one column) or 178 (both);
            unless given, as many pixels as --size says, or one column.
        dpi: pixels an inch, of PNG.
        fill: colour the area between the contours; else colour the lines alone.
        line_labels: write their loss on the contours; unless given, where the areas do not tell it.
    """

    width_mm: float | None = None
    dpi: float = 300.0
    fill: bool = True
    line_labels: bool | None = None

    def __post_init__(self) -> None:
        for name in ("width_mm", "dpi"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, Real):
                raise IsolossError(f"--{name.replace('_', '-')} must be a number, not {value!r}")
        if self.width_mm is not None and not 20 <= self.width_mm <= 2000:
            raise IsolossError(f"--width-mm must be from 20 to 2000, not {self.width_mm:g}")
        if not 20 <= self.dpi <= 2400:
            raise IsolossError(f"--dpi must be from 20 to 2400, not {self.dpi:g}")
