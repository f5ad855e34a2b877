"""The scalar bar: what the colours mean, and below it what else is drawn on the surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.geometry.height import clamped
from isoloss.geometry.outlines import outlines_of
from isoloss.geometry.rect import Rect
from isoloss.geometry.ticks import Tick
from isoloss.gl.annotations.axes import NARROW, shortened
from isoloss.gl.device.buffers import joined
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.fills import rectangle
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Margins, box_unit
from isoloss.scene.colormaps import banded, shades
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.levels import own_height, read_at
from isoloss.scene.scene import Frame, Palette, Scene
from isoloss.scene.textures import Texture
from isoloss.scene.texturing import ColorScale, axis_titles, class_positions, quantity
from isoloss.scene.theme import Color, Theme

Triangles = list[NDArray[np.void]]
Bands = tuple[tuple[float, Tick], ...]

_UPRIGHT = 1.15
_STEPS = 48  # of a smooth ramp
_LEVEL = 75.0  # degrees: from above α lies level and β upright
_AWAY = 4.0  # em from the box to the bar: between them are the numbers of its axes
_LINE = 1.35  # em between the lines of notes


@dataclass(frozen=True)
class Note:
    """A sign on the surface and what it means; shorter where there is little room."""

    text: str
    color: Color
    sign: Literal["line", "rim", "fill", "hatch"]
    short: str = ""

    def said(self, is_terse: bool) -> str:
        """The text, or the shorter one if there is one."""
        return self.short if is_terse and self.short else self.text


@dataclass(frozen=True)
class ScalarBar:
    """A laid out bar.

    Attributes:
        triangles: in clip coordinates.
        labels: its ticks and title.
        rects: (left, top, right, bottom) of the bar and of its title, in pixels: a plate under it
            has to cover them, where the box reaches into them.
    """

    triangles: Triangles
    labels: list[Label]
    rects: tuple[Rect, ...]


@dataclass(frozen=True)
class Extent:
    """What is to be known of the losses of all layers to explain them.

    Attributes:
        lowest, highest: of the finite ones; ±inf where there is none.
        has_infinite, has_nan: whether there are such values.
        is_whole: whether every cell has been computed.
        quantity: what the values are.
        outlines: what is outlined on surfaces, as (kind, name).
    """

    lowest: float
    highest: float
    has_infinite: bool
    has_nan: bool
    is_whole: bool
    quantity: str
    outlines: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, layers: list[SurfaceLayer]) -> Extent:
        """Look at every value once."""
        losses = [layer.surface.loss[layer.surface.computed] for layer in layers]
        values = np.concatenate([np.empty(0), *losses])
        finite = values[np.isfinite(values)]
        return cls(
            float(finite.min(initial=np.inf)),
            float(finite.max(initial=-np.inf)),
            bool(np.isinf(values).any()),
            bool(np.isnan(values).any()),
            all(layer.surface.computed.all() for layer in layers),
            quantity(layers),
            tuple(
                dict.fromkeys(
                    (one.kind, one.name)
                    for layer in layers
                    for one in outlines_of(layer.surface.meta)
                )
            ),
        )


def notes(
    extent: Extent,
    texture: Texture,
    colors: ColorScale,
    appearance: Appearance,
    frame: Frame,
    theme: Theme,
) -> tuple[Note, ...]:
    """What is to be explained besides the colours of `texture`, in the order of the bar."""
    found: list[Note] = []
    scale = frame.scale
    prefix = "" if colors.is_of_heights else f"{extent.quantity} "
    has_lines = appearance.contours or appearance.floor_contours
    if texture.values is not None and has_lines:
        found.append(Note(f"lines: {extent.quantity}", (*theme.quiet_ink[:3], 1.0), "line"))
    if own_height(appearance, frame) is not None and appearance.contour_value is not None:
        found.append(Note(prefix + scale.label(appearance.contour_value), theme.level, "line"))
    if appearance.trajectory:
        for kind, name in extent.outlines:
            found.append(Note(name, theme.ball if kind == "ball" else theme.cube, "line"))
    if prefix:  # else the caps of the bar tell it
        lowest, highest = scale.beyond([extent.lowest, extent.highest])
        if highest > 0:
            found.append(_clamped_note(prefix, clamped(scale, ">"), theme))
        if lowest < 0:
            found.append(_clamped_note(prefix, clamped(scale, "<"), theme))
    if extent.has_infinite:
        found.append(Note("infinite", theme.clamped, "rim"))
    if extent.has_nan:
        found.append(Note("NaN", theme.quiet_ink, "rim"))
    if not extent.is_whole:
        found.append(Note("pending", theme.uncomputed, "fill"))
    return tuple(found)


def _clamped_note(prefix: str, end: str, theme: Theme) -> Note:
    return Note(prefix + end, theme.clamped, "hatch", prefix + _lines(end, is_terse=True)[0])


def _lines(end: str, is_terse: bool) -> list[str]:
    """What is written beyond an end of the bar: in two lines, of which the last says enough."""
    lines = end.split(": ") if end else []
    return lines[-1:] if is_terse else lines


def bar_margins(scene: Scene, size: tuple[int, int], em: float) -> Margins:
    """What is around the box in a picture of `size`: title, numbers on its axes, the bar."""
    appearance = scene.appearance
    axes = 3.6 * em if appearance.axes else em
    top = 4.2 * em if scene.heading else 1.6 * em
    beside = axes
    if appearance.axes and scene.camera.elevation > _LEVEL:  # the title of β stands at the left
        title = axis_titles(scene.shown, scene.frame())[1]
        beside += 0.55 * em * len(title if size[0] > NARROW * em else shortened(title))
    if not appearance.scalar_bar:
        return beside, top, 2 * em, axes
    if size[1] > _UPRIGHT * size[0]:
        return beside, top, 2 * em, axes + 5.5 * em
    return beside, top, 8.5 * em, axes


def scalar_bar(
    view: View,
    text: TextPass,
    colors: ColorScale,
    appearance: Appearance,
    palettes: tuple[Palette, ...],
    bands: Bands | None,
    remarks: tuple[Note, ...] = (),
    box: tuple[float, float] = (np.inf, np.inf),
) -> ScalarBar | None:
    """A bar at the right, or below where there is more room; None if the picture is a thumbnail.

    Args:
        palettes: the colormaps that are read by it, beside each other.
        bands: the edges between discrete colours, and their values; None for smooth ones.
        remarks: what is explained besides.
        box: how far it reaches to the right and down, in pixels: the bar stands near it.
    """
    width, height = view.size
    if width < 12 * view.em or height < 9 * view.em:
        return None
    drawn = _Drawing(view, text, colors, appearance, palettes, bands)
    breadth = drawn.breadth((), is_terse=True) + 1.2 * view.em
    lacking = breadth - drawn.room_at_right(), 3.8 * view.em - drawn.room_below()
    # In an upright picture there is nothing below that could be hidden, whatever the camera.
    if lacking[0] > max(0.0, 1.5 * lacking[1]) or (height > _UPRIGHT * width and lacking[1] < 0):
        drawn.lie(remarks, box[1])
    else:
        drawn.stand(remarks, box[0])
    return ScalarBar([joined(drawn.triangles)], drawn.labels, tuple(drawn.rects))


class _Drawing:
    """Collects what the bar is made of; all places are pixels from the top left."""

    def __init__(
        self,
        view: View,
        text: TextPass,
        colors: ColorScale,
        appearance: Appearance,
        palettes: tuple[Palette, ...],
        bands: Bands | None,
    ) -> None:
        self.view, self.text, self.colors, self.bands = view, text, colors, bands
        self.palettes = palettes
        self.frame = max(1, round(view.scale))
        self.triangles: Triangles = []
        self.labels: list[Label] = []
        self.rects: list[Rect] = []

    # -- where ---------------------------------------------------------------------------------

    def room_at_right(self) -> float:
        """Between the box, as first seen, and the edge of the picture."""
        width, height = self.view.size
        return width / 2 - 0.55 * box_unit((width, height))

    def room_below(self) -> float:
        """Under the box and the labels of its axes, as first seen."""
        width, height = self.view.size
        return height / 2 - 0.49 * box_unit((width, height))

    def breadth(self, remarks: tuple[Note, ...], is_terse: bool) -> float:
        """Of a standing bar with its labels; its title may reach further left."""
        em = self.view.em
        texts = [self._width(label) for _, label in self._ticks(6)]
        texts += [self._width(note.said(is_terse)) for note in remarks]
        ends = [line for end in self._ends() for line in _lines(end, is_terse)]
        texts += [self._width(line) + 0.3 * em for line in ends]
        return 1.55 * em + max(texts, default=0.0)

    # -- standing ------------------------------------------------------------------------------

    def stand(self, remarks: tuple[Note, ...], beside: float) -> None:
        """At the right of what reaches `beside`, the highest value at the top."""
        em, (width, height) = self.view.em, self.view.size
        detail = _LINE * em if self.colors.detail else 0.0
        below = _LINE * em * len(remarks) + (0.7 * em if remarks else 0.0)
        thickness = round(1.0 * em)
        while remarks and height - 5.2 * em - detail - below < 5 * em:  # no room to explain all
            remarks, below = remarks[:-1], below - _LINE * em
        length = round(min(0.46 * height, 20 * em, height - 5.2 * em - detail - below))
        is_terse = self.breadth(remarks, is_terse=False) > width - 2.4 * em - beside
        widest = self.breadth(remarks, is_terse)
        left = round(min(width - 1.2 * em - widest, beside + _AWAY * em))
        bottom = round(height / 2 + length / 2 + 0.5 * em + (detail - below) / 2)
        top = bottom - length
        self._ramp((left, top, left + thickness, bottom), upright=True)
        under, over = self._ends()
        # Ticks keep clear of what is written beside the caps.
        last, highest = bottom + 0.65 * em if under else np.inf, top + (0.6 * em if over else -em)
        right = left + thickness + self.frame
        for position, label in self._ticks(max(2, min(6, int(length / (1.8 * em)) + 1))):
            y = bottom - position * length
            if last - y < 1.25 * em or y < highest:
                continue
            last = y
            mark = round(y - self.frame / 2)
            self._fill((right, mark, right + 0.3 * em, mark + self.frame), self.view.theme.box)
            self._say(label, right + 0.55 * em, y)
        at = top - 0.85 * em
        if over:
            at -= 0.9 * em
            self._cap((left, top - 1.0 * em, left + thickness, top - 0.3 * em), 1.0)
            said = _lines(over, is_terse)[::-1]
            at -= self._end(said, right + 0.55 * em, top - 0.65 * em, -1.0)
        foot = bottom + 0.2 * em
        if under:
            self._cap((left, bottom + 0.3 * em, left + thickness, bottom + 1.0 * em), 0.0)
            said = _lines(under, is_terse)
            foot += 1.1 * em + self._end(said, right + 0.55 * em, bottom + 0.65 * em, 1.0)
        above = at + 0.2 * em
        titles = [(self.colors.detail, 0.9)] if detail else []
        titles.append((self.colors.title, 1.1))
        # A long title does not push the bar over the surface: it ends where the labels end.
        end = left + widest
        start = min([left, *(round(end - self._width(*t)) for t in titles)])
        for title, size in titles:
            ink = self.view.theme.ink if size > 1 else None
            self._say(title, start, at, size, (0.0, 1.0), ink)
            at -= 1.2 * em
        self.rects.append((start - 0.7 * em, at - 0.2 * em, float(width), above))
        for k, note in enumerate(remarks):
            y = foot + (k + 0.9) * _LINE * em
            self._sign(note, (left, y - 0.4 * em, left + thickness, y + 0.4 * em))
            self._say(note.said(is_terse), right + 0.55 * em, y)
        self.rects.append((left - 0.7 * em, above, float(width), foot + below + 0.4 * em))

    def _end(self, lines: list[str], x: float, y: float, outward: float) -> float:
        """Write what lies beyond an end beside its cap; how much further the lines reach."""
        step = 1.15 * self.view.em
        for k, line in enumerate(lines):
            self._say(line, x, y + outward * k * step)
        return step * (len(lines) - 1)

    # -- lying ---------------------------------------------------------------------------------

    def lie(self, remarks: tuple[Note, ...], below: float) -> None:
        """Under what reaches `below`, the highest value at the right."""
        em, (width, height) = self.view.em, self.view.size
        under, over = self._ends()
        said = [_lines(end, is_terse=False) for end in (under, over)]
        aside = [max((self._width(x) + 1.6 * em for x in lines), default=0.0) for lines in said]
        length = round(min(0.72 * width, width - 3 * em - sum(aside)))
        left = (width - length) / 2
        left = round(min(max(left, 1.5 * em + aside[0]), width - 1.5 * em - aside[1] - length))
        thickness = round(0.75 * em)
        lines = _LINE * em * len(remarks)
        bottom = round(min(height - 2.1 * em, below + (_AWAY + 3.5) * em + lines))
        top = bottom - thickness
        self._ramp((left, top, left + length, bottom), upright=False)
        # Ticks keep clear of what is written beside the caps.
        last = left - 1.5 * em if under else -np.inf
        end = left + length + 0.9 * em if over else width
        for position, label in self._ticks(max(2, min(6, int(length / (3 * em))))):
            x, half = left + position * length, self._width(label) / 2
            if x - half < last + 0.6 * em or x + half > end:
                continue
            last = x + half
            mark = round(x - self.frame / 2)
            edge = bottom + self.frame
            self._fill((mark, edge, mark + self.frame, edge + 0.3 * em), self.view.theme.box)
            self._say(label, x, edge + 0.45 * em, align=(0.5, 0.0))
        middle = (top + bottom) / 2
        for lines_of_end, which, x0, at, align in (
            (said[0], 0.0, left - 1.0 * em, left - 1.3 * em, 1.0),
            (said[1], 1.0, left + length + 0.3 * em, left + length + 1.3 * em, 0.0),
        ):
            if lines_of_end:
                self._cap((x0, top, x0 + 0.7 * em, bottom), which)
            for k, line in enumerate(lines_of_end):
                y = middle + 1.05 * em * (k - (len(lines_of_end) - 1) / 2)
                self._say(line, at, y, align=(align, 0.5))
        y = top - 0.5 * em
        self._say(self.colors.title, left, y, 1.1, (0.0, 1.0), self.view.theme.ink)
        x = left + self._width(self.colors.title, 1.1) + 0.6 * em
        if self.colors.detail:
            self._say(self.colors.detail, x, y, 0.9, (0.0, 1.0))
            x += self._width(self.colors.detail, 0.9) + 0.6 * em
        y = self._flow(remarks, x, left, left + length, y)
        reach = max(aside) + 0.4 * em
        self.rects.append((left - reach, y - 1.3 * em, left + length + reach, bottom + 2.1 * em))

    # -- pieces --------------------------------------------------------------------------------

    def _flow(
        self, remarks: tuple[Note, ...], start: float, left: float, right: float, y: float
    ) -> float:
        """Notes one after the other: at the right of the title if all fit, else in lines above it;
        where the highest line stands."""
        em = self.view.em
        widths = [self._width(note.text) + 1.2 * em for note in remarks]
        whole = sum(widths) + 0.8 * em * max(len(remarks) - 1, 0)
        x = right - whole
        if x < start:
            x, y = left, y - _LINE * em
        for note, width in zip(remarks, widths, strict=True):
            if x > left and x + width > right + 1e-6:
                x, y = left, y - _LINE * em
            self._sign(note, (x, y - 0.75 * em, x + 0.8 * em, y + 0.05 * em))
            self._say(note.text, x + 1.2 * em, y, align=(0.0, 1.0))
            x += width + 0.8 * em
        return y

    def _ends(self) -> tuple[str, str]:
        """What stands beyond the lower and the upper end of the scale; "" for nothing."""
        colors = self.colors
        return (
            colors.end("<") if colors.below else "",
            colors.end(">") if colors.above else "",
        )

    def _ticks(self, count: int) -> list[tuple[float, str]]:
        if self.bands is None:
            return self.colors.ticks(count)
        edges = {tick.value: at for at, tick in self.bands}
        read = read_at([tick for _, tick in self.bands], self.colors.scale, count)
        return [(edges[tick.value], tick.label) for tick in read]

    def _ramp(self, rect: Rect, upright: bool) -> None:
        left, top, right, bottom = rect
        rim = self.frame
        self._fill((left - rim, top - rim, right + rim, bottom + rim), self.view.theme.box)
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
                self._fill((left, y0, right, y1), shade)
            else:
                x0, x1 = (left + e * (right - left) for e in edges[k : k + 2])
                shade = np.stack([low[k], high[k], high[k], low[k]])
                self._fill((x0, top, x1, bottom), shade)

    def _cap(self, rect: Rect, end: float) -> None:
        """Beyond an end, 0 or 1: hatched as the surface is, where heights are clamped there too."""
        upright = rect[3] - rect[1] < rect[2] - rect[0]
        for strip, palette in self._strips(rect, upright):
            ground = tuple(shades(np.array(end), *palette))
            if self.colors.is_of_heights:
                self._hatch(strip, ground)
            else:
                self._fill(strip, ground)

    def _hatch(self, rect: Rect, ground: Color) -> None:
        left, top, right, bottom = rect
        self._fill(rect, ground)
        count = 3
        width = (right - left) / count
        for k in range(count):
            at = left + k * width
            self._fill((at, top, at + 0.45 * width, bottom), self.view.theme.clamped)

    def _sign(self, note: Note, rect: Rect) -> None:
        left, top, right, bottom = rect
        middle, half = (top + bottom) / 2, 1.1 * self.view.scale
        if note.sign == "line":
            self._fill((left, middle - half, right, middle + half), note.color)
        elif note.sign == "hatch":
            self._hatch(rect, (*note.color[:3], 0.25))
        elif note.sign == "fill":
            self._fill(rect, note.color)
        else:
            rim = 1.4 * self.view.scale
            for side in (
                (left, top, right, top + rim),
                (left, bottom - rim, right, bottom),
                (left, top + rim, left + rim, bottom - rim),
                (right - rim, top + rim, right, bottom - rim),
            ):
                self._fill(side, note.color)

    def _say(
        self,
        text: str,
        x: float,
        y: float,
        size: float = 1.0,
        align: tuple[float, float] = (0.0, 0.5),
        color: Color | None = None,
    ) -> None:
        self.labels.append(Label(text, x, y, color or self.view.theme.quiet_ink, align, size))

    def _fill(self, rect: Rect, shade: ArrayLike) -> None:
        self.triangles.append(rectangle(self.view, rect, shade))

    def _width(self, text: str, size: float = 1.0) -> float:
        return self.text.measure(text, self.view.em, size)[0]
