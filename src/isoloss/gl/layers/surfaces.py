"""The lit surface: one vertex buffer for the shape, one for the values that colour it."""

from __future__ import annotations

import ctypes
import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from OpenGL import GL

from isoloss.geometry.arrays import Array
from isoloss.geometry.mesh import DisplayMesh
from isoloss.geometry.simplify import Resolution, flat_blocks, is_worth_it, simplified
from isoloss.gl.device.buffers import Attribute, Buffer, VertexArray
from isoloss.gl.device.drawn_view import View
from isoloss.gl.device.program import OCCLUDED, peeled, shared
from isoloss.scene.colormaps import banded, colormap

VERTEX = np.dtype([("place", "<f4", 3), ("slope", "<f2", 2), ("state", "u1", 4)])
"""Of the shape: x, y and height; its slopes; sky, computed and clamped, and a byte to spare."""
STEEPEST = 6e4
"""Half floats end there: steeper than that is a wall in any light."""
PART = 40_000
"""Triangles that are drawn at once where a frame must not be held up; a software renderer with
multisampling takes about a fortieth of a second for them."""
_SMALLEST_PART = 12_000
_FEWEST_PARTS = 6  # of a few large triangles it is the pixels that take long
_MOST_STRIDES = 8
_MOST_COLORMAPS = 32
_BAND_TONES = 4096  # so that an edge is off by less than a pixel
_UNSEEN = 0.2  # pixels
_RELIEF, _MAP = 0.9, 0.985  # sines of the elevations at which the highlight fades, and is gone


@dataclass(frozen=True)
class Paint:
    """How the values become colours.

    Attributes:
        colormap, reverse: which.
        bands: the edges in (0, 1) between discrete colours; None for smooth ones.
        matte: one tone (r, g, b) instead of colours.
        unlit: from 0, fully shaded, to 1, not at all.
        flat: one normal a facet.
        classes: values are those of classes, with nothing in between.
        occlusion: the size of the occlusion bound to `OCCLUDED`; None where there is none.
        opacity: where what lies nearer is peeled away (`frame.peeling`), how much of what lies
            behind is covered; None where nothing is peeled.
    """

    colormap: str
    reverse: bool = False
    bands: tuple[float, ...] | None = None
    matte: tuple[float, float, float] | None = None
    unlit: float = 0.0
    flat: bool = False
    classes: bool = False
    occlusion: tuple[int, int] | None = None
    opacity: float | None = None


