"""The lit surface: one vertex buffer for the shape, one for the values that colour it."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from OpenGL import GL

from isoloss.geometry.mesh import DisplayMesh
from isoloss.gl.buffers import Attribute, Buffer, VertexArray
from isoloss.gl.program import Program
from isoloss.gl.view import View
from isoloss.scene.colormaps import colormap

_FLOAT = 4
_SHAPE_FLOATS = 8


@dataclass(frozen=True)
class Paint:
    """How the values become colours.

    Attributes:
        colormap, reverse: which.
        bands: discrete colours, 0 for smooth ones.
        matte: one tone (r, g, b) instead of colours.
        unlit: from 0, fully shaded, to 1, not at all.
        flat: one normal a facet.
    """

    colormap: str
    reverse: bool = False
    bands: int = 0
    matte: tuple[float, float, float] | None = None
    unlit: float = 0.0
    flat: bool = False


class SurfaceBuffers:
    """The GPU's copy of one displayed mesh."""

    def __init__(self) -> None:
        self._shape, self._values, self._array = Buffer(), Buffer(), VertexArray()
        self._mesh: DisplayMesh | None = None
        self._triangles: dict[int, tuple[Buffer, int]] = {}  # stride -> indices and their number
        stride = _SHAPE_FLOATS * _FLOAT
        self._array.attach(
            self._shape,
            Attribute(0, 3, 0, stride, per_instance=False),
            Attribute(1, 2, 3 * _FLOAT, stride, per_instance=False),
            Attribute(2, 3, 5 * _FLOAT, stride, per_instance=False),
        )
        self._array.attach(self._values, Attribute(3, 1, 0, _FLOAT, per_instance=False))

    def upload_shape(self, mesh: DisplayMesh) -> None:
        """Replace positions, slopes, occlusion, marks and triangles."""
        rows, columns = mesh.height.shape
        vertices = np.empty((rows, columns, _SHAPE_FLOATS), np.float32)
        vertices[..., 0], vertices[..., 1] = mesh.x[:, None], mesh.y[None, :]
        vertices[..., 2] = np.nan_to_num(mesh.height)
        vertices[..., 3], vertices[..., 4] = mesh.slope_x, mesh.slope_y
        vertices[..., 5] = mesh.occlusion
        vertices[..., 6], vertices[..., 7] = mesh.computed, mesh.clamped
        self._shape.upload(vertices)
        self._mesh = mesh
        self._drop_triangles()

    def upload_values(self, values: NDArray[np.float64]) -> None:
        """Replace the positions along the colormap; NaN has no colour."""
        self._values.upload(np.nan_to_num(values, nan=-1.0).astype(np.float32))

    def draw(self, budget: int) -> None:
        """Draw the triangles between at most about `budget` vertices an axis."""
        if self._mesh is None:
            return
        stride = max(1, math.ceil(max(self._mesh.height.shape) / budget))
        self._array.bind()
        if stride not in self._triangles:
            if len(self._triangles) > 4:
                self._drop_triangles()
            buffer, triangles = Buffer(GL.GL_ELEMENT_ARRAY_BUFFER), self._mesh.triangles(stride)
            buffer.upload(triangles)
            self._triangles[stride] = (buffer, triangles.size)
        buffer, count = self._triangles[stride]
        if count:
            GL.glBindBuffer(GL.GL_ELEMENT_ARRAY_BUFFER, buffer.id)
            GL.glDrawElements(GL.GL_TRIANGLES, count, GL.GL_UNSIGNED_INT, ctypes.c_void_p(0))

    def _drop_triangles(self) -> None:
        for buffer, _ in self._triangles.values():
            buffer.free()
        self._triangles.clear()

    def free(self) -> None:
        """Give the memory back."""
        self._drop_triangles()
        for buffer in (self._shape, self._values):
            buffer.free()
        self._array.free()


class SurfacePass:
    """Lights and colours surfaces."""

    def __init__(self) -> None:
        self._program = Program("surface")
        self._colormaps: dict[tuple[str, bool], int] = {}

    def draw(
        self,
        buffers: SurfaceBuffers,
        view: View,
        paint: Paint,
        placed: tuple[NDArray[np.float64], NDArray[np.float64]],
        budget: int,
    ) -> None:
        """Draw one surface, scaled and shifted by `placed`, with `budget` vertices an axis."""
        camera, theme = view.camera, view.theme
        right, up, back = (np.asarray(row, np.float64) for row in view.view[:3, :3])
        # The key light comes with the viewer, from over the left shoulder, and never from below.
        key = -0.55 * right + 0.45 * back + np.array([0.0, 0.0, 0.85]) + 0.1 * up
        key /= np.linalg.norm(key)
        GL.glActiveTexture(GL.GL_TEXTURE0)
        self._bind_colormap(paint.colormap, paint.reverse)
        self._program.use(
            matrix=view.matrix,
            scale=placed[0],
            offset=placed[1],
            colormap=0,
            eye=back if camera.orthographic else camera.eye,
            parallel=camera.orthographic,
            key=key,
            flat=paint.flat,
            bands=paint.bands,
            matte=paint.matte or (0.0, 0.0, 0.0),
            matte_share=0.0 if paint.matte is None else 1.0,
            unlit=float(paint.unlit),
            uncomputed=theme.uncomputed[:3],
            clamped=theme.clamped[:3],
            hatch=9.0 * view.scale,
        )
        # Surfaces step back by their slope, so that lines upon them stay whole.
        GL.glEnable(GL.GL_POLYGON_OFFSET_FILL)
        GL.glPolygonOffset(1.0, 1.0)
        buffers.draw(budget)
        GL.glDisable(GL.GL_POLYGON_OFFSET_FILL)

    def _bind_colormap(self, name: str, reverse: bool) -> None:
        key = (name, reverse)
        if key in self._colormaps:
            GL.glBindTexture(GL.GL_TEXTURE_2D, self._colormaps[key])
            return
        self._colormaps[key] = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._colormaps[key])
        colors = np.ascontiguousarray(colormap(name)[:: -1 if reverse else 1])
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, GL.GL_RGB8, 256, 1, 0, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, colors
        )
        for parameter in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, parameter, GL.GL_LINEAR)
        for parameter in (GL.GL_TEXTURE_WRAP_S, GL.GL_TEXTURE_WRAP_T):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, parameter, GL.GL_CLAMP_TO_EDGE)
