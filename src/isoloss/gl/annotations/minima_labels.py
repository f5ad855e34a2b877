"""Labels of local minima: the loss of the deepest few beside their markers."""

from __future__ import annotations

from isoloss.geometry.minima import Minimum
from isoloss.gl.annotations.axes import AxisLabels
from isoloss.gl.device.drawn_view import View
from isoloss.gl.layers.analysis import minima_points
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.scene.appearance import LABELLED_MINIMA
from isoloss.scene.scene import Frame

_RADIUS = 0.5  # em, of a marker
_BESIDE = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""Where a label is tried, seen from its marker: below it first, for the path comes from above."""


def minima_labels(
    minima: list[Minimum], view: View, frame: Frame, text: TextPass, layout: AxisLabels
) -> list[Label]:
    """The loss of the deepest few, where `layout` has room for it."""
    labels: list[Label] = []
    some, em = minima[:LABELLED_MINIMA], view.em
    places = [(float(x), float(y)) for x, y, _ in view.pixels(minima_points(some, frame))]
    for x, y in places:
        layout.reserve((x - _RADIUS * em, y - _RADIUS * em, x + _RADIUS * em, y + _RADIUS * em))
    for minimum, (x, y) in zip(some, places, strict=True):
        loss = frame.scale.label(minimum.loss)
        width, height = text.measure(loss, em)
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
                labels.append(Label(loss, *centre, view.theme.ink, halo=halo))
                break
    return labels
