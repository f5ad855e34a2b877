"""Markers as flat shapes in the plane of the picture, as the shader draws them in space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.fills import fan
from isoloss.scene.layer import MarkerShape
from isoloss.scene.theme import Color

_RIM = 1.3  # device-independent pixels, as in space
_HOLLOW = {
    MarkerShape.RING: MarkerShape.DOT,
    MarkerShape.HOLLOW_SQUARE: MarkerShape.SQUARE,
    MarkerShape.HOLLOW_CROSS: MarkerShape.CROSS,
}


def flat_mark(
    view: View,
    centre: tuple[float, float],
    radius: float,
    shape: MarkerShape,
    color: Color,
    outline: Color,
) -> list[NDArray[np.void]]:
    """A marker at a place in pixels; `radius` in device-independent ones."""
    corners = _outline(_HOLLOW.get(shape, shape)) * radius
    grown = corners * (1 + _RIM / np.hypot(*corners.T).max())
    pieces = [(grown, outline), (corners, color)]
    if shape in _HOLLOW:
        pieces.append((0.5 * corners, (*outline[:3], 1.0)))
    return [fan(view, np.array(centre) + view.scale * c, shade) for c, shade in pieces]


def _outline(shape: MarkerShape) -> Array:
    """(n, 2) around a shape of radius 1, x to the right, y downwards."""
    if shape is MarkerShape.STAR:
        radii = np.tile([1.25, 0.56], 5)
        return _around(10) * radii[:, None]
    if shape is MarkerShape.CROSS:
        a, b = 0.36, 1.15
        quarter = np.array([(-a, -b), (a, -b), (a, -a)])
        turn = np.array([(0, 1), (-1, 0)])
        turns = [quarter @ np.linalg.matrix_power(turn, k) for k in range(4)]
        return np.concatenate(turns)
    if shape is MarkerShape.SQUARE:
        return 0.9 * np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    if shape is MarkerShape.DIAMOND:
        return 1.15 * _around(4)
    if shape is MarkerShape.TRIANGLE:
        return 1.2 * _around(3)
    if shape is MarkerShape.TRIANGLE_DOWN:
        return -1.2 * _around(3)
    return _around(24)


def _around(count: int) -> Array:
    """(count, 2) on a circle, the first on top, clockwise."""
    angle = 2 * np.pi * np.arange(count) / count
    return np.column_stack([np.sin(angle), -np.cos(angle)])
