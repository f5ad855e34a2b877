"""Lines and markers over surfaces, with outlines; where a surface hides them, dashed and hollow."""

from __future__ import annotations

from collections.abc import Sequence

from OpenGL import GL

from isoloss.gl.device.buffers import Quads
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.lines import LinePass, LineStyle, Placed
from isoloss.gl.primitives.markers import MarkerPass
from isoloss.scene.theme import Color

_CASING, _GHOST = 2.08, 0.67  # widths relative to that of the line itself
_HIDDEN = 0.6  # opacity of what shines through a surface
_DASH = 1.8  # of its lines, in widths


class Strokes:
    """The passes for lines and markers, and how both are drawn over surfaces.

    Depth is tested; what a surface hides is drawn too, and looks hidden.

    Attributes:
        shows_hidden: whether it is.
    """

    def __init__(self, lines: LinePass | None = None, markers: MarkerPass | None = None) -> None:
        self.lines, self.markers = lines or LinePass(), markers or MarkerPass()
        self.shows_hidden = True

    def draw_cased(
        self,
        batches: Sequence[tuple[Quads, int | None]],
        view: View,
        placed: Placed,
        color: Color,
        width: float,
    ) -> None:
        """Lines with an outline that keeps them apart from any colour below, hidden ones too.

        Of each batch so many are drawn, None for all.
        """
        tint = (*color[:3], _HIDDEN)
        dash, shade = _DASH * width, (*view.theme.path_casing[:3], 0.5 * _HIDDEN)
        outline = LineStyle(1.6 * _GHOST * width, shade, bias=0.005, dash=dash)
        ghost = LineStyle(_GHOST * width, tint, bias=0.005, dash=dash)
        casing = LineStyle(_CASING * width, view.theme.path_casing, cap=1.0, bias=0.004)
        line = LineStyle(width, color, cap=1.0, bias=0.005)
        GL.glDepthFunc(GL.GL_GREATER)
        for style in (outline, ghost) if self.shows_hidden else ():
            for batch, count in batches:
                self.lines.draw(batch, view, style, placed, count)
        GL.glDepthFunc(GL.GL_LEQUAL)
        for style in (casing, line):
            for batch, count in batches:
                self.lines.draw(batch, view, style, placed, count)

    def draw_marks(
        self, marks: Quads, view: View, placed: Placed, count: int | None = None
    ) -> None:
        """So many markers, hidden ones too; None for all."""
        casing = view.theme.path_casing
        if self.shows_hidden:
            GL.glDepthFunc(GL.GL_GREATER)
            self.markers.draw(marks, view, casing, placed, _HIDDEN, count, hollow=True)
        GL.glDepthFunc(GL.GL_LEQUAL)
        self.markers.draw(marks, view, casing, placed, count=count)
