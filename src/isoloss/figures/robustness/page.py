"""A page of small plots alike: what they have in common above and below them, each thing in its
own room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.figures.robustness.stamps import badge
from isoloss.figures.sheet import (
    Sheet,
    add_legend,
    draw_background,
    fitted_lines,
    text_width,
)
from isoloss.naming import drawable
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES, Theme
from isoloss.shortening import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isoloss.figures.figure import Figure

NARROWEST = 18.5
"""em: of a plot."""
ASPECT = 0.64
"""Height to width of a plot, where nobody says."""
MOST_LINES, HEADING = 3, 1.15
"""Of a heading: its lines, and their size in em."""
SMALL = 0.86
"""Of notes, in em."""


@dataclass(frozen=True)
class Words:
    """What is written around the plots.

    Attributes:
        heading: above all; "" for none.
        titles: of the plots; "" for none.
        signs: of warnings about a whole plot.
        stamps: (number, sentence) of each warning.
        note: how to read it.
    """

    heading: str
    titles: Sequence[str]
    signs: Sequence[str]
    stamps: Sequence[tuple[str, str]]
    note: str


class Page:
    """A figure with its plots in place.

    Attributes:
        figure: to be drawn on.
        plots: row by row.
        columns: of plots.
    """

    def __init__(
        self, words: Words, handles: Sequence[Any], sheet: Sheet, appearance: Appearance,
        gap: float = 1.8,
    ) -> None:  # fmt: skip
        """Inside the style of figures: what is written is measured.

        Args:
            handles: of the legend that all plots share.
            gap: between plots beside each other, in em.
        """
        from isoloss.figures.figure import Figure

        self._sheet, self._appearance, self._theme = sheet, appearance, THEMES[appearance.theme]
        em, width, count = sheet.em, sheet.width, len(words.titles)
        most = max(int((width - 2 * em) / (NARROWEST * em)), 1)
        rows = math.ceil(count / most)
        self.columns = math.ceil(count / rows)
        self.figure: Figure = Figure(figsize=(width / 72, 1), dpi=sheet.dpi)
        notes = Notes(self.figure, sheet, words.stamps, words.note)
        self._legend_columns, legend_rows = self._fit_legend(handles)
        titled = any(words.titles) or any(words.signs)
        left, right, gap = 5.6 * em, 1.1 * em, gap * em
        bottom, top = 3.5 * em, (2.0 if titled else 0.8) * em
        foot = notes.height
        heading = fitted_lines(
            self.figure, drawable(words.heading), MOST_LINES, width - 2 * em, HEADING * em
        )
        self._under_heading = 0.5 * em if not words.heading else (0.7 + 1.5 * len(heading)) * em
        head = self._under_heading + 1.5 * em * legend_rows
        cell = (width - left - right - gap * (self.columns - 1)) / self.columns
        cell = max(cell, 0.2 * width / self.columns)
        if sheet.height is None:
            tall = ASPECT * cell
        else:
            tall = max((sheet.height - head - foot) / rows - top - bottom, 0.15 * sheet.height)
        height = sheet.height or head + rows * (top + tall + bottom) + foot
        self.figure.set_size_inches(width / 72, height / 72)
        if not appearance.transparent:
            # Paper is white; only the dark theme brings its own background.
            self.figure.patch.set_facecolor("white")
            if appearance.theme == "dark":
                draw_background(self.figure, self._theme)
        self.plots: list[Axes] = []
        for k in range(count):
            row, column = divmod(k, self.columns)
            x = left + column * (cell + gap)
            y = height - head - row * (top + tall + bottom) - top - tall
            plot = self.figure.add_axes((x / width, y / height, cell / width, tall / height))
            self.plots.append(plot)
            self._write_title(plot, words.titles[k], words.signs[k], cell)
        self._height = height
        self._write_legend(handles)
        for k, line in enumerate(heading):
            self._write(line, 1.0 * em, height - (0.7 + 1.5 * k) * em, HEADING * em, "top")
        notes.write(foot, height, self._theme)

    def is_at_left(self, k: int) -> bool:
        """Whether the k-th plot has nothing to its left."""
        return k % self.columns == 0

    def is_lowest(self, k: int) -> bool:
        """Whether the k-th plot has none below it."""
        return k + self.columns >= len(self.plots)

    def _fit_legend(self, handles: Sequence[Any]) -> tuple[int, int]:
        """Columns and rows of the legend: as few rows as its width allows."""
        count = len(handles)
        if not count:
            return 1, 0
        widths = [text_width(self.figure, h.get_label(), 0.95 * self._sheet.em) for h in handles]
        room = self._sheet.width - 2 * self._sheet.em
        for rows in range(1, count + 1):
            columns = math.ceil(count / rows)
            # As matplotlib fills it: column by column, the first ones one longer.
            per, longer = divmod(count, columns)
            total, k = 0.0, 0
            for column in range(columns):
                size = per + (column < longer)
                total += max(widths[k : k + size]) + (2.4 + 0.6 + 1.4) * self._sheet.em
                k += size
            if total <= room:
                return columns, math.ceil(count / columns)
        return 1, count

    def _write_legend(self, handles: Sequence[Any]) -> None:
        if not handles:
            return
        em = self._sheet.em
        top = self._height - self._under_heading
        add_legend(
            self.figure,
            handles,
            loc="upper left",
            bbox_to_anchor=(0.9 * em / self._sheet.width, top / self._height),
            ncols=self._legend_columns,
            frameon=False,
            borderaxespad=0.0,
            borderpad=0.0,
            handlelength=2.4,
            handletextpad=0.6,
            columnspacing=1.4,
            labelspacing=0.45,
            fontsize=0.95 * em,
            labelcolor=self._theme.quiet_ink,
        )

    def _write_title(self, plot: Axes, title: str, sign: str, room: float) -> None:
        em = self._sheet.em
        width = 0.0
        if title:
            text = as_fits(self.figure, title, room - (3 * em if sign else 0), em)
            width = text_width(self.figure, text, em)
            plot.annotate(
                text, (0, 1), xycoords="axes fraction", xytext=(0, 0.55 * em),
                textcoords="offset points", ha="left", va="bottom", fontsize=em,
                color=self._theme.ink,
            )  # fmt: skip
        if sign:
            # Beside the title, in the line of its letters.
            x = width + (1.5 if title else 0.8) * em
            plot.annotate(
                sign, (0, 1), xycoords="axes fraction", xytext=(x, 0.98 * em),
                textcoords="offset points", gid="stamp", annotation_clip=False,
                **badge(sign, 0.72 * em, self._theme.clamped, self._theme, self._sheet.unit),
            )  # fmt: skip

    def _write(
        self, text: str, x: float, y: float, size: float, va: str, color: Any = None
    ) -> None:
        self.figure.text(
            x / self._sheet.width, y / self._height, text,
            fontsize=size, va=va, color=color or self._theme.ink,
        )  # fmt: skip


class Notes:
    """What stands below the plots: the warnings, each with its sign, and how to read the figure.

    Attributes:
        height: of it all, in points.
    """

    def __init__(
        self, figure: Figure, sheet: Sheet, stamps: Sequence[tuple[str, str]], note: str
    ) -> None:
        self._figure, self._sheet, em = figure, sheet, sheet.em
        self._notes = [
            (number, wrapped(figure, text, sheet.width - 3.6 * em, SMALL * em))
            for number, text in stamps
        ]
        if note:
            self._notes.append(("", wrapped(figure, note, sheet.width - 1.8 * em, SMALL * em)))
        self._line = 1.3 * SMALL * em
        self.height = sum(self._line * len(lines) + 0.45 * em for _, lines in self._notes)

    def write(self, top: float, whole: float, theme: Theme) -> None:
        """Below `top`, on a figure of height `whole`, both in points from below."""
        em, width = self._sheet.em, self._sheet.width
        y = top - 0.5 * self._line
        for number, lines in self._notes:
            if number:
                sign = badge(number, 0.72 * em, theme.clamped, theme, self._sheet.unit)
                self._figure.text(1.75 * em / width, y / whole, number, gid="stamp note", **sign)
            for text in lines:
                self._figure.text(
                    (2.7 if number else 1.0) * em / width, y / whole, text,
                    fontsize=SMALL * em, va="center_baseline",
                    color=theme.ink if number else theme.quiet_ink,
                )  # fmt: skip
                y -= self._line
            y -= 0.45 * em


def wrapped(figure: Figure, text: str, width: float, size: float) -> list[str]:
    """The lines of a text that is `width` points wide at most; numbers keep their units."""
    text = text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0")
    space = text_width(figure, "n n", size) - text_width(figure, "nn", size)
    lines: list[list[str]] = [[]]
    used = 0.0
    for word in text.split(" "):
        needs = text_width(figure, word, size)
        if lines[-1] and used + space + needs > width:
            lines.append([])
            used = 0.0
        used += needs + (space if lines[-1] else 0.0)
        lines[-1].append(word)
    return [" ".join(line) for line in lines]


def as_fits(figure: Figure, text: str, width: float, size: float) -> str:
    """The text, or as much of its beginning as is `width` points wide with "…"."""
    return shortened(drawable(text), lambda part: text_width(figure, part, size) <= width)
