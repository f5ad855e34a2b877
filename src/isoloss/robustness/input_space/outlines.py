"""Where a plane through an image cuts the adversary's ball, and where it leaves [0, 1].

All cuts are convex polygons around the image at (0, 0): corners (k, 2) of (α, β), in their order
counter-clockwise.
"""

from __future__ import annotations

import numpy as np

from isoloss.geometry.arrays import Array

ROUND = 256
"""Corners of what is round."""
_TOLERANCE = 1e-12


def cut_of_ball(delta: Array, eta: Array, eps: float, norm: str) -> Array:
    """The cut through {δ·α + η·β of a norm up to ε}.

    Args:
        delta, eta: (d,) directions, not parallel.
        norm: "linf", of which the cut is a polygon, or "l2", of which it is an ellipse.
    """
    directions = np.stack([delta, eta], axis=1)
    _, (longest, shortest), turned = np.linalg.svd(directions, full_matrices=False)
    if norm == "l2":
        angle = 2 * np.pi * np.arange(ROUND) / ROUND
        circle = eps * np.stack([np.cos(angle) / longest, np.sin(angle) / shortest], axis=1)
        return _counter_clockwise(circle @ turned)
    reach = 2 * eps * np.sqrt(len(delta)) / shortest
    square = reach * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    both_sides = np.concatenate([directions, -directions])
    return clipped(square, both_sides, np.full(len(both_sides), eps))


def cut_of_cube(image: Array, delta: Array, eta: Array, within: Array) -> Array:
    """The part of the polygon `within` where all values of an image (d,) stay in [0, 1].

    Where values of the image are 0 or 1 it may be a segment, or the image alone.
    """
    directions = np.stack([delta, eta], axis=1)
    bounds = np.concatenate([1 - image, image])
    return clipped(within, np.concatenate([directions, -directions]), bounds)


def clipped(polygon: Array, normals: Array, bounds: Array) -> Array:
    """The part of a convex polygon (k, 2) in which normals (m, 2) @ point ≤ bounds (m,) ≥ 0."""
    sizes = np.linalg.norm(normals, axis=1)
    normals, bounds = normals[sizes > 0], bounds[sizes > 0]
    normals, bounds = normals / sizes[sizes > 0, None], bounds / sizes[sizes > 0]
    extent = np.abs(polygon).max(initial=0.0)
    while len(polygon):
        beyond = (normals @ polygon.T).max(axis=1) - bounds
        worst = int(beyond.argmax()) if len(beyond) else -1
        if worst < 0 or beyond[worst] <= _TOLERANCE * extent:
            return polygon
        polygon = _cut_off(polygon, normals[worst] @ polygon.T - bounds[worst], extent)
        normals, bounds = np.delete(normals, worst, 0), np.delete(bounds, worst)
    return polygon


def _cut_off(polygon: Array, beyond: Array, extent: float) -> Array:
    """The polygon without its corners that lie `beyond` a line, by so much (k,) > 0."""
    kept: list[Array] = []
    for here, there, a, b in zip(
        polygon, np.roll(polygon, -1, 0), beyond, np.roll(beyond, -1), strict=True
    ):
        if a <= 0:
            kept.append(here)
        if (a > 0) != (b > 0):
            kept.append(here + a / (a - b) * (there - here))
    corners = np.array(kept).reshape(-1, 2)
    apart = np.abs(corners - np.roll(corners, -1, 0)).max(axis=1) > _TOLERANCE * extent
    return corners[apart] if apart.any() else corners[:1]


def _counter_clockwise(polygon: Array) -> Array:
    x, y = polygon.T
    area = x @ np.roll(y, -1) - y @ np.roll(x, -1)
    return polygon if area > 0 else polygon[::-1]
