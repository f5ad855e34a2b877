"""Labels of points: the loss of the deepest minima, and of several paths whose end is where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from isoloss.geometry.analysis.minima import Minimum
from isoloss.geometry.arrays import Array
from isoloss.geometry.playhead import playhead
from isoloss.geometry.rect import around
from isoloss.gl.annotations.axes import AxisLabels
from isoloss.gl.device.drawn_view import View
from isoloss.gl.layers.analysis import minima_points
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.scene.appearance import LABELLED_MINIMA
from isoloss.scene.legend import end_name
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.theme import Color, Theme

_RADIUS = 0.5  # em, of a marker
_BESIDE = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""Where a label is tried, seen from its marker: below it first, for the path comes from above."""


@dataclass(frozen=True)
class Named:
    """A point and what is written beside it.

    Attributes:
        place: (3,) in the box.
        ink: of the text.
    """

    text: str
    place: Array
    ink: Color


def point_labels(
    points: list[Named],
    view: View,
    text: TextPass,
    layout: AxisLabels,
    is_hidden: Callable[[Array], bool],
) -> list[Label]:
    """A label beside each of `points`, where `layout` has room for it.

    `is_hidden` says of a place whether a surface hides it: its label is quieter.
    """
    labels: list[Label] = []
    em = view.em
    at = np.array([point.place for point in points]).reshape(-1, 3)
    places = [(float(x), float(y)) for x, y, _ in view.pixels(at)]
    for x, y in places:
        layout.reserve(around(x, y, 2 * _RADIUS * em, 2 * _RADIUS * em))
    for point, (x, y) in zip(points, places, strict=True):
        width, height = text.measure(point.text, em)
        for across, down in _BESIDE:
            centre = x + across * (0.8 * em + width / 2), y + down * (0.85 * em + height / 2)
            rect = around(*centre, width + 0.5 * em, height + 0.3 * em)
            if layout.is_free(rect):
                layout.reserve(rect)
                ink = view.theme.quiet_ink if is_hidden(point.place) else point.ink
                labels.append(Label(point.text, *centre, ink, halo=layout.halo(rect)))
                break
    return labels


def of_minima(minima: list[Minimum], frame: Frame, theme: Theme) -> list[Named]:
    """The loss of the deepest few."""
    some = minima[:LABELLED_MINIMA]
    return [
        Named(frame.scale.label(minimum.loss), point, theme.ink)
        for minimum, point in zip(some, minima_points(some, frame), strict=True)
    ]


def of_ends(scene: Scene, frame: Frame, theme: Theme) -> list[Named]:
    """Where there are several paths with names, the name of each at its last point shown, in its
    colour: ends may lie upon each other."""
    paths = scene.paths if scene.appearance.legend else []
    found: list[Named] = []
    for layer, index, number in paths if len(paths) > 1 else []:
        head = playhead(layer.trajectories[index], scene.appearance.epoch)
        (point,) = frame.place([head.alpha], [head.beta], [head.loss])
        name = end_name(layer, index)
        if name and np.isfinite(point).all():
            found.append(Named(name, point, theme.path_color(number)))
    return found
