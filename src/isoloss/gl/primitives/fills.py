"""Plain coloured triangles: the walls of the box, the scalar bar, the plate of the floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from OpenGL import GL

from isoloss.gl.device.buffers import Attribute, Buffer, VertexArray, joined
from isoloss.gl.device.program import Program

CORNER = np.dtype([("position", "<f4", 3), ("color", "u1", 4)])


def quad(corners: ArrayLike, color: ArrayLike) -> NDArray[np.void]:
    """Two triangles from (4, 3) corners in order around; `color` one, or (4, 4)."""
    corners = np.asarray(corners, np.float32)
    shades = np.broadcast_to(np.rint(np.asarray(color, np.float64) * 255), (4, 4))
    order = [0, 1, 2, 0, 2, 3]
    records = np.empty(6, CORNER)
    records["position"], records["color"] = corners[order], shades[order]
    return records


class FillPass:
    """Draws triangles given in clip or world coordinates."""

    def __init__(self) -> None:
        self._program = Program("fill")
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
