"""The strokes of figures as the pens of a page."""

from __future__ import annotations

from collections.abc import Callable

from isoloss.figures.robustness.series_strokes import Stroke
from isoloss.page.report.colours import Colours
from isoloss.page.report.plot import Pen
from isoloss.scene.theme import THEMES, Theme


def pen_of(stroke: Callable[[Theme], Stroke], colours: Colours) -> Pen:
    """A pen that draws what `stroke` draws in each theme."""
    plain = stroke(THEMES["light"])
    dashes = () if plain.dashes == "-" else tuple(plain.dashes[1])
    colour = colours.name(lambda theme: stroke(theme).color)
    return Pen(colour, plain.mark, plain.size, plain.width, dashes, plain.is_hollow)
