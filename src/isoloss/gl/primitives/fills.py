"""Flat coloured shapes: the walls of the box, the scalar bar, cards and plates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from OpenGL import GL

from isoloss.geometry.arrays import Array
from isoloss.geometry.rect import Rect
from isoloss.gl.device.buffers import Attribute, Buffer, VertexArray, joined
from isoloss.gl.device.drawn_view import View
from isoloss.gl.device.program import shared
from isoloss.scene.theme import Color

CORNER = np.dtype([("position", "<f4", 3), ("color", "u1", 4)])


def quad(corners: ArrayLike, color: ArrayLike) -> NDArray[np.void]:
    """Two triangles from (4, 3) corners in order around; `color` one, or (4, 4)."""
    corners = np.asarray(corners, np.float32)
    shades = np.broadcast_to(np.rint(np.asarray(color, np.float64) * 255), (4, 4))
    order = [0, 1, 2, 0, 2, 3]
    records = np.empty(6, CORNER)
    records["position"], records["color"] = corners[order], shades[order]
    return records


def rectangle(view: View, rect: Rect, shade: ArrayLike) -> NDArray[np.void]:
    """A rectangle in pixels from the top left, in clip coordinates.

    `shade` is one colour, or those of the corners from the bottom left around.
    """
    left, top, right, bottom = rect
    corners = np.array([(left, bottom), (right, bottom), (right, top), (left, top)])
    return _patch(view, corners, shade)


def stroke(
    view: View, start: tuple[float, float], end: tuple[float, float], width: float, color: Color
) -> NDArray[np.void]:
    """A straight line between places in pixels, `width` wide, in clip coordinates."""
    a, b = np.array(start), np.array(end)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
    side = 0.5 * width * np.array([-along[1], along[0]])
    return _patch(view, np.array([a - side, b - side, b + side, a + side]), color)


def fan(view: View, corners: Array, shade: Color) -> NDArray[np.void]:
    """The area within (n, 2) corners around their middle, in pixels, in clip coordinates."""
    width, height = view.size
    clip = corners * (2 / width, -2 / height) + (-1, 1)
    middle = np.broadcast_to(clip.mean(axis=0), clip.shape)
    records = np.zeros(3 * len(clip), CORNER)
    triangles = np.stack([middle, clip, np.roll(clip, -1, axis=0)], axis=1)
    records["position"][:, :2] = triangles.reshape(-1, 2)
    records["color"] = np.rint(np.array(shade) * 255)
    return records


def _patch(view: View, corners: Array, shade: ArrayLike) -> NDArray[np.void]:
    width, height = view.size
    clip = corners * (2 / width, -2 / height) + (-1, 1)
    return quad(np.column_stack([clip, np.zeros(4)]), shade)


class FillPass:
    """Draws triangles given in clip or world coordinates."""

    def __init__(self) -> None:
        self._program = shared("fill")
        self._buffer, self._array = Buffer(), VertexArray()
        stride = CORNER.itemsize
        self._array.attach(
            self._buffer,
            Attribute(0, 3, 0, stride),
            Attribute(1, 4, 12, stride, normalized_bytes=True),
        )

    def draw(self, triangles: list[NDArray[np.void]], matrix: ArrayLike) -> None:
        """Draw them now."""
        if not triangles:
            return
        corners = joined(triangles)
        self._buffer.upload(corners.view(np.uint8))
        self._program.use(matrix=matrix)
        self._array.bind()
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, len(corners))
