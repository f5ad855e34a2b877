"""The contour lines of one displayed mesh on the GPU: at once, coarsely; then as they are.

A surface of a million points takes milliseconds a level: too long for all levels between two
frames of a slider that is being dragged. So quick pictures show the lines of a coarser grid, which
take no time, and the true ones are worked out level by level for the whole picture.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.geometry.level_sets import LevelSets
from isoloss.geometry.mesh import DisplayMesh, every
from isoloss.gl.device.buffers import Quads
from isoloss.gl.layers.overlays import contour_ends, joined_ends
from isoloss.gl.primitives.lines import LinePass

Ends = tuple[Array, Array]

QUICK_POINTS = 100
"""About how many points an axis has of the coarser grid."""
QUICK_SHORTEST = 0.04
"""Of the box, whose sides are 2: segments of its lines are about as long, or longer."""
QUICK_STEPS = 256
"""Heights at which there are coarser lines: of those that a slider passes, most are known then, and
none is off by a fifth of a percent of the height."""
_CLOSE = 4 / QUICK_STEPS
_MOST_KEPT = 400  # levels, for a slider that comes back
_MOST_MESHES = 4


class Lines:
    """The contour lines of one mesh worked out so far, coarse ones and true ones."""

    def __init__(self, mesh: DisplayMesh) -> None:
        self._mesh = weakref.ref(mesh)
        self._true: LevelSets | None = None
        self._coarse: LevelSets | None = None
        self.true: dict[float, Ends] = {}
        self.quick: dict[float, Ends] = {}

    @property
    def are_needed(self) -> bool:
        """Whether the mesh still exists."""
        return self._mesh() is not None

    def are_of(self, mesh: DisplayMesh) -> bool:
        """Whether they are those of `mesh`, with room for more."""
        return self._mesh() is mesh and max(len(self.true), len(self.quick)) <= _MOST_KEPT

    def add_quick(self, mesh: DisplayMesh, level: float) -> None:
        """Work the coarse lines at `level` out, if they are not known."""
        if level not in self.quick:
            self._coarse = self._coarse or _coarse(mesh)
            self.quick[level] = contour_ends(self._coarse, level, QUICK_SHORTEST)

    def add_true(self, mesh: DisplayMesh, level: float) -> None:
        """Work the true lines at `level` out."""
        self._true = self._true or LevelSets(mesh.x, mesh.y, mesh.height)
        self.true[level] = contour_ends(self._true, level)


_recent: list[Lines] = []  # viewports that show the same surface share its lines


def _lines_of(mesh: DisplayMesh) -> Lines:
    _recent[:] = [lines for lines in _recent if lines.are_needed]
    found = next((lines for lines in _recent if lines.are_of(mesh)), None)
    if found is None:
        found = Lines(mesh)
        _recent[_MOST_MESHES - 1 :] = []
        _recent.insert(0, found)
    return found


class ContourBuffers:
    """Contours of one mesh at any levels, those known kept until the mesh changes.

    Attributes:
        quick: the lines of the coarser grid, always up to date.
        batch: the true ones, up to date once `complete` has been gone through.
    """

    def __init__(self) -> None:
        self.quick, self.batch = LinePass.batch(), LinePass.batch()
        self._mesh: DisplayMesh | None = None
        self._lines: Lines | None = None
        self._levels: list[float] = []
        self._colors: Array = np.empty((0, 4))
        self._state = self._uploaded = b""

    def update(self, mesh: DisplayMesh, levels: Array, colors: Array) -> None:
        """Show the lines at `levels` (n,), heights in [0, 1], in `colors` (n, 4)."""
        if self._lines is None or not self._lines.are_of(mesh):
            self._mesh, self._lines = mesh, _lines_of(mesh)
            self._state = self._uploaded = b""
        state = levels.tobytes() + colors.tobytes() + b"."
        if state == self._state:
            return
        self._state, self._levels, self._colors = state, levels.tolist(), colors
        near = _near(levels)
        for level in near:
            self._lines.add_quick(mesh, level)
        self._upload(self.quick, self._lines.quick, near)

    def complete(self) -> Iterator[None]:
        """Work the true lines out, a level a step."""
        if self._mesh is None or self._lines is None or self._uploaded == self._state:
            return
        for level in self._levels:
            if level not in self._lines.true:
                self._lines.add_true(self._mesh, level)
                yield
        self._upload(self.batch, self._lines.true, self._levels)
        self._uploaded = self._state

    def free(self) -> None:
        """Give the memory back."""
        self.quick.free()
        self.batch.free()

    def _upload(self, batch: Quads, known: dict[float, Ends], levels: list[float]) -> None:
        batch.upload(joined_ends([known[level] for level in levels], self._colors))


def _near(levels: Array) -> list[float]:
    """Levels known from before are more likely among these; close ones stay as they are."""
    apart = float(np.diff(levels).min()) if len(levels) > 1 else 1.0
    return (np.rint(levels * QUICK_STEPS) / QUICK_STEPS if apart > _CLOSE else levels).tolist()


def _coarse(mesh: DisplayMesh) -> LevelSets:
    """Of the points that are left when an axis gets `QUICK_POINTS`."""
    stride = math.ceil(max(mesh.height.shape) / QUICK_POINTS)
    i, j = (every(stride, points) for points in mesh.height.shape)
    return LevelSets(mesh.x[i], mesh.y[j], np.ascontiguousarray(mesh.height[np.ix_(i, j)]))
