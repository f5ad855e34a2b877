"""Labels of points: the loss of the deepest minima, and of several paths whose end is where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.geometry.minima import Minimum
from isoloss.geometry.playhead import playhead
from isoloss.gl.annotations.axes import AxisLabels
from isoloss.gl.device.drawn_view import View
from isoloss.gl.layers.analysis import minima_points
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.naming import without_middle
from isoloss.scene.appearance import LABELLED_MINIMA
from isoloss.scene.legend import path_name
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.theme import Color, Theme

_RADIUS = 0.5  # em, of a marker
_BESIDE = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""Where a label is tried, seen from its marker: below it first, for the path comes from above."""
_LONGEST = 16  # characters


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
        layout.reserve((x - _RADIUS * em, y - _RADIUS * em, x + _RADIUS * em, y + _RADIUS * em))
    for point, (x, y) in zip(points, places, strict=True):
        width, height = text.measure(point.text, em)
        for across, down in _BESIDE:
            centre = x + across * (0.8 * em + width / 2), y + down * (0.85 * em + height / 2)
            reach = width / 2 + 0.25 * em, height / 2 + 0.15 * em
            rect = (
                centre[0] - reach[0],
                centre[1] - reach[1],
                centre[0] + reach[0],
                centre[1] + reach[1],
            )
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
        trajectory = layer.trajectories[index]
        head = playhead(trajectory, scene.appearance.epoch)
        (point,) = frame.place([head.alpha], [head.beta], [head.loss])
        if trajectory.name and np.isfinite(point).all():
            name = without_middle(path_name(layer, index), lambda part: len(part) <= _LONGEST)
            found.append(Named(name, point, theme.path_color(number)))
    return found
