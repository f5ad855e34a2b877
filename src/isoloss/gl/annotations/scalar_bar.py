"""The scalar bar: what the colours mean, and below it what else is drawn on the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isoloss.geometry.rect import Rect
from isoloss.gl.annotations.bar_pieces import Bands, BarPieces, Triangles
from isoloss.gl.annotations.notes import Note
from isoloss.gl.device.buffers import joined
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.scene.camera import box_unit, is_upright
from isoloss.scene.scene import Palette
from isoloss.scene.texturing import ColorScale

_AWAY = 4.0  # em from the box to the bar: between them are the numbers of its axes
_LOW = 18.0  # em of a picture's height, below which it may do without a bar
_LINE = 1.35  # em between the lines of notes


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


def scalar_bar(
    view: View,
    text: TextPass,
    colors: ColorScale,
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
    bar = BarPieces(view, text, colors, palettes, bands)
    unit = box_unit(view.size)  # the room is that beside and below the box as first seen
    breadth = _breadth(bar, (), is_terse=True) + 1.2 * view.em
    lacking = breadth - (width / 2 - 0.55 * unit), 3.8 * view.em - (height / 2 - 0.49 * unit)
    # In an upright picture there is nothing below that could be hidden, whatever the camera.
    if lacking[0] > max(0.0, 1.5 * lacking[1]) or (is_upright(view.size) and lacking[1] < 0):
        if height < _LOW * view.em and lacking[1] > 0.5 * view.em:
            return None  # it would hide the lower part of the surface
        rects = _lie(bar, remarks, box[1])
    else:
        rects = _stand(bar, remarks, box[0])
    return ScalarBar([joined(bar.triangles)], bar.labels, tuple(rects))


def _breadth(bar: BarPieces, remarks: tuple[Note, ...], is_terse: bool) -> float:
    """Of a standing bar with its labels; its title may reach further left."""
    em = bar.view.em
    texts = [bar.width(label) for _, label in bar.ticks(6)]
    texts += [bar.width(note.said(is_terse)) for note in remarks]
    texts += [bar.width(line) + 0.3 * em for end in bar.ends(is_terse) for line in end]
    return 1.55 * em + max(texts, default=0.0)


def _stand(bar: BarPieces, remarks: tuple[Note, ...], beside: float) -> list[Rect]:
    """At the right of what reaches `beside`, the highest value at the top."""
    em, (width, height) = bar.view.em, bar.view.size
    detail = _LINE * em if bar.colors.detail else 0.0
    below = _LINE * em * len(remarks) + (0.7 * em if remarks else 0.0)
    thickness = round(1.0 * em)
    while remarks and height - 5.2 * em - detail - below < 5 * em:  # no room to explain all
        remarks, below = remarks[:-1], below - _LINE * em
    length = round(min(0.46 * height, 20 * em, height - 5.2 * em - detail - below))
    is_terse = _breadth(bar, remarks, is_terse=False) > width - 2.4 * em - beside
    widest = _breadth(bar, remarks, is_terse)
    left = round(min(width - 1.2 * em - widest, beside + _AWAY * em))
    bottom = round(height / 2 + length / 2 + 0.5 * em + (detail - below) / 2)
    top = bottom - length
    bar.ramp((left, top, left + thickness, bottom), upright=True)
    under, over = bar.ends(is_terse)
    # Ticks keep clear of what is written beside the caps.
    last, highest = bottom + 0.65 * em if under else np.inf, top + (0.6 * em if over else -em)
    right = left + thickness + bar.rim
    for position, label in bar.ticks(max(2, min(6, int(length / (1.8 * em)) + 1))):
        y = bottom - position * length
        if last - y < 1.25 * em or y < highest:
            continue
        last = y
        mark = round(y - bar.rim / 2)
        bar.fill((right, mark, right + 0.3 * em, mark + bar.rim), bar.view.theme.box)
        bar.say(label, right + 0.55 * em, y)
    at = top - 0.85 * em
    if over:
        at -= 0.9 * em
        bar.cap((left, top - 1.0 * em, left + thickness, top - 0.3 * em), 1.0)
        at -= _end(bar, over[::-1], right + 0.55 * em, top - 0.65 * em, -1.0)
    foot = bottom + 0.2 * em
    if under:
        bar.cap((left, bottom + 0.3 * em, left + thickness, bottom + 1.0 * em), 0.0)
        foot += 1.1 * em + _end(bar, under, right + 0.55 * em, bottom + 0.65 * em, 1.0)
    above = at + 0.2 * em
    titles = [(bar.colors.detail, 0.9)] if detail else []
    titles.append((bar.colors.title, 1.1))
    # A long title does not push the bar over the surface: it ends where the labels end.
    end = left + widest
    start = min([left, *(round(end - bar.width(*t)) for t in titles)])
    for title, size in titles:
        ink = bar.view.theme.ink if size > 1 else None
        bar.say(title, start, at, size, (0.0, 1.0), ink)
        at -= 1.2 * em
    headed = start - 0.7 * em, at - 0.2 * em, float(width), above
    for k, note in enumerate(remarks):
        y = foot + (k + 0.9) * _LINE * em
        bar.sign(note, (left, y - 0.4 * em, left + thickness, y + 0.4 * em))
        bar.say(note.said(is_terse), right + 0.55 * em, y)
    return [headed, (left - 0.7 * em, above, float(width), foot + below + 0.4 * em)]


def _end(bar: BarPieces, lines: list[str], x: float, y: float, outward: float) -> float:
    """Write what lies beyond an end beside its cap; how much further the lines reach."""
    step = 1.15 * bar.view.em
    for k, line in enumerate(lines):
        bar.say(line, x, y + outward * k * step)
    return step * (len(lines) - 1)


def _lie(bar: BarPieces, remarks: tuple[Note, ...], below: float) -> list[Rect]:
    """Under what reaches `below`, the highest value at the right."""
    em, (width, height) = bar.view.em, bar.view.size
    under, over = ends = bar.ends(is_terse=False)
    aside = [max((bar.width(x) + 1.6 * em for x in lines), default=0.0) for lines in ends]
    length = round(min(0.72 * width, width - 3 * em - sum(aside)))
    left = (width - length) / 2
    left = round(min(max(left, 1.5 * em + aside[0]), width - 1.5 * em - aside[1] - length))
    thickness = round(0.75 * em)
    lines = _LINE * em * len(remarks)
    bottom = round(min(height - 2.1 * em, below + (_AWAY + 3.5) * em + lines))
    top = bottom - thickness
    bar.ramp((left, top, left + length, bottom), upright=False)
    # Ticks keep clear of what is written beside the caps.
    last = left - 1.5 * em if under else -np.inf
    end = left + length + 0.9 * em if over else width
    for position, label in bar.ticks(max(2, min(6, int(length / (3 * em))))):
        x, half = left + position * length, bar.width(label) / 2
        if x - half < last + 0.6 * em or x + half > end:
            continue
        last = x + half
        mark = round(x - bar.rim / 2)
        edge = bottom + bar.rim
        bar.fill((mark, edge, mark + bar.rim, edge + 0.3 * em), bar.view.theme.box)
        bar.say(label, x, edge + 0.45 * em, align=(0.5, 0.0))
    middle = (top + bottom) / 2
    for said, which, x0, at, align in (
        (under, 0.0, left - 1.0 * em, left - 1.3 * em, 1.0),
        (over, 1.0, left + length + 0.3 * em, left + length + 1.3 * em, 0.0),
    ):
        if said:
            bar.cap((x0, top, x0 + 0.7 * em, bottom), which)
        for k, line in enumerate(said):
            y = middle + 1.05 * em * (k - (len(said) - 1) / 2)
            bar.say(line, at, y, align=(align, 0.5))
    y = top - 0.5 * em
    bar.say(bar.colors.title, left, y, 1.1, (0.0, 1.0), bar.view.theme.ink)
    x = left + bar.width(bar.colors.title, 1.1) + 0.6 * em
    if bar.colors.detail:
        bar.say(bar.colors.detail, x, y, 0.9, (0.0, 1.0))
        x += bar.width(bar.colors.detail, 0.9) + 0.6 * em
    y = _flow(bar, remarks, x, left, left + length, y)
    reach = max(aside) + 0.4 * em
    return [(left - reach, y - 1.3 * em, left + length + reach, bottom + 2.1 * em)]


def _flow(
    bar: BarPieces, remarks: tuple[Note, ...], start: float, left: float, right: float, y: float
) -> float:
    """Notes one after the other: at the right of the title if all fit, else in lines above it;
    where the highest line stands."""
    em = bar.view.em
    widths = [bar.width(note.text) + 1.2 * em for note in remarks]
    whole = sum(widths) + 0.8 * em * max(len(remarks) - 1, 0)
    x = right - whole
    if x < start:
        x, y = left, y - _LINE * em
    for note, width in zip(remarks, widths, strict=True):
        if x > left and x + width > right + 1e-6:
            x, y = left, y - _LINE * em
        bar.sign(note, (x, y - 0.75 * em, x + 0.8 * em, y + 0.05 * em))
        bar.say(note.text, x + 1.2 * em, y, align=(0.0, 1.0))
        x += width + 0.8 * em
    return y
