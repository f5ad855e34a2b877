"""What stands before the texts of a figure's legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isoloss.figures.plane.marks import HOLLOW, SYMBOLS
from isoloss.scene.layer import MarkerShape
from isoloss.scene.legend import Entry
from isoloss.scene.theme import Theme

_SIZES = {MarkerShape.STAR: 11.0, MarkerShape.DIAMOND: 5.5, MarkerShape.DOT: 5.0}
_SIZE = 7.5


@dataclass(frozen=True)
class Signs:
    """An entry as matplotlib's legend takes it; lengths are in units of a thin line."""

    entry: Entry
    theme: Theme
    unit: float

    def get_label(self) -> str:
        """What it means."""
        return self.entry.text

    def artists(self, width: float, middle: float) -> list[Any]:
        """A line and markers upon it, from left to right."""
        from matplotlib.lines import Line2D

        entry, unit, casing = self.entry, self.unit, self.theme.path_casing
        made: list[Any] = []
        if entry.line:
            ends = [0, width], [middle, middle]
            made.append(Line2D(*ends, lw=1.8 * entry.line * unit, color=entry.color))
        last = len(entry.shapes) - 1
        for k, shape in enumerate(entry.shapes):
            hollow = shape in HOLLOW
            made.append(
                Line2D(
                    [width * (k / last if last else 0.5)], [middle], lw=0, marker=SYMBOLS[shape],
                    markersize=_SIZES.get(shape, _SIZE) * unit,
                    markerfacecolor=casing if hollow else entry.color,
                    markeredgecolor=entry.color if hollow else casing[:3],
                    markeredgewidth=(1.6 if hollow else 0.9) * unit,
                )
            )  # fmt: skip
        return made


class SignsHandler:
    """Draws them where matplotlib wants them."""

    def legend_artist(self, legend: Any, signs: Signs, fontsize: float, box: Any) -> Any:
        """The first of what is drawn into `box`."""
        made = signs.artists(box.width, (box.height - box.ydescent) / 2)
        for artist in made:
            artist.set_transform(box.get_transform())
            box.add_artist(artist)
        return made[0]
