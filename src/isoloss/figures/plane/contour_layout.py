"""Where the parts of a figure of contours go, and how much of each there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoloss.figures.paper import Print
from isoloss.figures.plane.figure_bar import MOST_READ, Reading
from isoloss.figures.plane.marks import legend_entries
from isoloss.figures.plane.remarks import remarks
from isoloss.figures.plane.subplot import Subplot
from isoloss.figures.sheet import Sheet, fitted_lines, text_width
from isoloss.geometry.fitting import fitting_ticks
from isoloss.geometry.height import HeightScale
from isoloss.geometry.ticks import Tick
from isoloss.scene.theme import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


HEADING, LEGEND = 1.15, 0.95
"""Sizes of their texts, in em."""
_SIGN = 3.5
"""Em: what an entry of the legend takes besides its text."""
MOST_LINES = 3
"""Of a heading."""
MOST_TICKS = 5
"""Along an axis, about."""


class ContourLayout:
    """Where the plots go: all in points, but what is handed out in fractions of the figure."""

    def __init__(
        self, subplots: list[Subplot], sheet: Sheet, figure: Figure, print_: Print
    ) -> None:
        self._sheet, self._subplots, self._figure = sheet, subplots, figure
        self._print = print_
        em = sheet.em
        appearance = subplots[0].scene.appearance
        self._columns, self._rows = min(len(subplots), 2), max(1, len(subplots) // 2)
        bars = [Reading.of(p, print_) for p in subplots] if appearance.scalar_bar else []
        self._right = max((bar.breadth(self._measure, em) for bar in bars), default=0.9 * em)
        self._left, self._bottom = 0.8 * em, 0.8 * em
        if appearance.axes:
            numbers = [
                self._measure(tick.label)
                for subplot in subplots
                for count in range(2, MOST_TICKS + 1)
                for tick in HeightScale("linear", *subplot.frame.beta).ticks(count)
            ]
            self._left, self._bottom = max(4.7 * em, 3.0 * em + max(numbers)), 3.5 * em
        elif any(bar.below for bar in bars):
            self._bottom = 2.8 * em
        room = sheet.width / self._columns - self._left - self._right
        self._fit_legend(room)
        self._head = max((bar.head for bar in bars), default=0.0)
        cell = sheet.width / self._columns
        self._width = max(cell - self._left - self._right, 0.2 * cell)
        self._fit_headings()
        narrowest = min(self._box(k)[2] for k in range(len(subplots)))
        if narrowest < room:
            self._fit_legend(narrowest)
            self._fit_headings()

    def _fit_legend(self, room: float) -> None:
        """Beside the bar: in lines no longer than the plot is wide."""
        em = self._sheet.em
        widths = [
            text_width(self._figure, text, LEGEND * em) + _SIGN * em
            for subplot in self._subplots
            for text in _legend_texts(subplot, is_terse=False)
        ]
        self.is_terse = any(width > room for width in widths)
        self.lines = max(
            _legend_rows(self._figure, p, room, em, self.is_terse) for p in self._subplots
        )

    def _fit_headings(self) -> None:
        """Beside the title of the bar, where each is one line as narrow as its plot; else above."""
        texts = [subplot.scene.heading for subplot in self._subplots]
        size, margin = HEADING * self._sheet.em, 0.8 * self._sheet.em
        figure, rows = self._figure, self._rows
        self._headings = [[text] if text else [] for text in texts]
        self._extents = [text_width(figure, text, size) for text in texts]
        self._divide(above_bar=False)
        plots = [self._box(k)[2] for k in range(len(texts))]
        if all(
            "\n" not in text and width <= plot
            for text, width, plot in zip(texts, self._extents, plots, strict=True)
        ):
            return
        room = self._sheet.width / self._columns - 2 * margin
        room = room if self._sheet.height else room - self._left + margin
        most = MOST_LINES
        if self._sheet.height:
            most = min(max(int(0.25 * self._sheet.height / rows / (1.25 * size)), 1), MOST_LINES)
        self._headings = [fitted_lines(figure, t, most, room, size) if t else [] for t in texts]
        self._extents = [
            max((text_width(figure, line, size) for line in lines), default=0.0)
            for lines in self._headings
        ]
        self._divide(above_bar=True)

    def _divide(self, above_bar: bool) -> None:
        """The height of the figure among what stands above each other in it."""
        sheet, em, rows = self._sheet, self._sheet.em, self._rows
        most = max(map(len, self._headings))
        self._under = max(0.55 + 1.45 * self.lines, self._head if above_bar else 0.0)
        over = 0.7 + 1.25 * HEADING * most if most else 0.05
        self._top = max(self._under + over, self._head) * em
        if sheet.height is None:
            self._plot_height = max(p.ratio for p in self._subplots) * self._width
            self.height = rows * (self._plot_height + self._top + self._bottom)
        else:
            self.height = sheet.height
            room = sheet.height / rows - self._top - self._bottom
            self._plot_height = max(room, 0.2 * sheet.height / rows)

    def _measure(self, text: str) -> float:
        """How wide a number is, in points."""
        return text_width(self._figure, text, self._sheet.em)

    def ticks(self, k: int) -> tuple[list[Tick], list[Tick]]:
        """Along the axes of the k-th subplot, as many as there is room for."""
        (_, _, width, height), em = self._box(k), self._sheet.em
        frame, has_bar = self._subplots[k].frame, self._subplots[k].scene.appearance.scalar_bar
        alpha, beta = (HeightScale("linear", *span) for span in (frame.alpha, frame.beta))
        beyond = self._left - 0.3 * em, (1.4 if has_bar else 0.6) * em
        return (
            fitting_ticks(alpha, MOST_TICKS, width, self._measure, 0.7 * em, beyond),
            fitting_ticks(beta, MOST_TICKS, height, lambda _: 1.2 * em, 0.2 * em),
        )

    def reading(self, k: int) -> Reading:
        """Of the k-th bar, with as many numbers as there is room for."""
        count = int(self._box(k)[3] / (1.7 * self._sheet.em))
        most = count if self._subplots[k].colors.classes else MOST_READ
        return Reading.of(self._subplots[k], self._print, min(max(count, 2), most))

    def plot(self, k: int) -> tuple[float, float, float, float]:
        """Of the k-th subplot: left, bottom, width, height."""
        x, y, width, height = self._box(k)
        return self._fraction_of_figure(x, y, width, height)

    def bar(self, k: int) -> tuple[float, float, float, float]:
        """Of its colour bar."""
        x, y, width, height = self._box(k)
        em = self._sheet.em
        return self._fraction_of_figure(x + width + 0.8 * em, y, 0.85 * em, height)

    def write_heading(self, k: int, axes: Axes, theme: Theme) -> None:
        """What stands above the k-th subplot, over its legend."""
        em, cell = self._sheet.em, self._sheet.width / self._columns
        # From the left end of the plot; where that would lead beyond the page, from further left.
        within = self._box(k)[0] - k % self._columns * cell
        left = min(0.0, cell - 0.8 * em - self._extents[k] - within)
        for line, text in enumerate(reversed(self._headings[k])):
            axes.annotate(
                text, (0, 1), xycoords="axes fraction",
                xytext=(left, (self._under + 1.25 * HEADING * line) * em),
                textcoords="offset points", ha="left", va="bottom", fontsize=HEADING * em,
                color=theme.ink,
            )  # fmt: skip

    def _box(self, k: int) -> tuple[float, float, float, float]:
        """The plot in points, true to its ratio within the room there is for it."""
        row, column = divmod(k, self._columns)
        ratio = self._subplots[k].ratio
        width = min(self._width, self._plot_height / ratio)
        height = width * ratio
        x = column * self._sheet.width / self._columns + self._left + (self._width - width) / 2
        cell = self.height / self._rows
        y = self.height - row * cell - self._top - height - (self._plot_height - height) / 2
        return x, y, width, height

    def _fraction_of_figure(
        self, x: float, y: float, width: float, height: float
    ) -> tuple[float, float, float, float]:
        whole = self._sheet.width, self.height
        return x / whole[0], y / whole[1], width / whole[0], height / whole[1]


def _legend_rows(figure: Figure, subplot: Subplot, width: float, em: float, is_terse: bool) -> int:
    """How many lines the legend above a plot takes."""
    widths = [text_width(figure, text, LEGEND * em) for text in _legend_texts(subplot, is_terse)]
    # All columns are as wide as the widest entry of each.
    for rows in range(1, len(widths)):
        columns = [widths[k : k + rows] for k in range(0, len(widths), rows)]
        if sum(max(column) + _SIGN * em for column in columns) <= width:
            return rows
    return len(widths)


def _legend_texts(subplot: Subplot, is_terse: bool) -> list[str]:
    if not subplot.scene.appearance.legend:
        return []
    named = [entry.text for entry in legend_entries(subplot.scene)]
    return named + [remark.text for remark in remarks(subplot, is_terse)]