class SurfaceBuffers:
    """The GPU's copy of one displayed mesh.

    Attributes:
        uploads: how often anything of it was brought up to date.
    """

    def __init__(self) -> None:
        self._shape, self._values, self._array = Buffer(), Buffer(), VertexArray()
        self._mesh: DisplayMesh | None = None
        self._colors = np.empty((0, 0), np.float32)
        self._is_fine = False
        self.uploads = 0
        # by stride, or by how closely all is seen -> indices and their number
        self._triangles: dict[int | Resolution, tuple[Buffer, int]] = {}
        size, at = (
            VERTEX.itemsize,
            {k: offset for k, (_, offset, *_) in dict(VERTEX.fields or {}).items()},
        )
        self._array.attach(
            self._shape,
            Attribute(0, 3, at["place"], size),
            Attribute(1, 2, at["slope"], size, half=True),
            Attribute(2, 3, at["state"], size, normalized_bytes=True),
        )
        self._array.attach(self._values, Attribute(3, 1, 0, 4))

    def upload_shape(self, mesh: DisplayMesh) -> None:
        """Replace positions, slopes, occlusion, marks and triangles."""
        vertices = np.zeros(mesh.height.shape, VERTEX)
        place, slope, state = vertices["place"], vertices["slope"], vertices["state"]
        place[..., 0], place[..., 1] = mesh.x[:, None], mesh.y[None, :]
        place[..., 2] = np.nan_to_num(mesh.height)
        for k, along in enumerate((mesh.slope_x, mesh.slope_y)):
            slope[..., k] = np.clip(along, -STEEPEST, STEEPEST)
        for k, fraction in enumerate((mesh.occlusion, mesh.computed, mesh.clamped)):
            state[..., k] = np.abs(fraction) * 255.0 + 0.5
        self._shape.upload(vertices.view(np.uint8))
        self.uploads += 1
        self._mesh, self._is_fine = mesh, is_worth_it(mesh)
        self._drop_triangles()

    def upload_values(self, values: Array) -> None:
        """Replace the positions along the colormap; NaN has no colour."""
        self._colors = np.nan_to_num(values.astype(np.float32), copy=False, nan=-1.0)
        self._values.upload(self._colors)
        self.uploads += 1
        for resolution in [key for key in self._triangles if isinstance(key, Resolution)]:
            self._triangles.pop(resolution)[0].free()

    @property
    def mesh_id(self) -> int:
        """Which mesh this is a copy of."""
        return id(self._mesh)

    def parts(self, budget: int, resolution: Resolution | None = None) -> list[slice]:
        """The triangles that `draw` would draw in pieces none of which takes long."""
        count, most = self._indexed(budget, resolution)[1], PART
        if self._mesh is not None and isinstance(self._kind(budget, resolution), Resolution):
            # The fewer there are of a surface, the larger is each, and the longer it takes.
            most = max(_SMALLEST_PART, PART * count // (6 * self._mesh.height.size))
        step = 3 * min(most, -(-count // (3 * _FEWEST_PARTS)) or 1)
        return [slice(at, min(at + step, count)) for at in range(0, count, step)]

    def draw(
        self, budget: int, part: slice | None = None, resolution: Resolution | None = None
    ) -> None:
        """Draw the triangles between at most about `budget` vertices an axis, or `part` of them.

        Where all are within the budget, `resolution` leaves those out that make no difference.
        """
        buffer, count = self._indexed(budget, resolution)
        first, last = (0, count) if part is None else (part.start, part.stop)
        if buffer is not None and last > first:
            self._array.bind()
            GL.glBindBuffer(GL.GL_ELEMENT_ARRAY_BUFFER, buffer.id)
            at = ctypes.c_void_p(4 * first)
            GL.glDrawElements(GL.GL_TRIANGLES, last - first, GL.GL_UNSIGNED_INT, at)

    def _kind(self, budget: int, resolution: Resolution | None) -> int | Resolution:
        """The stride of a coarser mesh; where all vertices are within the budget, `resolution`."""
        longest = 1 if self._mesh is None else max(self._mesh.height.shape)
        stride = max(1, math.ceil(longest / budget))
        return resolution if resolution is not None and stride == 1 and self._is_fine else stride

    def _indexed(
        self, budget: int, resolution: Resolution | None = None
    ) -> tuple[Buffer | None, int]:
        """The indices of the triangles between so many vertices, and their number."""
        if self._mesh is None:
            return None, 0
        kind = self._kind(budget, resolution)
        if kind not in self._triangles:
            if len(self._triangles) >= _MOST_STRIDES:
                self._drop_triangles()
            if isinstance(kind, Resolution):
                levels = flat_blocks(self._mesh, self._colors, kind)
                triangles = simplified(self._mesh, levels)
            else:
                triangles = self._mesh.triangles(kind)
            self._array.bind()
            buffer = Buffer(GL.GL_ELEMENT_ARRAY_BUFFER)
            buffer.upload(triangles)
            self.uploads += 1
            self._triangles[kind] = (buffer, triangles.size)
        return self._triangles[kind]

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


def resolution_of(view: View, placed: tuple[Array, Array]) -> Resolution:
    """How closely a mesh placed so is seen; the same for cameras about as close."""
    scale, offset = placed
    corners = np.array(list(itertools.product((-1, 1), (-1, 1), (0, 1)))) * scale + offset
    nearest = float((-corners @ view.view[2, :3]).min() - view.view[2, 3])
    depth = 1.0 if view.camera.orthographic else max(nearest, 0.05)
    pixels = 0.5 * view.size[1] * float(view.camera.projection(view.size)[1, 1]) / depth
    steepness = max(float(scale[2]), 1e-3)
    return Resolution(2.0 ** math.floor(math.log2(_UNSEEN / (pixels * steepness))), steepness)


class SurfacePass:
    """Lights and colours surfaces."""

    def __init__(self) -> None:
        self._program, self._quick = shared("surface"), shared("surface_quick")
        self._colormaps: dict[tuple[object, ...], int] = {}

    def draw(
        self,
        buffers: SurfaceBuffers,
        view: View,
        paint: Paint,
        placed: tuple[Array, Array],
        budget: int,
        part: slice | None = None,
        quick: bool = False,
        resolution: Resolution | None = None,
    ) -> None:
        """Draw one surface, scaled and shifted by `placed`, with `budget` vertices an axis.

        `part` is one of `buffers.parts(budget, resolution)`; `quick` lights vertices instead of
        pixels, and leaves ambient occlusion out; `resolution` is as in `buffers.draw`.
        """
        camera, theme = view.camera, view.theme
        right, up, back = (np.asarray(row, np.float64) for row in view.view[:3, :3])
        # The key light comes with the viewer, from over the left shoulder, and never from below.
        key = -0.55 * right + 0.45 * back + np.array([0.0, 0.0, 0.85]) + 0.1 * up
        key /= np.linalg.norm(key)
        GL.glActiveTexture(GL.GL_TEXTURE0)
        self._bind_colormap(paint)
        program = self._quick if quick and not paint.flat else self._program
        if paint.opacity is not None:
            program = peeled(program.name)
        program.use(
            opacity=1.0 if paint.opacity is None else paint.opacity,
            matrix=view.matrix,
            scale=placed[0],
            offset=placed[1],
            colormap=0,
            eye=back if camera.orthographic else camera.eye,
            parallel=camera.orthographic,
            key=key,
            flat=paint.flat,
            classes=paint.classes,
            banded=paint.bands is not None,
            matte=paint.matte or (0.0, 0.0, 0.0),
            matte_share=0.0 if paint.matte is None else 1.0,
            unlit=float(paint.unlit),
            gloss=gloss(float(back[2])),
            uncomputed=theme.uncomputed[:3],
            clamped=theme.clamped[:3],
            hatch=9.0 * view.scale,
            origin=view.origin,
            occluded=OCCLUDED,
            occlusion=0.0 if paint.occlusion is None else 1.0,
            occlusion_scale=np.array(paint.occlusion or (1, 1)) / view.size,
            depth=-view.view[2],
        )
        # Surfaces step back by their slope, so that lines upon them stay whole.
        GL.glEnable(GL.GL_POLYGON_OFFSET_FILL)
        GL.glPolygonOffset(1.0, 1.0)
        # Both triangles of a cell begin at the same corner: where classes meet there are no teeth.
        GL.glProvokingVertex(GL.GL_FIRST_VERTEX_CONVENTION)
        buffers.draw(budget, part, resolution)
        GL.glDisable(GL.GL_POLYGON_OFFSET_FILL)

    def free(self) -> None:
        """Give the memory of the colormaps back."""
        if self._colormaps:
            GL.glDeleteTextures(list(self._colormaps.values()))
        self._colormaps.clear()

    def _bind_colormap(self, paint: Paint) -> None:
        key = (paint.colormap, paint.reverse, paint.bands)
        if key in self._colormaps:
            GL.glBindTexture(GL.GL_TEXTURE_2D, self._colormaps[key])
            return
        if len(self._colormaps) >= _MOST_COLORMAPS:  # levels were dragged: start over
            self.free()
        self._colormaps[key] = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._colormaps[key])
        colors, how = _tones(paint), GL.GL_LINEAR if paint.bands is None else GL.GL_NEAREST
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D,
            0,
            GL.GL_RGB8,
            len(colors),
            1,
            0,
            GL.GL_RGB,
            GL.GL_UNSIGNED_BYTE,
            colors,
        )
        for parameter in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, parameter, how)
        for parameter in (GL.GL_TEXTURE_WRAP_S, GL.GL_TEXTURE_WRAP_T):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, parameter, GL.GL_CLAMP_TO_EDGE)


def _tones(paint: Paint) -> NDArray[np.uint8]:
    """(n, 3) the colours from one end of the scale to the other."""
    if paint.bands is None:
        return np.ascontiguousarray(colormap(paint.colormap)[:: -1 if paint.reverse else 1])
    tones = banded(paint.bands, paint.colormap, paint.reverse)[:, :3]
    middles = (np.arange(_BAND_TONES) + 0.5) / _BAND_TONES
    return np.rint(255 * tones[np.searchsorted(paint.bands, middles)]).astype(np.uint8)


def gloss(steepness: float) -> float:
    """How much of the highlight there is: seen from above, a surface is a map, and a spot of light
    a colour that the scalar bar does not have. `steepness` is the sine of the elevation."""
    return float(np.clip((_MAP - steepness) / (_MAP - _RELIEF), 0.0, 1.0))
