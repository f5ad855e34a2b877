"""The slices of a view's surfaces along the document's cut, and the ways to lay that cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from isoloss.app.state.workspace import Workspace
from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.analysis.slices import Slice, slice_of, slices_csv
from isoloss.scene.cut import Cut, cut_through
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Frame


@dataclass(frozen=True)
class LayerSlice:
    """The slice of one layer; `index` is that of the layer among the open ones."""

    layer: SurfaceLayer
    index: int
    slice: Slice


class Slicing:
    """Lays the cut and works out what it meets."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._last: Cut | None = None
        self._worked_out: tuple[object, list[LayerSlice]] = (None, [])

    @property
    def cut(self) -> Cut | None:
        """Where surfaces are sliced."""
        return self.workspace.document.cut

    @property
    def seen(self) -> Cut | None:
        """What of the cut lies in the box of the active view; None where nothing does."""
        scene = self.workspace.scene
        if self.cut is None or not scene.shown:
            return None
        frame = scene.frame()
        return self.cut.within(frame.alpha, frame.beta)

    @property
    def slices(self) -> list[LayerSlice]:
        """Those of the surfaces that the active view shows, worked out when something changes."""
        scene, cut = self.workspace.scene, self.seen
        if cut is None or cut.start == cut.end:
            return []
        log, smooth = scene.frame().scale.kind == "log", scene.appearance.smooth
        states = tuple((x, x.version, id(x.surface)) for x in scene.shown)
        key = (cut, log, smooth, states)
        if key != self._worked_out[0]:
            layers = self.workspace.document.layers
            found = [
                LayerSlice(x, layers.index(x), _sliced(x, cut, log=log, smooth=smooth))
                for x in scene.shown
            ]
            self._worked_out = (key, found)
        return self._worked_out[1]

    # -- where to cut ------------------------------------------------------------------------

    def toggle(self) -> None:
        """Slice where it was last sliced, along α at first; or no longer."""
        if self.cut is not None:
            self._last, self.workspace.document.cut = self.cut, None
        elif self._last is not None and self.workspace.scene.shown:
            self.workspace.document.cut = self._last
        else:
            self.along_alpha()

    def along_alpha(self) -> None:
        """Through the origin, from one side of the plane to the other."""
        self._lay(lambda _: ((0.0, 0.0), (1.0, 0.0)))

    def along_beta(self) -> None:
        """Likewise along β."""
        self._lay(lambda _: ((0.0, 0.0), (0.0, 1.0)))

    def through_minimum(self) -> None:
        """Through the lowest point of the selected surface, in the direction the cut has."""

        def through(layer: SurfaceLayer) -> tuple[tuple[float, float], tuple[float, float]] | None:
            lowest = min(layer.minima, key=lambda m: m.loss, default=None)
            direction = self.cut.direction if self.cut is not None else (1.0, 0.0)
            return ((lowest.alpha, lowest.beta), direction) if lowest is not None else None

        self._lay(through)

    def along_trajectory(self) -> None:
        """Through the first and the last checkpoint of the selected surface's trajectory."""

        def chord(layer: SurfaceLayer) -> tuple[tuple[float, float], tuple[float, float]] | None:
            paths = layer.shown_trajectories or list(enumerate(layer.trajectories))
            if not paths:
                return None
            path = paths[0][1]
            start = float(path.alpha[0]), float(path.beta[0])
            end = float(path.alpha[-1]), float(path.beta[-1])
            return end, (end[0] - start[0], end[1] - start[1])

        self._lay(chord)

    @property
    def has_minimum(self) -> bool:
        """Whether there is a minimum to cut through."""
        layer = self.workspace.shown_surface
        return layer is not None and bool(layer.minima)

    @property
    def has_trajectory(self) -> bool:
        """Whether there is a trajectory to cut along."""
        layer = self.workspace.shown_surface
        return layer is not None and any(len(path) > 1 for path in layer.trajectories)

    def _lay(
        self,
        line: Callable[[SurfaceLayer], tuple[tuple[float, float], tuple[float, float]] | None],
    ) -> None:
        layer = self.workspace.shown_surface
        found = line(layer) if layer is not None else None
        if found is not None:
            frame: Frame = self.workspace.scene.frame()
            self.workspace.document.cut = cut_through(*found, frame.alpha, frame.beta)

    # -- the table ---------------------------------------------------------------------------

    def export(self, path: Path) -> bool:
        """Write the slices as CSV; what is wrong becomes a notification."""
        path = path if path.is_absolute() else self.workspace.folder / path
        path = path if path.suffix else path.with_suffix(".csv")
        table = slices_csv([(x.layer.name, x.slice) for x in self.slices])
        try:
            write_atomic(path, lambda p: p.write_text(table, encoding="utf-8", newline="\n"))
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")
            return False
        self.workspace.messages.say(f"Saved {path}", "done")
        return True


def _sliced(layer: SurfaceLayer, cut: Cut, *, log: bool, smooth: bool) -> Slice:
    return slice_of(layer.slice_field(log, smooth), cut.start, cut.end)
