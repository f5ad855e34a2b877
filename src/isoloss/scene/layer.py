"""One surface with its overlays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from isoloss.geometry.analysis.difference import automatic_scale, centred_scale
from isoloss.geometry.analysis.minima import Minimum, minima_of, relative_depths
from isoloss.geometry.analysis.roughness import Roughness, roughness_of
from isoloss.geometry.analysis.slices import SliceField, slice_field
from isoloss.geometry.arrays import Array
from isoloss.geometry.files.reading import Tell, load_telling, warn
from isoloss.geometry.height import HeightScale
from isoloss.geometry.mesh import DisplayMesh, display_mesh, mesh_between
from isoloss.geometry.surface import Surface
from isoloss.geometry.through_time import epochs_of, place_in_time, surface_at
from isoloss.geometry.trajectory import Trajectory
from isoloss.naming import printable
from isoloss.paths import is_folder
from isoloss.scene.textures import TEXTURES, Texture

_MOST_MESHES = 4  # viewports that show one layer on scales of their own
Fact = TypeVar("Fact")


class MarkerShape(Enum):
    """Markers differ in shape, not only in colour."""

    DOT = 0
    RING = 1
    STAR = 2
    DIAMOND = 3
    TRIANGLE = 4
    CROSS = 5
    TRIANGLE_DOWN = 6
    SQUARE = 7
    HOLLOW_SQUARE = 8
    HOLLOW_CROSS = 9


HOLLOW = {
    MarkerShape.RING: MarkerShape.DOT,
    MarkerShape.HOLLOW_SQUARE: MarkerShape.SQUARE,
    MarkerShape.HOLLOW_CROSS: MarkerShape.CROSS,
}
"""The shapes of which only the rim is drawn, and which shape that is the rim of."""


@dataclass(frozen=True)
class Marker:
    """A labelled point on or above the surface: a pinned probe, a minimum.

    Attributes:
        alpha, beta, loss: where it is.
        label: drawn beside it; may be empty.
        color: (r, g, b) in [0, 1]; None takes the theme's.
        pinned: put there by a person: as drawn, its loss and label are what the surface has there.
    """

    alpha: float
    beta: float
    loss: float
    label: str = ""
    shape: MarkerShape = MarkerShape.RING
    color: tuple[float, float, float] | None = None
    pinned: bool = False


@dataclass(eq=False)
class SurfaceLayer:
    """A surface to be drawn, with its trajectories and markers.

    Replacing `surface` or `markers` takes effect with the next frame once `touch` has raised
    `version`: whoever draws compares versions, nothing listens.

    Attributes:
        trajectories: the paths of one or several runs; the first is the surface's own.
        hidden: the indices of those that are not drawn.
        approach: how far the displayed heights have come, in [0, 1], from those shown before
            `become` to the surface's own.
        derived: the two layers (a, b) of which this one shows the difference a − b. A session
            need not keep its surface: `geometry.difference` of theirs is it.
        quantity: which further quantity of what lies in its source is its height; "" for the loss.
        last: that of the last checkpoint, where `surface` is that of some epoch; None where
            there is but one.
        opacity: of the surface and what is painted on it, in [0, 1]; paths and pins stay whole.
        pending: whether somebody is still looking for its minima; there are none meanwhile.
    """

    name: str
    surface: Surface
    trajectories: tuple[Trajectory, ...] = ()
    source: Path | None = None
    markers: tuple[Marker, ...] = ()
    version: int = 0
    hidden: frozenset[int] = frozenset()
    approach: float = 1.0
    derived: tuple[SurfaceLayer, SurfaceLayer] | None = None
    quantity: str = ""
    opacity: float = 1.0
    last: Surface | None = None
    pending: bool = False
    _at: tuple[float | None, bool] | None = field(default=None, repr=False)
    _ranges: dict[object, HeightScale] = field(
        default_factory=dict[object, HeightScale], repr=False
    )
    _values: dict[object, Array] = field(default_factory=dict[object, Array], repr=False)
    _meshes: dict[object, DisplayMesh] = field(
        default_factory=dict[object, DisplayMesh], repr=False
    )
    _meshes_of: tuple[int, int] = (0, 0)
    _neighbours: dict[tuple[int, HeightScale, bool], DisplayMesh] = field(
        default_factory=dict[tuple[int, HeightScale, bool], DisplayMesh], repr=False
    )
    _before: DisplayMesh | None = field(default=None, repr=False)
    _displayed: DisplayMesh | None = field(default=None, repr=False)
    _between: tuple[object, DisplayMesh] | None = field(default=None, repr=False)
    _facts: dict[object, object] = field(default_factory=dict[object, object], repr=False)

    def __post_init__(self) -> None:
        if self.last is None and self.surface.earlier:
            self.last = self.surface

    def touch(self) -> None:
        """Say that the data have changed."""
        self.version += 1

    def become(self, surface: Surface) -> None:
        """Take `surface` over, its heights setting out from those displayed last."""
        self._before = self._displayed
        self.approach = 1.0 if self._before is None else 0.0
        self.take(surface)
        self.touch()

    def take(self, surface: Surface) -> None:
        """Be that of `surface`, and of the earlier checkpoints that it has."""
        self.surface = surface
        self.last = surface if surface.earlier else None
        self._at = None
        self._ranges.clear()
        self._values.clear()

    @property
    def whole(self) -> Surface:
        """The surface with those of the earlier checkpoints, whichever is shown."""
        return self.last or self.surface

    def go_to(self, epoch: float | None, log: bool) -> None:
        """Show the surface at an epoch, between those of two checkpoints; None is the end.

        Args:
            log: whether heights are logarithmic, and so the way from one to the next.
        """
        if self.last is None or self._at == (epoch, log):
            return
        self._at = epoch, log
        surface = surface_at(self.last, epoch, log)
        if surface is not self.surface:
            self.surface = surface
            self.touch()

    @property
    def shown_trajectories(self) -> list[tuple[int, Trajectory]]:
        """(index, trajectory) of those that are not hidden and have a point."""
        paths = enumerate(self.trajectories)
        return [(k, path) for k, path in paths if k not in self.hidden and len(path)]

    @property
    def epoch_spans(self) -> list[tuple[float, float]]:
        """(first, last) epoch of the surface through time, if it is one, and of each trajectory
        that is not hidden."""
        along = [] if self.last is None else [epochs_of(self.last)]
        along += [path.epoch for _, path in self.shown_trajectories]
        return [(float(epochs[0]), float(epochs[-1])) for epochs in along]

    def automatic_scale(self, log: bool | None = None) -> HeightScale:
        """The height scale of this layer alone, at all times."""
        if self.last is not None:
            if log not in self._ranges:
                every = [automatic_scale(one, log) for one in (*self.last.earlier, self.last)]
                self._ranges[log] = HeightScale.covering(every, log)
            return self._ranges[log]

        def work_out() -> HeightScale:
            if self.derived is not None:
                return centred_scale(self.surface.loss[self.surface.computed])
            return automatic_scale(self.surface, log)

        return self._remembered(("scale", log), work_out)

    def at_all_times(self, what: object, values_of: Callable[[Surface], Array]) -> Array:
        """(n,) the values of the surface; of one through time at all times, worked out once.

        Args:
            what: these values, and no others, are known by.
        """
        if self.last is None:
            return values_of(self.surface).ravel()
        if what not in self._values:
            every = [values_of(one).ravel() for one in (*self.last.earlier, self.last)]
            self._values[what] = np.concatenate(every)
        return self._values[what]

    @property
    def has_values(self) -> bool:
        """Whether at least one cell has a loss that is a number or infinite."""

        def work_out() -> bool:
            return bool((self.surface.computed & ~np.isnan(self.surface.loss)).any())

        return self._remembered("values", work_out)

    def mesh(self, scale: HeightScale, smooth: bool = True) -> DisplayMesh:
        """The displayed mesh, worked out once for each state of the data and of `approach`."""
        key = (self.version, id(self.surface), scale, smooth)
        if key not in self._meshes:
            if len(self._meshes) >= _MOST_MESHES or self._state() != self._meshes_of:
                self._meshes.clear()
                self._meshes_of = self._state()
            self._meshes[key] = self._mesh_in_time(scale, smooth) or display_mesh(
                self.surface, scale, smooth
            )
        self._displayed = self._on_the_way(self._meshes[key])
        return self._displayed

    @property
    def minima(self) -> tuple[Minimum, ...]:
        """Every local minimum, the most persistent first."""
        return self._remembered("minima", lambda: minima_of(self.surface))

    @property
    def roughness(self) -> Roughness:
        """Its non-convex cells and its total variation."""
        return self._remembered("roughness", lambda: roughness_of(self.surface))

    @property
    def is_read(self) -> bool:
        """Whether minima and roughness are at hand."""
        return self._facts.get("state") == self._state() and self._facts.keys() >= {
            "minima", "roughness"
        }  # fmt: skip

    def take_in(self, minima: tuple[Minimum, ...], roughness: Roughness) -> None:
        """Know what somebody else has worked out of the surface as it is now."""
        self._remembered("minima", lambda: minima)
        self._remembered("roughness", lambda: roughness)

    def deep_minima(self, scale: HeightScale, least: float) -> list[Minimum]:
        """Those whose depth is at least a fraction `least` of the height that `scale` displays."""
        if self.pending:
            return []
        deep = (
            self._remembered(
                ("relative depths", scale), lambda: relative_depths(self.minima, scale)
            )
            >= least
        )
        return [self.minima[k] for k in np.flatnonzero(deep)]

    def slice_field(self, log: bool, smooth: bool = True) -> SliceField:
        """What slices are taken from, with logarithms interpolated if `log`."""
        return self._remembered(
            ("slice", log, smooth), lambda: slice_field(self.surface, log, smooth)
        )

    def has(self, texture: Texture) -> bool:
        """Whether the surface has what `texture` shows."""
        return self._remembered(texture, lambda: texture.exists(self.surface))

    def _mesh_in_time(self, scale: HeightScale, smooth: bool) -> DisplayMesh | None:
        """What lies between the meshes of two checkpoints; None where there are none, or one has
        holes that the other has not."""
        if self.last is None or self._at is None:
            return None
        k, fraction = place_in_time(self.last, self._at[0])
        every = (*self.last.earlier, self.last)
        wanted = [(one, scale, smooth) for one in ((k, k + 1) if fraction else (k,))]
        self._neighbours = {
            key: self._neighbours.get(key) or display_mesh(every[key[0]], scale, smooth)
            for key in wanted
        }
        start, *ends = (self._neighbours[key] for key in wanted)
        if not ends:
            return start
        same = np.array_equal(start.holes, ends[0].holes)
        return mesh_between(start, ends[0], fraction) if same else None

    def _on_the_way(self, mesh: DisplayMesh) -> DisplayMesh:
        """`mesh`, or what lies between the one before and it while `approach` is under way."""
        if self.approach >= 1 or self._before is None:
            self._before = self._between = None
            return mesh
        if self._before.height.shape != mesh.height.shape:
            return mesh
        key = (self.version, self.approach, id(mesh))
        if self._between is None or self._between[0] != key:
            self._between = (key, mesh_between(self._before, mesh, self.approach))
        return self._between[1]

    def _state(self) -> tuple[int, int]:
        return self.version, id(self.surface)

    def _remembered(self, what: object, work_out: Callable[[], Fact]) -> Fact:
        """A fact about the data, worked out once for each state of them."""
        if self._facts.get("state") != self._state():
            self._facts.clear()
            self._facts["state"] = self._state()
        if what not in self._facts:
            self._facts[what] = work_out()
        return cast(Fact, self._facts[what])


def load_layer(path: str | Path, tell: Tell = warn) -> SurfaceLayer:
    """A layer from a surface file or a run folder, with the trajectories beside it.

    Args:
        tell: is called with one line for each trajectory that cannot be read.

    Raises:
        IsolossError: there is nothing readable, or it is no surface.
    """
    path = Path(path)
    surface = load_telling(path, tell)
    named = (
        path if is_folder(path) else path.parent if path.stem == "surface" else path.with_suffix("")
    )
    return SurfaceLayer(printable(named.resolve().name), surface, surface.trajectories, source=path)


def next_texture(texture: Texture, layers: list[SurfaceLayer], step: int = 1) -> Texture:
    """The texture after (or before, `step=-1`) this one that at least one of `layers` has."""
    order = list(TEXTURES)
    for k in range(1, len(order) + 1):
        candidate = order[(order.index(texture) + k * step) % len(order)]
        if not layers or any(layer.has(candidate) for layer in layers):
            return candidate
    return texture
