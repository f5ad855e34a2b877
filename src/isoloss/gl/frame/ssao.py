"""Screen-space ambient occlusion: what the horizon baked into a mesh is too coarse to know.

The baked occlusion (`geometry.occlusion`) darkens whole valleys; this one the creases, what lies
behind a ridge, and where surfaces of several layers meet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from OpenGL import GL

from isoloss.gl.device.buffers import VertexArray
from isoloss.gl.device.drawn_view import View
from isoloss.gl.device.program import Program, shared

RADIUS = 0.32
"""How far away surfaces still count, in units of the box, whose sides are 2."""

_FARTHEST = 90.0  # pixels between a point and its farthest sample
_LARGEST = 4096  # pixels a side

DrawDepths = Callable[[Program], None]
"""Draws all surfaces with the program given, whose view is set."""


class OcclusionPass:
    """Works the occlusion of a frame out, at about one value for two device-independent pixels.

    It looks at the whole picture even where only a part of it is to be drawn, so that parts fit
    together, and into buffers without multisampling, so that any target can use it.
    """

    def __init__(self) -> None:
        self._depths = shared("depth")
        self._occlusion = shared("occlusion", vertex="background")
        self._blur = shared("occlusion_blur", vertex="background")
        self._array = VertexArray()
        self._size = (0, 0)
        self._places, self._values = 0, [0, 0]
        self._depth, self._framebuffers = 0, [0, 0, 0]
        self._made_from: object = None

    def update(self, view: View, made_from: object, draw: DrawDepths) -> Iterator[None]:
        """Work it out anew, unless `made_from`, the view's camera and size are those before.

        It is done in pieces, between which the target and its state are those of before.
        """
        key = (made_from, view.camera, view.size, view.scale)
        if key == self._made_from:
            return
        self._made_from = None  # until all of it is done
        self._resize(_size(view))
        yield
        projection = view.camera.projection(view.size)
        parallel = view.camera.orthographic
        with self._apart():
            self._draw_places(view, projection, draw)
        yield
        extent = (1.0 / float(projection[0, 0]), 1.0 / float(projection[1, 1]))
        with self._apart():
            self.fill(
                1, self._places, self._occlusion,
                place=0, extent=extent, parallel=parallel, radius=RADIUS, farthest=_FARTHEST,
            )  # fmt: skip
        yield
        with self._apart():
            self.fill(2, self._values[0], self._blur, occluded=0, step=(1.0, 0.0), radius=RADIUS)
            self.fill(1, self._values[1], self._blur, occluded=0, step=(0.0, 1.0), radius=RADIUS)
        self._made_from = key

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Draw into the own buffers, without blending and depths, then go back."""
        drawn = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))
        viewport = [int(v) for v in GL.glGetIntegerv(GL.GL_VIEWPORT)]
        GL.glDisable(GL.GL_BLEND)
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glViewport(0, 0, *self._size)
        try:
            yield
        finally:
            GL.glBindTexture(GL.GL_TEXTURE_2D, 0)
            GL.glEnable(GL.GL_DEPTH_TEST)
            GL.glEnable(GL.GL_BLEND)
            GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, drawn)
            GL.glViewport(*viewport)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the values."""
        return self._size

    def bind(self, unit: int) -> None:
        """Bind the values, (fraction unoccluded, depth), to a texture unit; they cover it all."""
        GL.glActiveTexture(int(GL.GL_TEXTURE0) + unit)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._values[0])
        GL.glActiveTexture(GL.GL_TEXTURE0)

    def free(self) -> None:
        """Give the memory back."""
        if self._places:
            GL.glDeleteTextures(3, [self._places, *self._values])
            GL.glDeleteRenderbuffers(1, [self._depth])
            GL.glDeleteFramebuffers(3, self._framebuffers)
        self._size, self._places, self._made_from = (0, 0), 0, None

    def _draw_places(self, view: View, projection: np.ndarray, draw: DrawDepths) -> None:
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._framebuffers[0])
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glDepthMask(True)
        GL.glClearColor(0.0, 0.0, 0.0, 0.0)
        GL.glClear(int(GL.GL_COLOR_BUFFER_BIT) | int(GL.GL_DEPTH_BUFFER_BIT))
        parallel = view.camera.orthographic
        self._depths.use(view=view.view, projection=projection, parallel=parallel)
        draw(self._depths)

    def fill(self, framebuffer: int, source: int, program: Program, **uniforms: object) -> None:
        """Every pixel of a buffer, worked out from a texture."""
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._framebuffers[framebuffer])
        GL.glActiveTexture(GL.GL_TEXTURE0)
        GL.glBindTexture(GL.GL_TEXTURE_2D, source)
        program.use(**uniforms)
        self._array.bind()
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)

    def _resize(self, size: tuple[int, int]) -> None:
        if size == self._size:
            return
        self.free()
        self._size = size
        self._places, *self._values = map(int, GL.glGenTextures(3))
        self._depth = int(GL.glGenRenderbuffers(1))
        self._framebuffers = [int(name) for name in GL.glGenFramebuffers(3)]
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, self._depth)
        GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_DEPTH_COMPONENT24, *size)
        kinds = [(GL.GL_RGBA32F, GL.GL_RGBA)] + 2 * [(GL.GL_RG16F, GL.GL_RG)]
        textures = [self._places, *self._values]
        for name, framebuffer, (kind, layout) in zip(
            textures, self._framebuffers, kinds, strict=True
        ):
            GL.glBindTexture(GL.GL_TEXTURE_2D, name)
            GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, kind, *size, 0, layout, GL.GL_FLOAT, None)
            for parameter in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
                GL.glTexParameteri(GL.GL_TEXTURE_2D, parameter, GL.GL_NEAREST)
            GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
            GL.glFramebufferTexture2D(
                GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, name, 0
            )
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._framebuffers[0])
        GL.glFramebufferRenderbuffer(
            GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, GL.GL_RENDERBUFFER, self._depth
        )


def _size(view: View) -> tuple[int, int]:
    """Of the buffers: half the pixels each way, fewer still where they are smaller than usual."""
    divisor = max(2, round(1.25 * view.scale), math.ceil(max(view.size) / _LARGEST))
    return tuple(max(1, -(-n // divisor)) for n in view.size)  # type: ignore[return-value]
