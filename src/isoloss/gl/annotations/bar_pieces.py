"""What a scalar bar is put together from: ramps, caps, signs and texts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.geometry.rect import Rect
from isoloss.geometry.ticks import Tick
from isoloss.gl.annotations.notes import Note
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.fills import rectangle
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.scene.colormaps import banded, shades
from isoloss.scene.levels import read_at
from isoloss.scene.scene import Palette
from isoloss.scene.texturing import ColorScale, class_positions, end_lines
from isoloss.scene.theme import Color

Triangles = list[NDArray[np.void]]
Bands = tuple[tuple[float, Tick], ...]

_STEPS = 48  # of a smooth ramp


@dataclass
class BarPieces:
    """Collects what a bar is made of; all places are pixels from the top left.

    Attributes:
        palettes: the colormaps that are read by it, beside each other.
        bands: the edges between discrete colours, and their values; None for smooth ones.
        triangles: in clip coordinates.
    """

    view: View
    text: TextPass
    colors: ColorScale
    palettes: tuple[Palette, ...]
    bands: Bands | None
    triangles: Triangles = field(default_factory=Triangles)
    labels: list[Label] = field(default_factory=list[Label])

    @property
    def rim(self) -> int:
        """Pixels of a thin line."""
        return max(1, round(self.view.scale))

    def ends(self, is_terse: bool) -> tuple[list[str], list[str]]:
        """What is written beyond the lower and the upper end: of its lines the last says enough."""
        colors, first = self.colors, -1 if is_terse else 0
        under = end_lines(colors.end("<")) if colors.below else []
        over = end_lines(colors.end(">")) if colors.above else []
        return under[first:], over[first:]

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """(position in [0, 1], label) of about `count`."""
        if self.bands is None:
            return self.colors.ticks(count)
        edges = {tick.value: at for at, tick in self.bands}
        read = read_at([tick for _, tick in self.bands], self.colors.scale, count)
        return [(edges[tick.value], tick.label) for tick in read]

    def ramp(self, rect: Rect, upright: bool) -> None:
        """All the colours, and a thin line around them."""
        left, top, right, bottom = rect
        rim = self.rim
        self.fill((left - rim, top - rim, right + rim, bottom + rim), self.view.theme.box)
        for strip, palette in self._strips(rect, upright):
            self._strip(strip, upright, palette)

    def _strips(self, rect: Rect, upright: bool) -> list[tuple[Rect, Palette]]:
        """`rect` divided along the bar among the colormaps."""
        left, top, right, bottom = rect
        across = np.linspace(*((left, right) if upright else (bottom, top)), len(self.palettes) + 1)
        return [
            ((a, top, b, bottom) if upright else (left, b, right, a), palette)
            for a, b, palette in zip(across[:-1], across[1:], self.palettes, strict=True)
        ]

    def _strip(self, rect: Rect, upright: bool, palette: Palette) -> None:
        left, top, right, bottom = rect
        if self.bands is not None:
            inner = [at for at, _ in self.bands]
            edges = np.concatenate([[0.0], inner, [1.0]])
            low = high = banded(inner, *palette)
        elif self.colors.classes:
            numbers = [number for number, _ in self.colors.classes]
            edges = np.linspace(0, 1, len(numbers) + 1)
            low = high = shades(class_positions(numbers), *palette)
        else:
            edges = np.linspace(0, 1, _STEPS + 1)
            low, high = (shades(e, *palette) for e in (edges[:-1], edges[1:]))
        for k in range(len(edges) - 1):
            if upright:
                y1, y0 = (bottom - e * (bottom - top) for e in edges[k : k + 2])
                shade = np.stack([low[k], low[k], high[k], high[k]])
                self.fill((left, y0, right, y1), shade)
            else:
                x0, x1 = (left + e * (right - left) for e in edges[k : k + 2])
                shade = np.stack([low[k], high[k], high[k], low[k]])
                self.fill((x0, top, x1, bottom), shade)

    def cap(self, rect: Rect, end: float) -> None:
        """Beyond an end, 0 or 1: hatched as the surface is, where heights are clamped there too."""
        upright = rect[3] - rect[1] < rect[2] - rect[0]
        for strip, palette in self._strips(rect, upright):
            ground = tuple(shades(np.array(end), *palette))
            if self.colors.is_of_heights:
                self._hatch(strip, ground)
            else:
                self.fill(strip, ground)

    def _hatch(self, rect: Rect, ground: Color) -> None:
        left, top, right, bottom = rect
        self.fill(rect, ground)
        count = 3
        width = (right - left) / count
        for k in range(count):
            at = left + k * width
            self.fill((at, top, at + 0.45 * width, bottom), self.view.theme.clamped)

    def sign(self, note: Note, rect: Rect) -> None:
        """What stands before the text of a note."""
        left, top, right, bottom = rect
        middle, half = (top + bottom) / 2, 1.1 * self.view.scale
        if note.sign == "line":
            self.fill((left, middle - half, right, middle + half), note.color)
        elif note.sign == "hatch":
            self._hatch(rect, (*note.color[:3], 0.25))
        elif note.sign == "fill":
            self.fill(rect, note.color)
        else:
            rim = 1.4 * self.view.scale
            for side in (
                (left, top, right, top + rim),
                (left, bottom - rim, right, bottom),
                (left, top + rim, left + rim, bottom - rim),
                (right - rim, top + rim, right, bottom - rim),
            ):
                self.fill(side, note.color)

    def say(
        self,
        text: str,
        x: float,
        y: float,
        size: float = 1.0,
        align: tuple[float, float] = (0.0, 0.5),
        color: Color | None = None,
    ) -> None:
        """Write `text`; quiet unless a colour is given."""
        self.labels.append(Label(text, x, y, color or self.view.theme.quiet_ink, align, size))

    def fill(self, rect: Rect, shade: ArrayLike) -> None:
        """A rectangle of one colour, or of one at each corner."""
        self.triangles.append(rectangle(self.view, rect, shade))

    def width(self, text: str, size: float = 1.0) -> float:
        """Of `text`, in pixels."""
        return self.text.measure(text, self.view.em, size)[0]
