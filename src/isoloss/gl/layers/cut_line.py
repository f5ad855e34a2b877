"""The line along which surfaces are sliced, drawn where it runs over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.mesh import DisplayMesh
from isoloss.gl.primitives.lines import segments
from isoloss.scene.cut import Cut
from isoloss.scene.scene import Frame


def cut_points(cut: Cut, mesh: DisplayMesh, frame: Frame) -> Array:
    """(n, 3) in the box: the line over the displayed surface, bent at every line of its grid.

    z is NaN over holes and outside of the grid.
    """
    fraction = _bends(cut, mesh)
    alpha = cut.start[0] + fraction * (cut.end[0] - cut.start[0])
    beta = cut.start[1] + fraction * (cut.end[1] - cut.start[1])
    points = frame.place(alpha, beta, frame.scale.lo)
    scale, offset = frame.mesh_to_world(mesh)
    x, y = ((points[:, k] - offset[k]) / (scale[k] or 1.0) for k in (0, 1))
    points[:, 2] = mesh.height_at(x, y) * frame.top
    return points


def cut_segments(cut: Cut, mesh: DisplayMesh, frame: Frame) -> NDArray[np.void]:
    """The line in the box of gain 1; uncoloured."""
    points = cut_points(cut, mesh, Frame(frame.alpha, frame.beta, frame.scale))
    whole = np.isfinite(points[:, 2])
    keep = whole[:-1] & whole[1:]
    return segments(points[:-1][keep], points[1:][keep])


def _bends(cut: Cut, mesh: DisplayMesh) -> Array:
    """Fractions of the way at which the line meets a line of the displayed grid."""
    fractions = [np.linspace(0.0, 1.0, 33)]
    for axis, a, b in zip((mesh.alpha, mesh.beta), cut.start, cut.end, strict=True):
        if a != b:
            fractions.append((axis - a) / (b - a))
    found = np.concatenate(fractions)
    return np.unique(found[(found >= 0) & (found <= 1)])
