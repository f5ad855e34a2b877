"""The gradient behind everything."""

from __future__ import annotations

from OpenGL import GL

from isoloss.gl.buffers import VertexArray
from isoloss.gl.program import Program
from isoloss.scene.theme import Theme


class BackgroundPass:
    """Fills the viewport."""

    def __init__(self) -> None:
        self._program, self._array = Program("background"), VertexArray()

    def draw(self, theme: Theme) -> None:
        """Draw it; depth is left alone."""
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glDisable(GL.GL_BLEND)
        self._program.use(
            top=theme.background_top[:3],
            bottom=theme.background_bottom[:3],
            glow=theme.glow,
        )
        self._array.bind()
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)
        GL.glEnable(GL.GL_BLEND)
