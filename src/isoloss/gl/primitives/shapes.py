"""Flat shapes given in pixels from the top left, as triangles in clip coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.geometry.rect import Rect
from isoloss.gl.device.view import View
from isoloss.gl.primitives.fills import quad
from isoloss.scene.theme import Color

Point = tuple[float, float]


def rectangle(view: View, rect: Rect, shade: ArrayLike) -> NDArray[np.void]:
    """One; `shade` is one colour, or those of the corners from the bottom left around."""
    left, top, right, bottom = rect
    corners = np.array([(left, bottom), (right, bottom), (right, top), (left, top)])
    return _patch(view, corners, shade)


def stroke(view: View, start: Point, end: Point, width: float, color: Color) -> NDArray[np.void]:
    """A straight line, `width` pixels wide."""
    a, b = np.array(start), np.array(end)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
    side = 0.5 * width * np.array([-along[1], along[0]])
    return _patch(view, np.array([a - side, b - side, b + side, a + side]), color)


def _patch(view: View, corners: NDArray[np.float64], shade: ArrayLike) -> NDArray[np.void]:
    width, height = view.size
    clip = corners * (2 / width, -2 / height) + (-1, 1)
    return quad(np.column_stack([clip, np.zeros(4)]), shade)
