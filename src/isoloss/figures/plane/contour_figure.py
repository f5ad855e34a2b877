"""The contours of a loss surface in the plane, as in the figures of papers (Li et al. 2018).

The levels, the colours and the logarithmic spacing are those of the picture in space.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.paper import Print
from isoloss.figures.plane.figure_bar import MOST_READ, Reading, draw_bar
from isoloss.figures.plane.legend_signs import Signs, SignsHandler
from isoloss.figures.plane.level_labels import Labels
from isoloss.figures.plane.marks import draw_marks, draw_paths, keep_clear, legend_entries
from isoloss.figures.plane.remarks import draw_remarks, remarks, sign_of
from isoloss.figures.plane.subplot import STEPS, Subplot, subplot_of
from isoloss.figures.sheet import (
    Sheet,
    add_legend,
    draw_background,
    fitted_lines,
    set_ticks,
    styled,
    text_width,
)
from isoloss.geometry.fitting import fitting_ticks
from isoloss.geometry.height import HeightScale
from isoloss.geometry.ticks import Tick
from isoloss.scene.levels import own_height
from isoloss.scene.scene import Scene
from isoloss.scene.texturing import axis_titles
from isoloss.scene.theme import THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


HEADING, LEGEND = 1.15, 0.95
"""Sizes of their texts, in em."""
MOST_LINES = 3
"""Of a heading."""
MOST_TICKS = 5
"""Along an axis, about."""
MOST_LABELLED = 8
"""Levels whose loss is written on their lines."""


def contour_figure(views: list[Scene], sheet: Sheet, print_: Print) -> Figure:
    """A figure of 1, 2 or 4 viewports, one surface each.

    Raises:
        IsolossError: a viewport shows no surface, or several.
    """
    from matplotlib.figure import Figure

    subplots = [subplot_of(scene, print_) for scene in views]
    theme, appearance = THEMES[views[0].appearance.theme], views[0].appearance
    with styled(theme, sheet):
        figure = Figure(figsize=(sheet.width / 72, 1), dpi=sheet.dpi)
        layout = _Layout(subplots, sheet, figure, print_)
        figure.set_size_inches(sheet.width / 72, layout.height / 72)
        if not appearance.transparent:
            # Paper is white; only the dark theme brings its own background.
            figure.patch.set_facecolor("white" if appearance.theme == "light" else "none")
            if appearance.theme == "dark":
                draw_background(figure, theme)
        for k, subplot in enumerate(subplots):
            axes = figure.add_axes(layout.plot(k))
            _draw_subplot(axes, subplot, sheet, theme, print_, layout, layout.ticks(k))
            layout.write_heading(k, axes, theme)
            if subplot.scene.appearance.scalar_bar:
                bar = figure.add_axes(layout.bar(k))
                draw_bar(bar, subplot, sheet, theme, print_, layout.reading(k))
    return figure


class _Layout:
    """Where the plots go: all in points, but what is handed out in fractions of the figure."""

    def __init__(
        self, subplots: list[Subplot], sheet: Sheet, figure: Figure, print_: Print
    ) -> None:
        self._sheet, self._subplots, self._figure = sheet, subplots, figure
        self._print = print_
        em = sheet.em
        appearance = subplots[0].scene.appearance
        self._columns, rows = min(len(subplots), 2), max(1, len(subplots) // 2)
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
        self.is_terse = False
        self._fit_legend(room)
        self._head = max((bar.head for bar in bars), default=0.0)
        cell = sheet.width / self._columns
        self._width = max(cell - self._left - self._right, 0.2 * cell)
        self._fit_headings(figure, rows)
        narrowest = min(self._box(k)[2] for k in range(len(subplots)))
        if narrowest < room:
            self._fit_legend(narrowest)
            self._fit_headings(figure, rows)

    def _fit_legend(self, room: float) -> None:
        """Beside the bar: in lines no longer than the plot is wide."""
        em = self._sheet.em
        widths = [
            text_width(self._figure, text, LEGEND * em) + 3.5 * em
            for subplot in self._subplots
            for text in _legend_texts(subplot, is_terse=False)
        ]
        self.is_terse = any(width > room for width in widths)
        self.lines = max(
            legend_rows(self._figure, p, room, em, self.is_terse) for p in self._subplots
        )

    def _fit_headings(self, figure: Figure, rows: int) -> None:
        """Beside the title of the bar, where each is one line as narrow as its plot; else above."""
        texts = [subplot.scene.heading for subplot in self._subplots]
        size, margin = HEADING * self._sheet.em, 0.8 * self._sheet.em
        self._headings = [[text] if text else [] for text in texts]
        self._extents = [text_width(figure, text, size) for text in texts]
        self._divide(rows, above_bar=False)
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
        self._divide(rows, above_bar=True)

    def _divide(self, rows: int, above_bar: bool) -> None:
        """The height of the figure among what stands above each other in it."""
        sheet, em = self._sheet, self._sheet.em
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
        return Reading.of(self._subplots[k], self._print, min(max(count, 2), MOST_READ))

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
        rows = max(1, len(self._subplots) // 2)
        cell = self.height / rows
        y = self.height - row * cell - self._top - height - (self._plot_height - height) / 2
        return x, y, width, height

    def _fraction_of_figure(
        self, x: float, y: float, width: float, height: float
    ) -> tuple[float, float, float, float]:
        whole = self._sheet.width, self.height
        return x / whole[0], y / whole[1], width / whole[0], height / whole[1]


def legend_rows(figure: Figure, subplot: Subplot, width: float, em: float, is_terse: bool) -> int:
    """How many lines the legend above a plot takes."""
    widths = [text_width(figure, text, LEGEND * em) for text in _legend_texts(subplot, is_terse)]
    # All columns are as wide as the widest entry of each.
    for rows in range(1, len(widths)):
        columns = [widths[k : k + rows] for k in range(0, len(widths), rows)]
        if sum(max(column) + 3.5 * em for column in columns) <= width:
            return rows
    return len(widths)


def _legend_texts(subplot: Subplot, is_terse: bool) -> list[str]:
    if not subplot.scene.appearance.legend:
        return []
    named = [entry.text for entry in legend_entries(subplot.scene)]
    return named + [remark.text for remark in remarks(subplot, is_terse)]


def _draw_subplot(
    axes: Axes,
    subplot: Subplot,
    sheet: Sheet,
    theme: Theme,
    print_: Print,
    layout: _Layout,
    ticks: tuple[list[Tick], list[Tick]],
) -> None:
    appearance, em, unit = subplot.scene.drawn_appearance, sheet.em, sheet.unit
    axes.set_xlim(*subplot.frame.alpha)
    axes.set_ylim(*subplot.frame.beta)
    _draw_areas(axes, subplot, unit, print_)
    labels = Labels(axes, sheet, theme)
    keep_clear(labels, subplot.layer, appearance, subplot.frame)
    _draw_lines(axes, subplot, sheet, theme, print_, labels)
    draw_remarks(axes, subplot, theme, unit)
    draw_paths(axes, subplot.layer, appearance, sheet, theme, labels)
    draw_marks(axes, subplot.layer, appearance, subplot.frame, sheet, theme, labels)
    if appearance.axes:
        set_ticks(axes.xaxis, ticks[0])
        set_ticks(axes.yaxis, ticks[1])
        names = axis_titles([subplot.layer], subplot.frame)
        axes.set_xlabel(names[0], labelpad=0.35 * em)
        axes.set_ylabel(names[1], labelpad=0.2 * em)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    axes.spines[:].set_zorder(20)
    handles = _handles(subplot, unit, theme, layout.is_terse) if appearance.legend else []
    if handles:
        add_legend(
            axes,
            handles,
            handler_map={Signs: SignsHandler()},
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            bbox_transform=axes.transAxes,
            ncols=math.ceil(len(handles) / layout.lines),
            frameon=False,
            borderaxespad=0.0,
            borderpad=0.25,
            handlelength=1.7,
            columnspacing=1.3,
            labelspacing=0.35,
            fontsize=LEGEND * em,
            labelcolor=theme.quiet_ink,
        )


def _draw_areas(axes: Axes, subplot: Subplot, unit: float, print_: Print) -> None:
    mesh = subplot.mesh
    grid = (mesh.alpha, mesh.beta)
    if not print_.fill:
        return
    if subplot.field is None:
        heights, shades = mesh.height, subplot.shades
        edges = np.concatenate([[-1.0], subplot.levels, [2.0]])
    else:
        heights = np.where(np.isnan(mesh.height), np.nan, subplot.field)
        inner = np.linspace(0, 1, STEPS + 1)
        shades = subplot.tones((inner[1:] + inner[:-1]) / 2)
        edges = np.array([-1.0, *inner[1:-1], 2.0])
        # Grey where it is not known.
        known = np.isfinite(mesh.height).T
        axes.contourf(*grid, known, [0.5, 2], colors=[(0.5, 0.5, 0.5)], corner_mask=False)
    values = np.ma.masked_invalid(heights.T)
    colors = [tuple(c) for c in shades]
    areas = axes.contourf(*grid, values, edges, colors=colors, corner_mask=False)
    # Else the page shines through between neighbouring areas.
    areas.set_edgecolor("face")
    areas.set_linewidth(0.5 * unit)


def _draw_lines(
    axes: Axes, subplot: Subplot, sheet: Sheet, theme: Theme, print_: Print, labels: Labels
) -> None:
    appearance, unit = subplot.scene.drawn_appearance, sheet.unit
    if not len(subplot.levels) or not (appearance.contours or not print_.fill):
        return
    colors = subplot.level_colors()
    if print_.fill and subplot.is_bright:
        # A darker tone of the colour, as on the surface.
        colors = colors * (*theme.contour[:3], 1.0)
    if print_.fill:
        colors[:, 3] = theme.contour[3]
    widths = np.full(len(subplot.levels), (0.75 if print_.fill else 1.7) * unit)
    own = own_height(appearance, subplot.frame)
    if own is not None:
        widths[subplot.levels == own] *= 2
    lines = axes.contour(
        subplot.mesh.alpha, subplot.mesh.beta, np.ma.masked_invalid(subplot.mesh.height.T),
        subplot.levels, colors=[tuple(c) for c in colors],
        linewidths=[float(w) for w in widths],
    )  # fmt: skip
    is_unexplained = not print_.fill or subplot.field is not None
    labelled = is_unexplained if print_.line_labels is None else print_.line_labels
    if labelled:
        _label_lines(axes, lines, subplot, 0.8 * sheet.em, labels)


def _label_lines(axes: Axes, lines: Any, subplot: Subplot, size: float, labels: Labels) -> None:
    """Write the losses of some levels on their lines, where there is room."""
    places: list[tuple[float, float]] = []
    names: Any = dict(subplot.read_at(MOST_LABELLED))
    pieces = dict(zip(subplot.levels.tolist(), lines.allsegs, strict=True))
    for level, name in names.items():
        for line in pieces[level]:
            at = labels.on_line(name, line[:, 0], line[:, 1], size)
            places += [] if at is None else [at]
    written = axes.clabel(
        lines, list(names), fmt=names, fontsize=size, inline_spacing=3, manual=places
    )
    for text in written:
        text.set_rotation_mode("anchor")


def _handles(subplot: Subplot, unit: float, theme: Theme, is_terse: bool) -> list[Any]:
    """The entries of the legend, as `_legend_texts` has them."""
    named = legend_entries(subplot.scene)
    signs = [sign_of(remark, theme, unit) for remark in remarks(subplot, is_terse)]
    return [Signs(entry, theme, unit) for entry in named] + signs
