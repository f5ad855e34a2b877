"""Small pictures in rows and columns, with words above, beside and below them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isoloss.figures.robustness.page import Notes, as_fits, wrapped
from isoloss.figures.robustness.stamps import Stamps, badge
from isoloss.figures.sheet import Sheet, draw_background, styled, text_width
from isoloss.results.tables import EvaluationWarning
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES, Color, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Picture = NDArray[Any]

Drawn = Callable[["Axes", Sheet, Theme], None]
"""What draws into a plot of its own."""

PIXELS = 256
"""About so many a side has a picture that is drawn: its own pixels, each as a square of them."""
GAP = 0.4
LARGEST_CELL = 11.0
CAPTION = 0.8
"""em."""
HEADER_ROOM = 0.7
"""Of the gaps beside a column, so much of one is its header's."""
HIGHEST = 1.2
"""Widths of the sheet: about so high a figure of many rows is, so that a page holds it."""


@dataclass(frozen=True)
class Caption:
    """Below a picture, in one line where that is wide enough, else in two."""

    texts: tuple[str, ...] = ()
    color: Color | None = None


@dataclass(frozen=True)
class Cell:
    """One picture.

    Attributes:
        picture: (H, W, 3) or (H, W, 1) in [0, 1], or what draws into a plot of its own.
    """

    picture: Picture | Drawn
    caption: Caption = Caption()


@dataclass(frozen=True)
class Gallery:
    """A figure of cells.

    Attributes:
        corner: what the headers of columns are; "" for none.
        headers: of the columns.
        names: of the rows.
        rows: cells, None where there is nothing.
        aside: for each row a plot at its right, or None; () for none at all.
        aside_header: what these show.
        warnings: to be stamped on it.
    """

    heading: str
    corner: str
    headers: Sequence[str]
    names: Sequence[str]
    rows: Sequence[Sequence[Cell | None]]
    warnings: Sequence[EvaluationWarning]
    note: str
    aside: Sequence[Drawn | None] = ()
    aside_header: str = ""


def gallery_figure(gallery: Gallery, sheet: Sheet, appearance: Appearance) -> Figure:
    """A figure as wide as the sheet, as high as it takes."""
    with styled(THEMES[appearance.theme], sheet):
        return _Wall(gallery, sheet, appearance).figure


def square_pixels(picture: Picture) -> Picture:
    """(H', W', 3) uint8 of (H, W, 1 or 3) in [0, 1]: the same picture with about `PIXELS` a side,
    so that no viewer smooths what is coarse."""
    levels = levels_of(picture, PIXELS)
    times = math.ceil(PIXELS / max(levels.shape[:2]))
    return levels.repeat(times, axis=0).repeat(times, axis=1)


def levels_of(picture: Picture, most: int) -> Picture:
    """(H', W', 3) uint8 of (H, W, 1 or 3) in [0, 1]: its own pixels, of what is larger about `most`
    a side; what is unknown is grey."""
    levels = np.rint(255 * np.clip(np.nan_to_num(picture, nan=0.5), 0, 1)).astype(np.uint8)
    levels = np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels
    side = max(levels.shape[:2])
    if side <= most:
        return levels
    size = [max(round(n * most / side), 1) for n in levels.shape[1::-1]]
    return np.asarray(Image.fromarray(levels).resize((size[0], size[1])))


