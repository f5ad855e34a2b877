"""Which point of a surface a ray hits first."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.geometry.mesh import DisplayMesh
from isoloss.scene.camera import Ray, Vector
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Frame, Scene

_UPON = 0.03  # in the box: what lies upon a surface is not hidden by it


@dataclass(frozen=True)
class Hit:
    """A point of a surface, and the nearest cell of its grid.

    Attributes:
        layer: whose surface.
        position: in the box.
        distance: from the ray's origin.
        alpha, beta: where exactly.
        loss: the displayed (interpolated) value there, within the height scale's range.
        index: (i, j) of the nearest cell.
        cell_loss, cell_accuracy, cell_stderr, cell_count: the values of that cell.
        cell_spread: likewise; NaN where the surface has none.
    """

    layer: SurfaceLayer
    position: Vector
    distance: float
    alpha: float
    beta: float
    loss: float
    index: tuple[int, int]
    cell_loss: float
    cell_accuracy: float
    cell_stderr: float
    cell_count: int
    cell_spread: float = math.nan


def pick_scene(scene: Scene, ray: Ray) -> Hit | None:
    """The nearest hit among the visible layers of `scene`."""
    frame = scene.frame()
    hits = [pick(layer, ray, frame, scene.appearance.smooth) for layer in scene.shown]
    return min((h for h in hits if h), key=lambda h: h.distance, default=None)


def is_hidden(scene: Scene, point: Array, size: tuple[int, int]) -> bool:
    """Whether a visible surface lies between the eye and a `point` (3,) of the box."""
    ((x, y, _),) = scene.camera.to_pixels(point[None], size)
    seen = scene.camera.ray(float(x), float(y), size)
    away = float(np.dot(point - seen.origin, seen.direction))
    frame, smooth = scene.frame(), scene.appearance.smooth
    # Towards the eye, from a little before the point.
    back = Ray(point - _UPON * seen.direction, -seen.direction)
    return away > _UPON and any(
        _is_crossed(back, layer.mesh(frame.scale, smooth), frame, away - _UPON)
        for layer in scene.shown
    )


def _is_crossed(ray: Ray, mesh: DisplayMesh, frame: Frame, length: float) -> bool:
    """Whether a ray of this length meets a surface."""
    scale, offset = frame.mesh_to_world(mesh)
    origin, direction = (ray.origin - offset) / scale, ray.direction / scale
    span = _clip(origin, direction)
    if span is None:
        return False
    t = np.linspace(span[0], min(span[1], length), 2 * max(mesh.height.shape) + 2)
    above = _height_above(mesh, origin, direction, t)
    known = np.isfinite(above[:-1]) & np.isfinite(above[1:])
    return bool((known & (np.signbit(above[:-1]) != np.signbit(above[1:]))).any())


def pick(layer: SurfaceLayer, ray: Ray, frame: Frame, smooth: bool = True) -> Hit | None:
    """The first point at which `ray` meets the displayed surface of `layer`, or None.

    The ray is walked through the grid at about half a vertex a step; where it changes sides of
    the surface, the crossing is found by bisection.
    """
    mesh = layer.mesh(frame.scale, smooth)
    scale, offset = frame.mesh_to_world(mesh)
    # In the mesh's own coordinates the surface is z = height(x, y) over [-1, 1]².
    origin, direction = (ray.origin - offset) / scale, ray.direction / scale
    span = _clip(origin, direction)
    if span is None:
        return None
    steps = 2 * max(mesh.height.shape) + 2
    t = np.linspace(*span, steps)
    above = _height_above(mesh, origin, direction, t)
    crossing = np.flatnonzero(np.signbit(above[:-1]) != np.signbit(above[1:]))
    crossing = crossing[np.isfinite(above[crossing]) & np.isfinite(above[crossing + 1])]
    if not len(crossing):
        return None
    lo, hi = float(t[crossing[0]]), float(t[crossing[0] + 1])
    from_above = above[crossing[0]] >= 0
    for _ in range(30):
        middle = (lo + hi) / 2
        value = _height_above(mesh, origin, direction, np.array([middle]))[0]
        lo, hi = (middle, hi) if (value >= 0) == from_above else (lo, middle)
    return _describe(layer, frame, mesh, ray.origin + hi * ray.direction, hi, scale, offset)


def _describe(
    layer: SurfaceLayer,
    frame: Frame,
    mesh: DisplayMesh,
    world: Array,
    distance: float,
    scale: Array,
    offset: Array,
) -> Hit:
    unit = (world - offset) / scale
    surface = layer.surface
    # The mesh's x and y are its α and β mapped linearly onto [-1, 1].
    alpha = float(mesh.alpha[0] + (unit[0] + 1) / 2 * (mesh.alpha[-1] - mesh.alpha[0]))
    beta = float(mesh.beta[0] + (unit[1] + 1) / 2 * (mesh.beta[-1] - mesh.beta[0]))
    i = int(np.abs(surface.alpha - alpha).argmin())
    j = int(np.abs(surface.beta - beta).argmin())
    return Hit(
        layer=layer,
        position=(float(world[0]), float(world[1]), float(world[2])),
        distance=distance,
        alpha=alpha,
        beta=beta,
        loss=float(frame.scale.invert(unit[2])),
        index=(i, j),
        cell_loss=float(surface.loss[i, j]),
        cell_accuracy=float(surface.accuracy[i, j]),
        cell_stderr=float(surface.loss_stderr[i, j]),
        cell_count=int(surface.count[i, j]),
        cell_spread=math.nan if surface.spread is None else float(surface.spread[i, j]),
    )


def _clip(origin: Array, direction: Array) -> tuple[float, float] | None:
    """The part of the ray inside [-1, 1]² × [0, 1] (a little more in height), or None."""
    near, far = 0.0, np.inf
    for k, (lo, hi) in enumerate([(-1.0, 1.0), (-1.0, 1.0), (-0.02, 1.02)]):
        if abs(direction[k]) < 1e-12:
            if not lo <= origin[k] <= hi:
                return None
            continue
        a, b = (lo - origin[k]) / direction[k], (hi - origin[k]) / direction[k]
        near, far = max(near, min(a, b)), min(far, max(a, b))
    return (near, far) if near < far < np.inf else None


def _height_above(mesh: DisplayMesh, origin: Array, direction: Array, t: Array) -> Array:
    """How far the ray is above the surface at the parameters `t`; NaN over holes."""
    points = origin + t[:, None] * direction
    return points[:, 2] - mesh.height_at(points[:, 0], points[:, 1])
