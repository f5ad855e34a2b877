"""The gradient behind everything."""

from __future__ import annotations

from OpenGL import GL

from isoloss.gl.device.buffers import VertexArray
from isoloss.gl.device.drawn_view import View
from isoloss.gl.device.program import shared
from isoloss.gl.device.target import Target


class BackgroundPass:
    """Fills the viewport."""

    def __init__(self) -> None:
        self._program, self._array = shared("background"), VertexArray()
        self._kept: Target | None = None
        self._kept_of: object = None

    def draw(self, view: View) -> None:
        """Draw it; depth is left alone."""
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glDisable(GL.GL_BLEND)
        self._program.use(
            top=view.theme.background_top[:3],
            bottom=view.theme.background_bottom[:3],
            glow=view.theme.glow,
            origin=view.origin,
            size=view.size,
        )
        self._array.bind()
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)
        GL.glEnable(GL.GL_BLEND)

    def copy(self, view: View, target: Target) -> None:
        """The same from a copy, a quarter of the work: for a target that is not multisampled."""
        key = (view.theme, view.size)
        if key != self._kept_of:
            if self._kept is None:
                self._kept = Target(*view.size, samples=0)
            self._kept.resize(*view.size)
            self._kept.begin(multisample=False)
            try:
                self.draw(view)
            finally:
                self._kept.end()
            self._kept_of = key
        assert self._kept is not None
        self._kept.copy_into(target)
