"""A trajectory on the GPU, whole or up to an epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.mesh import DisplayMesh
from isoloss.geometry.playhead import Playhead
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.layers import overlays
from isoloss.gl.primitives.lines import LinePass, segments
from isoloss.gl.primitives.markers import MarkerPass, marks
from isoloss.scene.layer import MarkerShape
from isoloss.scene.scene import Frame
from isoloss.scene.theme import Color, Theme

_HEAD = 6.0  # the radius of its marker


class PathHead:
    """The end of a path that is drawn up to an epoch: the last piece of it, and a marker."""

    def __init__(self) -> None:
        self.piece, self.mark = LinePass.batch(), MarkerPass.batch()
        self._made_from: object = None

    def move(self, points: Array, at: Playhead, color: Color) -> None:
        """Take it to where the path of these (n, 3) `points` has come `at` its epoch."""
        key = (id(points), at.checkpoint, at.fraction, color)
        if key == self._made_from:
            return
        self._made_from = key
        start = points[at.checkpoint]
        end = points[min(at.checkpoint + 1, len(points) - 1)]
        place = start + at.fraction * (end - start)
        there = bool(np.isfinite(place).all())
        keep = slice(0, 1 if there else 0)
        self.piece.upload(segments(start[None], place[None])[keep])
        self.mark.upload(marks(place[None], _HEAD, MarkerShape.DOT.value, color)[keep])

    def free(self) -> None:
        """Give the memory back."""
        self.piece.free()
        self.mark.free()


class PathBuffers:
    """One trajectory on the GPU."""

    def __init__(self) -> None:
        self.path, self.stems = LinePass.batch(), LinePass.batch()
        self.marks = MarkerPass.batch()
        self.head = PathHead()
        self.points: Array = np.empty((0, 3))
        self._whole: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._stemmed: NDArray[np.bool_] = self._whole

    def upload(
        self,
        path: Trajectory,
        look: overlays.PathLook,
        mesh: DisplayMesh,
        frame: Frame,
        theme: Theme,
    ) -> None:
        """Take over a trajectory that has points."""
        points = self.points = overlays.path_points(path, frame)
        unstretched = Frame(frame.alpha, frame.beta, frame.scale).top
        self.path.upload(overlays.path_segments(points))
        stems, self._stemmed = overlays.stem_segments(points, mesh, frame, unstretched)
        self.stems.upload(stems)
        self._whole = np.asarray(np.isfinite(points).all(axis=1))
        self.marks.upload(overlays.path_marks(path, points, theme, look, frame.scale.hi))

    def until(self, points: int) -> tuple[int, int, int]:
        """How many segments, stems and marks belong to the first `points` points."""
        whole = self._whole[:points]
        segments = int((whole[:-1] & whole[1:]).sum())
        return segments, int(self._stemmed[:points].sum()), int(whole.sum())

    def free(self) -> None:
        """Give the memory back."""
        for piece in (self.path, self.stems, self.marks, self.head):
            piece.free()
