"""What is read off a surface, drawn on it: the line of the cut and the local minima."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from OpenGL import GL

from isoloss.geometry.minima import Minimum
from isoloss.gl.cut_line import cut_segments
from isoloss.gl.lines import LinePass, LineStyle
from isoloss.gl.markers import MarkerPass
from isoloss.gl.minima_marks import minima_marks, shown_minima
from isoloss.gl.view import View
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Frame, Scene


class AnalysisBuffers:
    """The line of the cut and the minima of one layer, on the GPU."""

    def __init__(self) -> None:
        self.minima: list[Minimum] = []
        self._cut, self._marks = LinePass.batch(), MarkerPass.batch()
        self._cut_of: object = None
        self._minima_of: object = None

    def update(self, layer: SurfaceLayer, scene: Scene, view: View, frame: Frame) -> None:
        """Bring both up to date; what has not changed is not uploaded again."""
        look, cut = scene.appearance, scene.cut
        data = (layer.version, id(layer.surface), frame.scale, frame.alpha, frame.beta)
        key = (data, cut, look.smooth, layer.approach)
        if cut is not None and key != self._cut_of:
            self._cut_of = key
            self._cut.upload(cut_segments(cut, layer.mesh(frame.scale, look.smooth), frame))
        key = (data, look.minima, look.minima_persistence, view.theme)
        if key != self._minima_of:
            self._minima_of = key
            self.minima = shown_minima(layer, look, frame)
            self._marks.upload(minima_marks(self.minima, frame, view.theme))

    def draw(
        self, scene: Scene, view: View, frame: Frame, lines: LinePass, markers: MarkerPass
    ) -> None:
        """Draw them; what the surface hides shines through faintly."""
        placed = ((1.0, 1.0, frame.gain), (0.0, 0.0, 0.0))
        theme, unit = view.theme, view.scale
        if scene.cut is not None:
            casing = LineStyle(4.6 * unit, theme.path_casing, cap=1.0, bias=0.004)
            line = LineStyle(2.2 * unit, theme.cut, cap=1.0, bias=0.005)
            ghost = replace(line, tint=(*theme.cut[:3], 0.3), width=1.5 * unit, cap=0.0)
            GL.glDepthFunc(GL.GL_GREATER)
            lines.draw(self._cut, view, ghost, placed)
            GL.glDepthFunc(GL.GL_LEQUAL)
            lines.draw(self._cut, view, casing, placed)
            lines.draw(self._cut, view, line, placed)
        if self.minima:
            GL.glDepthFunc(GL.GL_GREATER)
            markers.draw(self._marks, view, theme.path_casing, placed, alpha=0.35)
            GL.glDepthFunc(GL.GL_LEQUAL)
            markers.draw(self._marks, view, theme.path_casing, placed)

    def free(self) -> None:
        """Give the memory back."""
        for batch in (self._cut, self._marks):
            batch.free()


def all_minima(buffers: Iterable[AnalysisBuffers]) -> list[Minimum]:
    """The marked minima of several layers, the most persistent first."""
    return sorted((m for b in buffers for m in b.minima), key=lambda m: (-m.persistence, m.loss))
