"""Surfaces that one can see through, in their right order at every pixel, however they cross.

Depth peeling (Everitt 2001, "Interactive Order-Independent Transparency"): sheet after sheet is
drawn from the nearest on, each without what lies no farther than the one before it. Lines and
markers go into the slab between two sheets in which they lie, so that each is covered by just what
is in front of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from OpenGL import GL

from isoloss.gl.device.buffers import VertexArray
from isoloss.gl.device.drawn_view import Part, View
from isoloss.gl.device.program import NEARER, Program, peeled
from isoloss.gl.primitives.cased_strokes import Strokes
from isoloss.gl.primitives.lines import LinePass
from isoloss.gl.primitives.markers import MarkerPass

MOST_SHEETS, QUICK_SHEETS = 16, 4
"""At a pixel; what lies behind so many is left out."""
_FINE_PIXELS = 8_400_000
_FINE = 2
"""Pixels of a sheet to one of the picture, each way, in place of multisampling; up to so many."""
_NEGLIGIBLE = 2e-5
"""So small a share of the pixels shows nothing that lies behind it."""

Draw = Callable[[View], Iterator[None]]
"""Draws something into the buffers that are bound, in pieces none of which takes long."""


@dataclass(frozen=True)
class Peeled:
    """What is drawn: what hides, of which only the depths are taken, all sheets, and all lines."""

    opaque: Draw
    sheets: Draw
    lines: Draw


class PeelingPass:
    """Draws sheets and what lies between them, and lays all of it over a picture.

    Attributes:
        strokes: what lines and markers are to be drawn with.
    """

    def __init__(self) -> None:
        self.strokes = Strokes(LinePass(peeled("line")), MarkerPass(peeled("marker")))
        self._lay, self._array = Program("lay", vertex="background"), VertexArray()
        self._size = (0, 0)
        self._sheet = self._sum = self._opaque = self._front = self._back = 0
        self._drawing, self._summing, self._hiding = (int(n) for n in GL.glGenFramebuffers(3))

    def draw(self, view: View, drawn: Peeled, most: int, *, fine: bool) -> Iterator[None]:
        """Lay all over what is being drawn; between the pieces anything else may be.

        Args:
            most: sheets at a pixel.
            fine: with more pixels than the picture has, where that is in place of multisampling.
        """
        factor = _FINE if fine and _is_small(view) else 1
        view = _enlarged(view, factor)
        self._resize(view.drawn)
        self._clear_all()
        yield from self._take_depths(drawn.opaque, view)
        for k in range(most + 1):
            self._begin_sheet()
            yield
            is_last = k == most or (yield from self._draw_sheet(drawn.sheets, view)) < _NEGLIGIBLE
            self.strokes.shows_hidden = is_last
            yield from self._draw_slab(drawn.lines, view)
            if is_last:
                break
            self._front, self._back = self._back, self._front
            yield
        self._lay_over(self._sum, factor)

    def free(self) -> None:
        """Give the memory of the buffers back."""
        if self._sheet:
            textures = [self._sheet, self._sum, self._opaque, self._front, self._back]
            GL.glDeleteTextures(len(textures), textures)
        self._size, self._sheet = (0, 0), 0

    # -- the steps -------------------------------------------------------------------------------

    def _clear_all(self) -> None:
        """No sheet has been peeled yet, and nothing hides anything."""
        for depths, value in ((self._opaque, 1.0), (self._back, 0.0)):
            with self._into(depths):
                GL.glClearDepth(value)
                GL.glClear(GL.GL_DEPTH_BUFFER_BIT)
                GL.glClearDepth(1.0)
        with self._bound(self._summing):
            GL.glClearColor(0.0, 0.0, 0.0, 0.0)
            GL.glClear(GL.GL_COLOR_BUFFER_BIT)

    def _take_depths(self, draw: Draw, view: View) -> Iterator[None]:
        pieces, done = draw(view), False
        while not done:
            with self._into(self._opaque):
                GL.glColorMask(False, False, False, False)
                done = next(pieces, self) is self
                GL.glColorMask(True, True, True, True)
            yield

    def _begin_sheet(self) -> None:
        """Begin with the depths of what hides."""
        with self._into(self._front):
            GL.glClearColor(0.0, 0.0, 0.0, 0.0)
            GL.glClear(GL.GL_COLOR_BUFFER_BIT)
            GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._hiding)
            w, h = self._size
            GL.glBlitFramebuffer(0, 0, w, h, 0, 0, w, h, GL.GL_DEPTH_BUFFER_BIT, GL.GL_NEAREST)

    def _draw_sheet(self, draw: Draw, view: View) -> Generator[None, None, float]:
        """Draw the nearest of what is left; returns on which share of the pixels there is any."""
        pieces, done, queries = draw(view), False, list[int]()
        while not done:
            with self._into(self._front):
                GL.glDisable(GL.GL_BLEND)
                queries.append(int(GL.glGenQueries(1)[0]))
                GL.glBeginQuery(GL.GL_SAMPLES_PASSED, queries[-1])
                done = next(pieces, self) is self
                GL.glEndQuery(GL.GL_SAMPLES_PASSED)
                GL.glEnable(GL.GL_BLEND)
            yield
        found = sum(int(GL.glGetQueryObjectuiv(query, GL.GL_QUERY_RESULT)) for query in queries)
        GL.glDeleteQueries(len(queries), queries)
        return found / (self._size[0] * self._size[1])

    def _draw_slab(self, draw: Draw, view: View) -> Iterator[None]:
        """Draw the lines before the sheet, and put both below what has been summed."""
        pieces, done = draw(view), False
        while not done:
            with self._into(self._front):
                GL.glDepthMask(False)
                done = next(pieces, self) is self
                GL.glDepthMask(True)
            yield
        with self._bound(self._summing):
            GL.glBlendFunc(GL.GL_ONE_MINUS_DST_ALPHA, GL.GL_ONE)
            self._lay_over(self._sheet, 1)
            GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)

    def _lay_over(self, picture: int, factor: int) -> None:
        """Blend a picture with so many pixels to one, each way, over what is being drawn."""
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glActiveTexture(GL.GL_TEXTURE0)
        GL.glBindTexture(GL.GL_TEXTURE_2D, picture)
        self._lay.use(picture=0, factor=factor)
        self._array.bind()
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)
        GL.glBindTexture(GL.GL_TEXTURE_2D, 0)
        GL.glEnable(GL.GL_DEPTH_TEST)

    # -- the buffers -----------------------------------------------------------------------------

    @contextmanager
    def _into(self, depths: int) -> Iterator[None]:
        """Draw into the sheet and `depths`, without what is no farther than the sheet before."""
        with self._bound(self._drawing):
            GL.glFramebufferTexture2D(
                GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, GL.GL_TEXTURE_2D, depths, 0
            )
            GL.glActiveTexture(int(GL.GL_TEXTURE0) + NEARER)
            GL.glBindTexture(GL.GL_TEXTURE_2D, 0 if depths == self._back else self._back)
            GL.glActiveTexture(GL.GL_TEXTURE0)
            yield

    @contextmanager
    def _bound(self, framebuffer: int) -> Iterator[None]:
        """Draw into another framebuffer, with depths, and then go back."""
        before = int(GL.glGetIntegerv(GL.GL_DRAW_FRAMEBUFFER_BINDING))
        viewport = [int(v) for v in GL.glGetIntegerv(GL.GL_VIEWPORT)]
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
        GL.glViewport(0, 0, *self._size)
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glDepthFunc(GL.GL_LEQUAL)
        GL.glDepthMask(True)
        try:
            yield
        finally:
            GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, before)
            GL.glViewport(*viewport)

    def _resize(self, size: tuple[int, int]) -> None:
        if size == self._size:
            return
        self.free()
        self._size = size
        self._sheet = self._texture(GL.GL_RGBA8, GL.GL_RGBA)
        self._sum = self._texture(GL.GL_RGBA8, GL.GL_RGBA)
        self._opaque, self._front, self._back = (
            self._texture(GL.GL_DEPTH_COMPONENT32F, GL.GL_DEPTH_COMPONENT) for _ in range(3)
        )
        for framebuffer, place, texture in (
            (self._drawing, GL.GL_COLOR_ATTACHMENT0, self._sheet),
            (self._summing, GL.GL_COLOR_ATTACHMENT0, self._sum),
            (self._hiding, GL.GL_DEPTH_ATTACHMENT, self._opaque),
        ):
            with self._bound(framebuffer):
                GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, place, GL.GL_TEXTURE_2D, texture, 0)

    def _texture(self, kind: int, layout: int) -> int:
        name = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, name)
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, kind, *self._size, 0, layout, GL.GL_FLOAT, None)
        for parameter in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, parameter, GL.GL_NEAREST)
        return name


def _is_small(view: View) -> bool:
    """Whether enlarged sheets can be held; asked of the whole picture, so that all parts agree."""
    width, height = (_FINE * side for side in view.size)
    side = int(GL.glGetIntegerv(GL.GL_MAX_TEXTURE_SIZE))
    return width * height <= _FINE_PIXELS and max(width, height) <= side


def _enlarged(view: View, factor: int) -> View:
    """The same with so many pixels to one, each way."""
    if factor == 1:
        return view

    def times(pixels: tuple[int, int]) -> tuple[int, int]:
        return factor * pixels[0], factor * pixels[1]

    part = view.part and Part(
        times(view.part.whole), factor * view.part.x, factor * view.part.y, times(view.part.size)
    )
    return replace(view, size=times(view.size), scale=factor * view.scale, part=part)
