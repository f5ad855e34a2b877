"""Markers and labels of local minima."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.height import number_label
from isoloss.geometry.minima import Minimum
from isoloss.gl.annotations.axes import AxisLabels
from isoloss.gl.device.view import View
from isoloss.gl.primitives.markers import MARK, marks
from isoloss.gl.primitives.text import Label, TextPass
from isoloss.scene.appearance import LABELLED_MINIMA, Appearance
from isoloss.scene.layer import MarkerShape, SurfaceLayer
from isoloss.scene.scene import Frame
from isoloss.scene.theme import Theme

Array = NDArray[np.float64]

_RADIUS = 0.5  # em, of a marker
_BESIDE = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""Where a label is tried, seen from its marker: below it first, for the path comes from above."""


def shown_minima(layer: SurfaceLayer, look: Appearance, frame: Frame) -> list[Minimum]:
    """Those deep enough to be marked, the deepest first."""
    if not look.minima:
        return []
    return layer.deep_minima(frame.scale, look.minima_persistence)


def minima_marks(minima: list[Minimum], frame: Frame, theme: Theme) -> NDArray[np.void]:
    """A triangle that points down at each, smaller where it may be noise; in the box of gain 1."""
    if not minima:
        return np.empty(0, MARK)
    doubtful = np.array([m.is_within_noise for m in minima])
    colors = np.tile(np.array(theme.minimum), (len(minima), 1))
    colors[doubtful, 3] = 0.45
    radii = np.where(doubtful, 4.6, 6.4)
    shape = MarkerShape.TRIANGLE_DOWN.value
    return marks(_points(minima, Frame(frame.alpha, frame.beta, frame.scale)), radii, shape, colors)


def minima_labels(
    minima: list[Minimum], view: View, frame: Frame, text: TextPass, layout: AxisLabels
) -> list[Label]:
    """The loss of the deepest few, where `layout` has room for it."""
    labels: list[Label] = []
    some, em = minima[:LABELLED_MINIMA], view.em
    places = [(float(x), float(y)) for x, y, _ in view.pixels(_points(some, frame))]
    for x, y in places:
        layout.reserve((x - _RADIUS * em, y - _RADIUS * em, x + _RADIUS * em, y + _RADIUS * em))
    for minimum, (x, y) in zip(some, places, strict=True):
        told = number_label(minimum.loss)
        width, height = text.measure(told, em)
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
                halo = layout.halo(rect)
                labels.append(Label(told, *centre, view.theme.ink, halo=halo))
                break
    return labels


def _points(minima: list[Minimum], frame: Frame) -> Array:
    """(n, 3) in the box."""
    places = ([getattr(m, k) for m in minima] for k in ("alpha", "beta", "loss"))
    return frame.place(*places).reshape(-1, 3)
