"""The end of a path that is drawn up to an epoch: the last piece of it, and a marker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.playhead import Playhead
from isoloss.gl.primitives.lines import LinePass, segments
from isoloss.gl.primitives.markers import MarkerPass, marks
from isoloss.scene.layer import MarkerShape
from isoloss.scene.theme import Color

RADIUS = 6.0


class PathHead:
    """One head on the GPU."""

    def __init__(self) -> None:
        self.piece, self.mark = LinePass.batch(), MarkerPass.batch()
        self._made_from: object = None

    def move(self, points: NDArray[np.float64], at: Playhead, color: Color) -> None:
        """Take it to where the path of these (n, 3) `points` has come `at` its epoch."""
        key = (id(points), at.checkpoint, at.share, color)
        if key == self._made_from:
            return
        self._made_from = key
        start = points[at.checkpoint]
        end = points[min(at.checkpoint + 1, len(points) - 1)]
        place = start + at.share * (end - start)
        there = bool(np.isfinite(place).all())
        keep = slice(0, 1 if there else 0)
        self.piece.upload(segments(start[None], place[None])[keep])
        self.mark.upload(marks(place[None], RADIUS, MarkerShape.DOT.value, color)[keep])

    def free(self) -> None:
        """Give the memory back."""
        self.piece.free()
        self.mark.free()