class _Wall:
    """The figure of a gallery, with all in its place."""

    def __init__(self, gallery: Gallery, sheet: Sheet, appearance: Appearance) -> None:
        from matplotlib.figure import Figure

        self._sheet, self._theme, em = sheet, THEMES[appearance.theme], sheet.em
        self.figure: Figure = Figure(figsize=(sheet.width / 72, 1), dpi=sheet.dpi)
        stamps = Stamps.of_warnings(gallery.warnings)
        columns = max(len(row) for row in gallery.rows)
        longest = max(text_width(self.figure, n, em) for n in (*gallery.names, gallery.corner))
        label = min(longest, 0.26 * sheet.width) + 1.7 * em if longest else 0.9 * em
        gap = GAP * em
        self._aside = min(0.21 * sheet.width, 13 * em) if gallery.aside else 0.0
        beside = self._aside + (5.2 * em if gallery.aside else 0.0)
        room = sheet.width - label - 0.9 * em - beside - gap * (columns - 1)
        shape = _ratio(gallery)
        highest = HIGHEST * sheet.width / len(gallery.rows) - 2.2 * em
        self._cell = min(max(room / columns, em), LARGEST_CELL * em, max(highest, 3 * em) / shape)
        spare = room - columns * self._cell
        self._gap = gap
        if gallery.aside:  # what is left over is theirs
            self._aside += spare
        elif columns > 1:  # of the headers, as far as they need it
            over = self._widest_header(gallery) - self._cell
            free = (spare - over / 2) / (columns - 1)  # the last one reaches beyond its column
            self._gap += max(min(over / HEADER_ROOM - gap, free), 0.0)
        self._lines = self._caption_lines(gallery)
        tall = self._cell * shape
        notes = Notes(self.figure, sheet, stamps.sentences, gallery.note)
        foot = notes.height + 0.2 * em
        if gallery.aside:
            foot += 2.6 * em  # the numbers and the name of the lowest plot's axis
        sign = stamps.sign(gallery.warnings)
        self._heading = wrapped(self.figure, gallery.heading, sheet.width - 4.3 * em, em)
        headed = 1.9 * em + 1.35 * em * (len(self._heading) - 1)
        head = (headed if gallery.heading or sign else 0.3 * em) + 1.75 * em
        steps = [tall + self._below(row) + gap for row in self._lines_of(gallery)]
        self._height = head + sum(steps) + foot
        self.figure.set_size_inches(sheet.width / 72, self._height / 72)
        if not appearance.transparent:
            self.figure.patch.set_facecolor("white")
            if appearance.theme == "dark":
                draw_background(self.figure, self._theme)
        self._draw_head(gallery, sign, label, head)
        y = self._height - head
        for k, row in enumerate(gallery.rows):
            name = as_fits(self.figure, gallery.names[k], label - 1.5 * em, em)
            self._write(name, label - 0.6 * em, y - tall / 2, em, "center", "right")
            for column, cell in enumerate(row):
                if cell is not None:
                    self._draw(cell, label + column * (self._cell + self._gap), y - tall, tall)
            if gallery.aside and (draw := gallery.aside[k]) is not None:
                x = sheet.width - 1.1 * em - self._aside
                plot = self._plot(x, y - tall, self._aside, tall)
                draw(plot, self._sheet, self._theme)
            y -= steps[k]
        notes.write(notes.height + 0.2 * em, self._height, self._theme)

    def _caption_lines(self, gallery: Gallery) -> int:
        """1 where all captions fit below their pictures in one line, else 2."""
        captions = [c.caption for row in gallery.rows for c in row if c and c.caption.texts]
        widths = [text_width(self.figure, " ".join(c.texts), self._small) for c in captions]
        return 1 if max(widths, default=0) <= self._cell + self._gap else 2

    def _widest_header(self, gallery: Gallery) -> float:
        size = 0.95 * self._sheet.em
        return max(text_width(self.figure, header, size) for header in gallery.headers)

    @property
    def _small(self) -> float:
        return CAPTION * self._sheet.em

    def _lines_of(self, gallery: Gallery) -> list[int]:
        """How many lines stand below each row."""
        return [
            max((min(len(c.caption.texts), self._lines) for c in row if c), default=0)
            for row in gallery.rows
        ]

    def _below(self, lines: int) -> float:
        return lines * 1.2 * self._small + (0.35 * self._sheet.em if lines else 0.0)

    def _draw_head(self, gallery: Gallery, sign: str, label: float, head: float) -> None:
        em = self._sheet.em
        y = self._height - 1.2 * em
        for k, line in enumerate(self._heading):
            self._write(line, 0.9 * em, y - 1.35 * em * k, em, "center_baseline")
        if sign:
            width = text_width(self.figure, self._heading[0], em)
            x = 0.9 * em + width + (1.2 if width else 0.5) * em
            self.figure.text(
                x / self._sheet.width, y / self._height, sign, gid="stamp",
                **badge(sign, 0.72 * em, self._theme.clamped, self._theme, self._sheet.unit),
            )  # fmt: skip
        y = self._height - head + 0.75 * em
        quiet = self._theme.quiet_ink
        if gallery.corner:
            self._write(gallery.corner, label - 0.6 * em, y, 0.95 * em, "center", "right", quiet)
        room = self._cell + HEADER_ROOM * self._gap
        widest = self._widest_header(gallery)
        size = 0.95 * em * min(max(room / max(widest, 1e-9), 0.8), 1.0)
        for column, header in enumerate(gallery.headers):
            x = label + column * (self._cell + self._gap) + self._cell / 2
            text = as_fits(self.figure, header, 1.02 * room, size)
            self._write(text, x, y, size, "center", "center", quiet)
        if gallery.aside_header:
            x = self._sheet.width - 1.1 * em - self._aside / 2
            self._write(gallery.aside_header, x, y, 0.95 * em, "center", "center", quiet)

    def _draw(self, cell: Cell, x: float, y: float, tall: float) -> None:
        plot = self._plot(x, y, self._cell, tall)
        if callable(cell.picture):
            cell.picture(plot, self._sheet, self._theme)
        else:
            plot.imshow(square_pixels(cell.picture), interpolation="none", aspect="auto")
            plot.set_xticks([])
            plot.set_yticks([])
            plot.spines[:].set_linewidth(0.6 * self._sheet.unit)
        texts = cell.caption.texts
        lines = [" ".join(texts)] if self._lines == 1 else [t.rstrip(",") for t in texts]
        top = y - 0.3 * self._sheet.em
        for line in filter(None, lines):
            room = self._cell + self._gap
            text = as_fits(self.figure, line, room, self._small)
            self._write(
                text, x + self._cell / 2, top - 0.6 * self._small, self._small,
                "center_baseline", "center", cell.caption.color or self._theme.quiet_ink,
            )  # fmt: skip
            top -= 1.2 * self._small

    def _plot(self, x: float, y: float, width: float, height: float) -> Axes:
        whole = self._sheet.width, self._height
        return self.figure.add_axes(
            (x / whole[0], y / whole[1], width / whole[0], height / whole[1])
        )

    def _write(
        self, text: str, x: float, y: float, size: float, va: str, ha: str = "left",
        color: Color | None = None,
    ) -> None:  # fmt: skip
        if text:
            self.figure.text(
                x / self._sheet.width, y / self._height, text, fontsize=size, va=va, ha=ha,
                color=color or self._theme.ink,
            )  # fmt: skip


def _ratio(gallery: Gallery) -> float:
    """Height to width of the first picture."""
    for row in gallery.rows:
        for cell in row:
            if cell is not None and isinstance(cell.picture, np.ndarray):
                height, width = cell.picture.shape[:2]
                return min(max(height / width, 0.25), 4.0)
    return 1.0
