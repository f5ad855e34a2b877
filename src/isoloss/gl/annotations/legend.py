"""The legend: which path is whose, where a picture shows several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.rect import Rect
from isoloss.gl.device.buffers import joined
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.fills import rectangle
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.naming import drawable, in_one_line, without_middle
from isoloss.scene.layer import SurfaceLayer

_LONGEST = 28  # characters


@dataclass(frozen=True)
class Legend:
    """A laid out legend.

    Attributes:
        triangles: in clip coordinates.
        labels: one for each path.
    """

    triangles: list[NDArray[np.void]]
    labels: list[Label]


def legend(
    view: View, text: TextPass, shown: list[SurfaceLayer], is_free: Callable[[Rect], bool]
) -> Legend | None:
    """A line for each path in a corner; None for a single path, which needs no name.

    `is_free` says whether a rectangle in pixels holds nothing else yet.
    """
    entries = [
        (path_name(layer, index), view.theme.path_color(index))
        for layer in shown
        for index, _ in layer.shown_trajectories
    ]
    em, line, stroke = view.em, 1.5 * view.em, 1.8 * view.em
    size = (
        stroke + 0.6 * em + max((text.measure(name, em)[0] for name, _ in entries), default=0.0),
        line * len(entries),
    )
    if len(entries) < 2 or size[0] > view.size[0] / 2 or size[1] > view.size[1] / 2:
        return None
    left, top = _corner(view, size, is_free)
    triangles, labels = [], []
    for k, (name, color) in enumerate(entries):
        y = top + (k + 0.5) * line
        for half, shade in ((2.5, view.theme.path_casing), (1.2, color)):
            reach, edge = half * view.scale, (half - 1.2) * view.scale
            bar = (left - edge, y - reach, left + stroke + edge, y + reach)
            triangles.append(rectangle(view, bar, shade))
        labels.append(Label(name, left + stroke + 0.6 * em, y, view.theme.ink, (0.0, 0.5)))
    return Legend([joined(triangles)], labels)


def _corner(
    view: View, size: tuple[float, float], is_free: Callable[[Rect], bool]
) -> tuple[float, float]:
    """Left and top in the first corner that is free: at the bottom, or at the top right."""
    margin = 1.4 * view.em
    right, bottom = view.size[0] - margin - size[0], view.size[1] - 0.8 * margin - size[1]
    corners = [(margin, bottom), (right, bottom), (right, 0.8 * margin)]
    free = (c for c in corners if is_free((c[0], c[1], c[0] + size[0], c[1] + size[1])))
    return next(free, corners[0])


def path_name(layer: SurfaceLayer, index: int) -> str:
    """What a trajectory is called in a legend."""
    name = in_one_line(drawable(layer.trajectories[index].name)) or f"Trajectory {index + 1}"
    return without_middle(name, lambda part: len(part) <= _LONGEST)
