"""What is read off a surface, drawn on it: the line of the cut and markers of local minima."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.analysis.minima import Minimum
from isoloss.geometry.arrays import Array
from isoloss.gl.device.drawn_view import View
from isoloss.gl.layers.cut_line import cut_segments
from isoloss.gl.primitives.cased_strokes import Strokes
from isoloss.gl.primitives.lines import LinePass
from isoloss.gl.primitives.markers import MARK, MarkerPass, marks
from isoloss.scene.appearance import Appearance
from isoloss.scene.layer import MarkerShape, SurfaceLayer
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.theme import Theme


class AnalysisBuffers:
    """The line of the cut and the minima of one layer, on the GPU."""

    def __init__(self) -> None:
        self.minima: list[Minimum] = []
        self._cut, self._marks = LinePass.batch(), MarkerPass.batch()
        self._cut_of: object = None
        self._minima_of: object = None

    def update(self, layer: SurfaceLayer, scene: Scene, view: View, frame: Frame) -> None:
        """Bring both up to date; what has not changed is not uploaded again."""
        appearance, cut = scene.appearance, scene.cut
        data = (layer.version, id(layer.surface), frame.scale, frame.alpha, frame.beta)
        key = (data, cut, appearance.smooth, layer.approach)
        if cut is not None and key != self._cut_of:
            self._cut_of = key
            self._cut.upload(cut_segments(cut, layer.mesh(frame.scale, appearance.smooth), frame))
        wanted = appearance.minima and not layer.pending
        key = (data, wanted, appearance.minima_persistence, view.theme)
        if key != self._minima_of:
            self._minima_of = key
            self.minima = shown_minima(layer, appearance, frame)
            self._marks.upload(minima_marks(self.minima, frame, view.theme))

    def draw(self, scene: Scene, view: View, frame: Frame, strokes: Strokes) -> None:
        """Draw them; what the surface hides looks hidden."""
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


def shown_minima(layer: SurfaceLayer, appearance: Appearance, frame: Frame) -> list[Minimum]:
    """Those deep enough to be marked, the deepest first."""
    if not appearance.minima:
        return []
    return layer.deep_minima(frame.scale, appearance.minima_persistence)


def minima_marks(minima: list[Minimum], frame: Frame, theme: Theme) -> NDArray[np.void]:
    """A triangle that points down at each, smaller where it may be noise; in the box of gain 1."""
    if not minima:
        return np.empty(0, MARK)
    doubtful = np.array([m.is_within_noise for m in minima])
    colors = np.tile(np.array(theme.minimum), (len(minima), 1))
    colors[doubtful, 3] = 0.45
    radii = np.where(doubtful, 4.6, 6.4)
    shape = MarkerShape.TRIANGLE_DOWN.value
    return marks(
        minima_points(minima, Frame(frame.alpha, frame.beta, frame.scale)), radii, shape, colors
    )


def minima_points(minima: list[Minimum], frame: Frame) -> Array:
    """(n, 3) in the box."""
    places = ([getattr(m, k) for m in minima] for k in ("alpha", "beta", "loss"))
    return frame.place(*places).reshape(-1, 3)
