"""Markers and labels of local minima."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.height import number_label
from isoloss.geometry.minima import Minimum
from isoloss.gl.markers import MARK, marks
from isoloss.gl.text import Label
from isoloss.gl.view import View
from isoloss.scene.appearance import Appearance
from isoloss.scene.layer import MarkerShape, SurfaceLayer
from isoloss.scene.scene import Frame
from isoloss.scene.theme import Theme

Array = NDArray[np.float64]

LABELLED = 3
"""How many of the deepest minima of a surface are labelled."""


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
    minima: list[Minimum],
    view: View,
    frame: Frame,
    measure: Callable[[str, float], tuple[float, float]],
    is_free: Callable[[tuple[float, float, float, float]], bool],
) -> list[Label]:
    """The loss of the deepest few, where there is room for it."""
    labels: list[Label] = []
    taken: list[tuple[float, float, float, float]] = []
    for minimum, (x, y, _) in zip(
        minima[:LABELLED], view.pixels(_points(minima[:LABELLED], frame)), strict=True
    ):
        text = number_label(minimum.loss)
        width, height = measure(text, view.em)
        # Below the marker, for the path mostly comes from above.
        left, top = x - width / 2, y + 0.85 * view.em
        rect = (left - 2, top - 1, left + width + 2, top + height + 1)
        if is_free(rect) and not any(_overlap(rect, other) for other in taken):
            taken.append(rect)
            labels.append(Label(text, x, top, view.theme.ink, (0.5, 0.0)))
    return labels


def _points(minima: list[Minimum], frame: Frame) -> Array:
    """(n, 3) in the box."""
    places = ([getattr(m, k) for m in minima] for k in ("alpha", "beta", "loss"))
    return frame.place(*places).reshape(-1, 3)


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
