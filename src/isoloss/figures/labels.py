"""Texts beside points of a plot: inside it, and apart from each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from isoloss.figures.style import Sheet
from isoloss.geometry.rect import Rect, is_free
from isoloss.scene.theme import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TURNS = (0, 45, -45, 90, -90, 135, -135, 180)
"""Degrees from where a text would best be to where it may be."""


class Labels:
    """The texts in one plot, whose limits and place are final."""

    def __init__(self, axes: Axes, sheet: Sheet, theme: Theme) -> None:
        self._axes, self._theme = axes, theme
        self._size, self._rim = 0.9 * sheet.em, 2.6 * sheet.unit
        figure = axes.get_figure(root=True)
        assert figure is not None
        inches = figure.get_size_inches()
        box = axes.get_position()
        self._width, self._height = box.width * inches[0] * 72, box.height * inches[1] * 72
        self._taken: list[Rect] = []

    def add(self, text: str, alpha: float, beta: float, away: tuple[float, float]) -> bool:
        """Write `text` beside a point; returns whether there was room for it.

        Args:
            away: from the point to where the text would best be, a unit vector.
        """
        lines = text.split("\n")
        width = 0.52 * self._size * max(map(len, lines))
        height = 1.15 * self._size * len(lines)
        x, y = self._axes.transLimits.transform((alpha, beta))
        x, y = x * self._width, y * self._height
        best = math.atan2(away[1], away[0])
        for turn in _TURNS:
            angle = best + math.radians(turn)
            dx, dy = math.cos(angle), math.sin(angle)
            centre = (
                x + dx * (0.8 * self._size + width / 2),
                y + dy * (0.75 * self._size + height / 2),
            )
            rect = (
                centre[0] - width / 2,
                centre[1] - height / 2,
                centre[0] + width / 2,
                centre[1] + height / 2,
            )
            if self._is_inside(rect) and is_free(rect, self._taken):
                self._taken.append(rect)
                self._write(text, (alpha, beta), (centre[0] - x, centre[1] - y))
                return True
        return False

    def _is_inside(self, rect: Rect) -> bool:
        air = 0.2 * self._size
        across = air <= rect[0] and rect[2] <= self._width - air
        return across and air <= rect[1] and rect[3] <= self._height - air

    def _write(self, text: str, at: tuple[float, float], shift: tuple[float, float]) -> None:
        from matplotlib.patheffects import Stroke

        # The rim apart from the text: what has effects is written as outlines, not as text.
        rim = [Stroke(linewidth=self._rim, foreground=self._theme.path_casing)]
        for effects in (rim, None):
            self._axes.annotate(
                text, at, xytext=shift, textcoords="offset points", ha="center", va="center",
                fontsize=self._size, color=self._theme.ink, zorder=12, annotation_clip=True,
                path_effects=effects,
            )  # fmt: skip
