"""The contour lines of one displayed mesh on the GPU, worked out level by level.

A surface of a million points takes milliseconds a level: too long for all levels between two
frames of a slider that is being dragged. So a level not known yet is first shown as a coarser grid
has it, which takes no time, and then as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.contours import LevelSets
from isoloss.geometry.mesh import DisplayMesh, every
from isoloss.gl.lines import LinePass
from isoloss.gl.overlays import contour_ends, joined_ends

Array = NDArray[np.float64]
Ends = tuple[Array, Array]

QUICK_POINTS = 125
"""About how many points an axis has of the coarser grid."""
AT_ONCE = 250 * 250
"""A mesh of no more points is no trouble: all its levels are worked out at once."""
_MOST_KEPT = 400  # levels, for a slider that comes back


class ContourBuffers:
    """Contours of one mesh at any levels, those known kept until the mesh changes."""

    def __init__(self) -> None:
        self.batch = LinePass.batch()
        self._mesh: DisplayMesh | None = None
        self._sets: LevelSets | None = None
        self._quick_sets: LevelSets | None = None
        self._known: dict[float, Ends] = {}
        self._wanted: Array = np.empty(0)
        self._colors: Array = np.empty((0, 4))
        self._uploaded: object = None

    def update(self, mesh: DisplayMesh, levels: Array, colors: Array) -> None:
        """Show the lines at `levels` (n,), heights in [0, 1], in `colors` (n, 4).

        Of a large mesh, levels not known yet are shown as a coarser grid has them until `complete`
        has been gone through.
        """
        if mesh is not self._mesh:
            self._mesh, self._sets, self._quick_sets = mesh, None, None
            self._known.clear()
            self._uploaded = None
        self._wanted, self._colors = levels, colors
        if mesh.height.size <= AT_ONCE:
            for _ in self._work():
                pass
        self._upload()

    def complete(self) -> Iterator[None]:
        """Work out what is missing, a level a step."""
        if self._unknown():
            yield from self._work()
            self._upload()

    @property
    def is_complete(self) -> bool:
        """Whether every level is shown as it is."""
        return not self._unknown()

    def free(self) -> None:
        """Give the memory back."""
        self.batch.free()

    def _unknown(self) -> list[float]:
        return [level for level in self._wanted.tolist() if level not in self._known]

    def _work(self) -> Iterator[None]:
        assert self._mesh is not None
        if len(self._known) > _MOST_KEPT:
            self._known.clear()
        for level in self._unknown():
            if self._sets is None:
                self._sets = LevelSets(self._mesh.x, self._mesh.y, self._mesh.height)
            self._known[level] = contour_ends(self._sets, level)
            yield

    def _quick(self, level: float) -> Ends:
        assert self._mesh is not None
        if self._quick_sets is None:
            height = self._mesh.height
            stride = math.ceil(max(height.shape) / QUICK_POINTS)
            i, j = (every(stride, points) for points in height.shape)
            coarse = np.ascontiguousarray(height[np.ix_(i, j)])
            self._quick_sets = LevelSets(self._mesh.x[i], self._mesh.y[j], coarse)
        return contour_ends(self._quick_sets, level)

    def _upload(self) -> None:
        """Send what is known, and the rest as the coarser grid has it."""
        levels = self._wanted.tolist()
        quick = tuple(level not in self._known for level in levels)
        state = (id(self._mesh), tuple(levels), quick, self._colors.tobytes())
        if state == self._uploaded:
            return
        self._uploaded = state
        parts = [
            self._quick(x) if q else self._known[x] for x, q in zip(levels, quick, strict=True)
        ]
        self.batch.upload(joined_ends(parts, self._colors))
