"""The way from one displayed mesh to another of the same shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.mesh import DisplayMesh

Array = NDArray[np.float64]


def between(start: DisplayMesh, end: DisplayMesh, share: float) -> DisplayMesh:
    """The mesh at `share` in [0, 1] of the way, linear in the displayed heights.

    Axes and scale are those of `end`; what is a hole in `start` has no way to go.
    """

    def blended(a: Array, b: Array) -> Array:
        return np.where(np.isnan(a), b, a + share * (b - a))

    return replace(
        end,
        height=blended(start.height, end.height),
        slope_x=blended(start.slope_x, end.slope_x),
        slope_y=blended(start.slope_y, end.slope_y),
        occlusion=blended(start.occlusion, end.occlusion),
        computed=blended(start.computed, end.computed),
    )
