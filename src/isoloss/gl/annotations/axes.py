"""The box around the surface: far walls, grid, ticks, and labels that do not collide."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.rect import Rect, is_free, overlap
from isoloss.geometry.ticks import Tick, nice_ticks
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.fills import quad
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.gl.primitives.lines import segments
from isoloss.scene.camera import Camera
from isoloss.scene.scene import FLOOR, Frame
from isoloss.scene.theme import Color

NARROW = 32.0
"""Em: a picture less wide has no room for all that is told of an axis."""
_TICK = 0.035  # length of tick marks, in the box's units
_END_ON = 0.26  # sine of the angle between the line of sight and an edge
_MAP = 75.0  # degrees: seen from so high there is no axis of losses
_APART = 1.1  # em between numbers of two axes that stand in one line


@dataclass(frozen=True)
class Sides:
    """Which walls are near, each -1 or 1.

    Attributes:
        x, y: of the walls towards the eye; the others are drawn.
        labelled: x and y of the floor's edges that have the labels.
    """

    x: float
    y: float
    labelled: tuple[float, float]

    @classmethod
    def of(cls, camera: Camera) -> Sides:
        """Labelled are the edges that lie outermost on the screen."""
        azimuth = math.radians(camera.azimuth)
        across, along = math.sin(azimuth), math.cos(azimuth)
        x, y = 1.0 if across > 1e-6 else -1.0, -1.0 if along > -1e-6 else 1.0
        below = camera.elevation < -1e-6
        label_x, label_y = (-x, -y) if below else (x, y)
        if camera.elevation < _MAP:
            # An edge that leads away from the eye is upright: not beside the losses, left.
            label_x = math.copysign(1.0, along) if abs(across) < _END_ON else label_x
            label_y = math.copysign(1.0, across) if abs(along) < _END_ON else label_y
        return cls(x, y, (label_x, label_y))


@dataclass(frozen=True)
class AxisTicks:
    """Ticks of the three axes: places in the box and labels."""

    x: list[tuple[float, str]]
    y: list[tuple[float, str]]
    z: list[tuple[float, str]]

    @classmethod
    def of(cls, frame: Frame) -> AxisTicks:
        """Round values inside the frame."""

        def place(ticks: list[Tick], span: tuple[float, float]) -> list[tuple[float, str]]:
            width = span[1] - span[0]
            if not width:  # a single row lies in the middle
                return [(0.0, t.label) for t in ticks]
            return [(2 * (t.value - span[0]) / width - 1, t.label) for t in ticks]

        heights = frame.scale.ticks(6)
        z = frame.scale.apply([t.value for t in heights]) * frame.top
        return cls(
            place(nice_ticks(*frame.alpha, 5), frame.alpha),
            place(nice_ticks(*frame.beta, 5), frame.beta),
            [(float(at), t.label) for at, t in zip(z, heights, strict=True)],
        )


def walls(sides: Sides, view: View, top: float) -> list[NDArray[np.void]]:
    """The floor and the two far walls, faintly."""
    fx, fy, color = -sides.x, -sides.y, view.theme.wall
    corners = [
        [(-1, -1, FLOOR), (1, -1, FLOOR), (1, 1, FLOOR), (-1, 1, FLOOR)],
        [(fx, -1, FLOOR), (fx, 1, FLOOR), (fx, 1, top), (fx, -1, top)],
        [(-1, fy, FLOOR), (1, fy, FLOOR), (1, fy, top), (-1, fy, top)],
    ]
    return [quad(c, color) for c in corners]


def box_segments(sides: Sides, ticks: AxisTicks, view: View, top: float) -> NDArray[np.void]:
    """Grid lines on the far walls and the floor, the edges between them, and tick marks."""
    fx, fy = -sides.x, -sides.y
    nx, ny = sides.labelled
    grid: list[tuple[tuple[float, float, float], tuple[float, float, float]]] = []
    for x, _ in ticks.x:
        grid += [((x, -1, FLOOR), (x, 1, FLOOR)), ((x, fy, FLOOR), (x, fy, top))]
    for y, _ in ticks.y:
        grid += [((-1, y, FLOOR), (1, y, FLOOR)), ((fx, y, FLOOR), (fx, y, top))]
    for z, _ in ticks.z:
        grid += [((fx, -1, z), (fx, 1, z)), ((-1, fy, z), (1, fy, z))]
    edges = [
        ((-1, -1, FLOOR), (1, -1, FLOOR)),
        ((1, -1, FLOOR), (1, 1, FLOOR)),
        ((1, 1, FLOOR), (-1, 1, FLOOR)),
        ((-1, 1, FLOOR), (-1, -1, FLOOR)),
        *(
            ((x, y, FLOOR), (x, y, top))
            for x, y in {(fx, fy), (fx, -fy), (-fx, fy), height_edge(view, top)}
        ),
        ((fx, -1, top), (fx, 1, top)),
        ((-1, fy, top), (1, fy, top)),
    ]
    edges += [((x, ny, FLOOR), (x, ny * (1 + _TICK), FLOOR)) for x, _ in ticks.x]
    edges += [((nx, y, FLOOR), (nx * (1 + _TICK), y, FLOOR)) for y, _ in ticks.y]
    lines = np.array(grid + edges)
    colors = [view.theme.grid] * len(grid) + [view.theme.box] * len(edges)
    return segments(lines[:, 0], lines[:, 1], np.array(colors))


def height_edge(view: View, top: float) -> tuple[float, float]:
    """x and y of the upright edge that is leftmost on the screen: the loss is read there."""
    corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)]
    middles = np.array([(x, y, (FLOOR + top) / 2) for x, y in corners])
    return corners[int(np.argmin(view.pixels(middles)[:, 0]))]


class AxisLabels:
    """Places tick labels and titles along the edges of the box, where there is room.

    Args:
        halo: what is to surround a text in a rectangle, if anything.
    """

    def __init__(
        self, view: View, text: TextPass, halo: Callable[[Rect], Color | None] | None = None
    ) -> None:
        self._view, self._text, self._halo = view, text, halo
        self._taken: list[Rect] = []
        self._reserved: list[Rect] = []
        self._numbers: list[Rect] = []
        self.labels: list[Label] = []

    def reserve(self, rect: Rect) -> None:
        """Keep `rect` (left, top, right, bottom) free of labels."""
        self._taken.append(rect)
        self._reserved.append(rect)

    def halo(self, rect: Rect) -> Color | None:
        """What is to surround a text in `rect`."""
        return self._halo(rect) if self._halo is not None else None

    def is_free(self, rect: Rect) -> bool:
        """Whether nothing has been placed in `rect` yet."""
        return is_free(rect, self._taken)

    def lay_out(
        self, frame: Frame, ticks: AxisTicks, sides: Sides, titles: tuple[str, str, str]
    ) -> None:
        """Fill `labels` for the three axes."""
        nx, ny = sides.labelled
        middles = [
            self._floor_axis(
                np.array([(x, ny, FLOOR) for x, _ in ticks.x]).reshape(-1, 3),
                [label for _, label in ticks.x],
                np.array([(-1.0, ny, FLOOR), (1.0, ny, FLOOR)]),
                np.array([0.0, ny, 0.0]),
            ),
            self._floor_axis(
                np.array([(nx, y, FLOOR) for y, _ in ticks.y]).reshape(-1, 3),
                [label for _, label in ticks.y],
                np.array([(nx, -1.0, FLOOR), (nx, 1.0, FLOOR)]),
                np.array([nx, 0.0, 0.0]),
            ),
        ]
        self._height_axis(ticks.z, frame.top, titles[2])
        for middle, title in zip(middles, titles[:2], strict=True):
            if middle is not None:
                self._title(title, *middle)

    def _floor_axis(
        self, points: Array, texts: list[str], edge: Array, outward: Array
    ) -> tuple[Array, Array] | None:
        """Label the ticks; where beside them the title goes, and which way is away from the edge.

        None where the axis is seen from its end, and has no labels.
        """
        ends = self._view.pixels(edge)[:, :2]
        along = ends[1] - ends[0]
        length = float(np.hypot(*along))
        if length < min(8 * self._view.em, 0.2 * min(self._view.size)) or not texts:
            return None
        middle = edge.mean(axis=0, keepdims=True)
        inner, outer = self._view.pixels(np.concatenate([middle, middle + 0.1 * outward]))[:, :2]
        out = outer - inner
        normal = np.array([-along[1], along[0]]) / length
        if np.hypot(*out) < 1e-3 * self._view.em:
            out = np.array([0.0, 1.0])
        # Straight away from the edge reads better than along the foreshortened tick.
        away = normal * np.sign(np.dot(normal, out) or 1.0)
        out = away + 0.6 * out / max(np.hypot(*out), 1e-9)
        out /= np.hypot(*out)
        anchors = self._view.pixels(points + _TICK * outward)[:, :2]
        extent = self._tick_labels(anchors, texts, out)
        return (ends[0] + ends[1]) / 2 + out * (
            extent + 0.75 * self._view.em + _TICK * length / 2
        ), out

    def _title(self, title: str, beside: Array, out: Array) -> None:
        """As much of `title` as there is room for."""
        em, size = self._view.em, np.array(self._view.size)
        full = self._title_at(title, beside, out)
        free = is_free(_rect(*full, 0.2 * em), self._taken)
        within = bool((np.abs(full[0] - size / 2) <= size / 2 - np.array(full[1]) / 2).all())
        if size[0] < NARROW * em and not (free and within):
            title = shortened(title)
            full = self._title_at(title, beside, out)
        centre, half = full[0], np.array(full[1]) / 2 + 0.4 * em
        if ((centre > -half) & (centre < size + half)).all():
            # Partly in sight: pushed back from the edge of the picture.
            centre = np.clip(centre, half, np.maximum(size - half, half))
        self._add(title, centre, self._view.theme.ink, 1.1, force=True)

    def _title_at(self, title: str, beside: Array, out: Array) -> tuple[Array, tuple[float, float]]:
        """The centre and the size of `title` right beside a point, away from the edge."""
        width, height = self._text.measure(title, self._view.em, 1.1)
        return beside + out * 0.5 * (abs(out[0]) * width + abs(out[1]) * height), (width, height)

    def _tick_labels(self, anchors: Array, texts: list[str], out: Array) -> float:
        """Place every k-th label with the smallest k that keeps them apart; how far they reach."""
        em = self._view.em
        sizes = [self._text.measure(t, em) for t in texts]
        centres, extent = [], 0.0
        for anchor, (width, height) in zip(anchors, sizes, strict=True):
            reach = 0.45 * em + 0.5 * (abs(out[0]) * width + abs(out[1]) * height)
            centres.append(anchor + out * reach)
            extent = max(extent, 2 * reach - 0.45 * em)
        rects = [_rect(c, s, 0.35 * em) for c, s in zip(centres, sizes, strict=True)]
        step = 1
        while step < len(rects) and any(
            overlap(a, b) for a, b in zip(rects[::step], rects[step::step], strict=False)
        ):
            step += 1
        middle, before = anchors.mean(axis=0), len(self._taken)
        for k in range(0, len(texts), step):
            seen = self._in_sight(centres[k], sizes[k], anchors[k])
            if seen is None:
                continue
            centre = self._apart(seen, sizes[k], middle - anchors[k])
            if centre is not None:
                self._add(texts[k], centre, self._view.theme.quiet_ink)
        self._numbers += self._taken[before:]
        return extent

    def _in_sight(self, centre: Array, size: tuple[float, float], anchor: Array) -> Array | None:
        """`centre`, pushed back from the edge of the picture; None where what is there is not to be
        seen."""
        picture, half = np.array(self._view.size), np.array(size) / 2 + 1
        within = np.clip(centre, half, np.maximum(picture - half, half))
        is_seen = ((anchor >= 0) & (anchor <= picture)).all()
        return within if is_seen or (within == centre).all() else None

    def _apart(self, centre: Array, size: tuple[float, float], inward: Array) -> Array | None:
        """`centre`, or a little further in where the number of another axis stands beside it.

        At a corner two numbers in one line would read as one; None where they cannot be parted.
        """
        em = self._view.em
        step = 0.25 * em * inward / max(float(np.hypot(*inward)), 1e-9)
        for moved in (centre + k * step for k in range(5)):
            left, top, right, bottom = _rect(moved, size, 0.0)
            if is_free((left - _APART * em, top, right + _APART * em, bottom), self._numbers):
                return moved
        return None

    def _height_axis(self, ticks: list[tuple[float, str]], top: float, title: str) -> None:
        em = self._view.em
        x, y = height_edge(self._view, top)
        foot, head = self._view.pixels(np.array([(x, y, FLOOR), (x, y, top)]))[:, :2]
        if np.hypot(*(head - foot)) < 3 * em:
            return  # seen from above
        anchors = self._view.pixels(np.array([(x, y, z) for z, _ in ticks]).reshape(-1, 3))[:, :2]
        self._tick_labels(anchors, [label for _, label in ticks], np.array([-1.0, 0.0]))
        extent = self._text.measure(title, em, 1.1)
        above = self._in_sight(head + np.array([0.0, -1.15 * em]), extent, head)
        if above is not None:
            self._add(title, above, self._view.theme.ink, 1.1)

    def _add(
        self,
        text: str,
        centre: Array,
        color: Color,
        size: float = 1.0,
        force: bool = False,
    ) -> None:
        extent = self._text.measure(text, self._view.em, size)
        rect = _rect(centre, extent, 0.0)
        # Two numbers side by side would read as one.
        wanted, occupied = (
            (rect, self._reserved)
            if force
            else (_rect(centre, extent, 0.25 * self._view.em), self._taken)
        )
        if not is_free(wanted, occupied):
            return
        self._taken.append(rect)
        x, y = float(centre[0]), float(centre[1])
        self.labels.append(Label(text, x, y, color, size=size, halo=self.halo(rect)))


def shortened(title: str) -> str:
    """The title of an axis without what is told of it in brackets."""
    return title.split(" (")[0]


def _rect(centre: Array, size: tuple[float, float], margin: float) -> Rect:
    half = (size[0] / 2 + margin, size[1] / 2 + margin)
    x, y = float(centre[0]), float(centre[1])
    return x - half[0], y - half[1], x + half[0], y + half[1]
