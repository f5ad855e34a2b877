"""What is read off a surface, drawn on it: the line of the cut and the local minima."""

from __future__ import annotations

from collections.abc import Iterable

from isoloss.geometry.minima import Minimum
from isoloss.gl.device.view import View
from isoloss.gl.layers.cut_line import cut_segments
from isoloss.gl.layers.minima_marks import minima_marks, shown_minima
from isoloss.gl.primitives.lines import LinePass
from isoloss.gl.primitives.markers import MarkerPass
from isoloss.gl.primitives.strokes import Strokes
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

    def draw(self, scene: Scene, view: View, frame: Frame, strokes: Strokes) -> None:
        """Draw them; what the surface hides shines through faintly."""
        placed = frame.stretch
        if scene.cut is not None:
            strokes.draw_cased([(self._cut, None)], view, placed, view.theme.cut, 2.2 * view.scale)
        if self.minima:
            strokes.draw_marks(self._marks, view, placed)

    def free(self) -> None:
        """Give the memory back."""
        for batch in (self._cut, self._marks):
            batch.free()


def all_minima(buffers: Iterable[AnalysisBuffers]) -> list[Minimum]:
    """The marked minima of several layers, the most persistent first."""
    return sorted((m for b in buffers for m in b.minima), key=lambda m: (-m.persistence, m.loss))
