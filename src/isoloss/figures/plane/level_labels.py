"""Texts beside points of a plot: inside it, and apart from each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.sheet import Sheet, text_width
from isoloss.geometry.arrays import Array
from isoloss.geometry.rect import Rect, is_free
from isoloss.scene.theme import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_AIR = 0.3
"""Around a text of several lines on its card, in its size."""
_PLACES = 25
"""Along a line, that are tried for its text."""
_TURNS = (0, 45, -45, 90, -90, 135, -135, 180)
"""Degrees from where a text would best be to where it may be."""


class Labels:
    """The texts in one plot, whose limits and place are final."""

    def __init__(self, axes: Axes, sheet: Sheet, theme: Theme) -> None:
        self._axes, self._theme = axes, theme
        self._size, self._rim = 0.9 * sheet.em, 2.6 * sheet.unit
        figure = axes.get_figure(root=True)
        assert figure is not None
        self._figure = figure
        inches = figure.get_size_inches()
        box = axes.get_position()
        self._width, self._height = box.width * inches[0] * 72, box.height * inches[1] * 72
        self._taken: list[Rect] = []
        self._lines: list[Array] = []

    def keep_clear(self, alpha: Array, beta: Array) -> None:
        """Where there is a choice, write nothing over this line."""
        corners, along = self._way(alpha, beta)
        steps = np.linspace(0, along[-1], 1 + math.ceil(along[-1] / (0.2 * self._size)))
        self._lines.append(np.column_stack([np.interp(steps, along, c) for c in corners.T]))

    def on_line(
        self, text: str, alpha: Array, beta: Array, size: float
    ) -> tuple[float, float] | None:
        """Where `text`, in points as large as `size`, has room on a line, if anywhere; it is kept
        for it."""
        corners, along = self._way(alpha, beta)
        width, height = text_width(self._figure, text, size), 1.2 * size
        if along[-1] < 2.5 * width:
            return None
        middles = np.linspace(0.8 * width, along[-1] - 0.8 * width, _PLACES)

        def at(steps: Array) -> Array:
            return np.column_stack([np.interp(steps, along, c) for c in corners.T])

        chords = at(middles + width / 2) - at(middles - width / 2)
        straight = np.hypot(*chords.T) / width
        for k in np.argsort(-np.round(straight, 1), kind="stable"):
            across, up = np.abs(chords[k]) / (straight[k] * width or 1.0)
            x, y = (float(v) for v in at(middles[k : k + 1])[0])
            sides = across * width + up * height, up * width + across * height
            rect = _rect(x, y, sides[0] + 0.8 * size, sides[1] + 0.8 * size)
            if self._is_inside(rect) and is_free(rect, self._taken) and self._is_clear(rect):
                self._taken.append(rect)
                return (float(np.interp(middles[k], along, alpha)),
                        float(np.interp(middles[k], along, beta)))  # fmt: skip
        return None

    def _way(self, alpha: Array, beta: Array) -> tuple[Array, Array]:
        """(n, 2) the points of a line on the page, and (n,) how far along it each is."""
        points = self._axes.transLimits.transform(np.column_stack([alpha, beta]))
        points = points * (self._width, self._height)
        far = np.hypot(*np.diff(points, axis=0).T)
        return points, np.concatenate([[0.0], np.cumsum(far)])

    def add(self, text: str, alpha: float, beta: float, away: tuple[float, float]) -> bool:
        """Write `text` beside a point; returns whether there was room for it.

        Args:
            away: from the point to where the text would best be, a unit vector.
        """
        x, y = self._axes.transLimits.transform((alpha, beta))
        x, y = x * self._width, y * self._height
        rects = self._around(text, float(x), float(y), away)
        apart = 0.6 * self._size  # two numbers side by side would read as one
        free = [
            r
            for r in rects
            if self._is_inside(r) and is_free((r[0] - apart, r[1], r[2] + apart, r[3]), self._taken)
        ]
        if not free:
            return False
        rect = next((r for r in free if self._is_clear(r)), free[0])
        self._taken.append(rect)
        shift = (rect[0] + rect[2]) / 2 - x, (rect[1] + rect[3]) / 2 - y
        self._write(text, (alpha, beta), shift)
        return True

    def _around(self, text: str, x: float, y: float, away: tuple[float, float]) -> list[Rect]:
        """Where a text beside a point may be, the best place first."""
        lines = text.split("\n")
        width = max(text_width(self._figure, line, self._size) for line in lines)
        height = 1.15 * self._size * len(lines)
        if len(lines) > 1:
            width, height = width + 2 * _AIR * self._size, height + 2 * _AIR * self._size
        best = math.atan2(away[1], away[0])
        gap = 0.8 * self._size, 0.75 * self._size
        round_about: list[Rect] = []
        diagonal: list[Rect] = []
        for turn in _TURNS:
            angle = best + math.radians(turn)
            dx, dy = math.cos(angle), math.sin(angle)
            cx, cy = x + dx * (gap[0] + width / 2), y + dy * (gap[1] + height / 2)
            round_about.append(_rect(cx, cy, width, height))
            cx = x + dx * gap[0] + math.copysign(width / 2, dx)
            cy = y + dy * gap[1] + math.copysign(height / 2, dy)
            diagonal.append(_rect(cx, cy, width, height))
        return round_about + diagonal

    def _is_clear(self, rect: Rect) -> bool:
        air = 0.15 * self._size
        low, high = np.array(rect[:2]) - air, np.array(rect[2:]) + air
        return not any(((low < p) & (p < high)).all(axis=1).any() for p in self._lines)

    def _is_inside(self, rect: Rect) -> bool:
        air = 0.2 * self._size
        across = air <= rect[0] and rect[2] <= self._width - air
        return across and air <= rect[1] and rect[3] <= self._height - air

    def _write(self, text: str, at: tuple[float, float], shift: tuple[float, float]) -> None:
        from matplotlib.patheffects import Stroke

        style: dict[str, Any] = {
            "xytext": shift, "textcoords": "offset points", "ha": "center", "va": "center",
            "fontsize": self._size, "color": self._theme.ink, "annotation_clip": True,
        }  # fmt: skip
        if "\n" in text:  # the rims of lines so near to each other would run together
            card = {"boxstyle": f"round,pad={_AIR}", "fc": self._theme.path_casing, "lw": 0}
            self._axes.annotate(text, at, bbox=card, zorder=12, **style)
            return
        # The rim apart from the text: what has effects is written as outlines, not as text.
        rim = [Stroke(linewidth=self._rim, foreground=self._theme.path_casing)]
        self._axes.annotate(text, at, path_effects=rim, zorder=12, **style)
        self._axes.annotate(text, at, zorder=13, **style)


def _rect(x: float, y: float, width: float, height: float) -> Rect:
    """Around its centre."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
