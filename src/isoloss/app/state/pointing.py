"""What is pointed at in one part of the window, for the others to show."""

from __future__ import annotations

from dataclasses import dataclass

from isoloss.geometry.analysis.minima import Minimum
from isoloss.geometry.height import HeightScale
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene

Place = tuple[float, float]


@dataclass
class Pointing:
    """Places in the plane, each as (α, β), and a minimum.

    What is pointed at holds for one frame and is shown in the next: parts that are drawn before and
    after the one that is pointed at see the same.

    Attributes:
        in_plot: what the cursor is at in the plot of the slice.
        on_surface: what it is at on a surface.
        minimum: the one chosen in the list of minima; it stays chosen.
    """

    in_plot: Place | None = None
    on_surface: Place | None = None
    minimum: tuple[SurfaceLayer, Minimum] | None = None
    _plot: Place | None = None
    _surface: Place | None = None

    def next_frame(self) -> None:
        """Show what was pointed at in the last frame, and take note of what is in this one."""
        self.in_plot, self._plot = self._plot, None
        self.on_surface, self._surface = self._surface, None

    def ringed(self, scene: Scene, scale: HeightScale) -> Minimum | None:
        """The chosen minimum, if it is among those that `scene` marks."""
        if self.minimum is None or not scene.appearance.minima:
            return None
        layer, minimum = self.minimum
        if layer not in scene.shown:
            return None
        marked = layer.deep_minima(scale, scene.appearance.minima_persistence)
        return minimum if minimum in marked else None

    def at_plot(self, place: Place) -> None:
        """The cursor is over the plot."""
        self._plot = place

    def at_surface(self, place: Place) -> None:
        """The cursor is over a surface."""
        self._surface = place
