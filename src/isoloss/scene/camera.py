"""A turntable camera: z is up, the target stays where it is put."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array

Matrix = NDArray[np.float32]
Vector = tuple[float, float, float]
Size = tuple[int, int]
Margins = tuple[float, float, float, float]
"""Left, top, right and bottom."""

FIELD_OF_VIEW = 26.0
"""Degrees of the smaller side; narrow, as a portrait lens, so that the box is hardly distorted."""

_DEGREES_PER_PIXEL = 0.35
_MARGIN = 0.9
_FROM_ABOVE = 5.3  # the distance from which the box, seen so, fills a viewport
_TARGET: Vector = (0.0, 0.0, 0.13)


class Ray(NamedTuple):
    """A half-line; `direction` has length 1."""

    origin: Array
    direction: Array


@dataclass(frozen=True)
class Camera:
    """Where one looks from. Every movement returns a new camera, so an undo step is a reference.

    Attributes:
        azimuth: degrees around z; 0 looks along +y from the front, positive turns the eye to +x.
        elevation: degrees above the horizon, in [-90, 90].
        target: the point orbited around; the surface spans [-1, 1] × [-1, 1] × [0, 0.9].
        distance: from the eye to the target; in the orthographic view it sets the scale alike.
        orthographic: parallel projection instead of perspective.
    """

    azimuth: float = -32.0
    elevation: float = 29.0
    target: Vector = _TARGET
    distance: float = 6.3
    orthographic: bool = False

    # -- movements ---------------------------------------------------------------------------

    def orbit(self, dx: float, dy: float) -> Camera:
        """Turn by a drag of (dx, dy) pixels, y downwards; the surface follows the pointer."""
        elevation = min(max(self.elevation + dy * _DEGREES_PER_PIXEL, -90.0), 90.0)
        azimuth = (self.azimuth - dx * _DEGREES_PER_PIXEL + 180.0) % 360.0 - 180.0
        return replace(self, azimuth=azimuth, elevation=elevation)

    def pan(self, dx: float, dy: float, size: Size) -> Camera:
        """Shift by a drag of (dx, dy) pixels in a viewport of `size`; the target stays under it."""
        right, up, _ = self.axes
        shift = self._units_per_pixel(size) * (-dx * right + dy * up)
        return replace(self, target=_vector(np.array(self.target) + shift))

    def zoom(self, factor: float, at: tuple[float, float] | None = None, size: Size = (1, 1)):
        """Come closer by `factor` (> 1), keeping what is under the pixel `at` in its place."""
        distance = min(max(self.distance / factor, 0.05), 100.0)
        closer = replace(self, distance=distance)
        if at is None:
            return closer
        dx, dy = at[0] - size[0] / 2, at[1] - size[1] / 2
        right, up, _ = self.axes
        gained = self._units_per_pixel(size) - closer._units_per_pixel(size)
        shift = gained * (dx * right - dy * up)
        return replace(closer, target=_vector(np.array(self.target) + shift))

    def recentre(self, point: Vector) -> Camera:
        """Orbit around `point` from now on."""
        return replace(self, target=point)

    def reset(self) -> Camera:
        """The view a surface is first shown in, keeping the kind of projection."""
        return Camera(orthographic=self.orthographic)

    def fitting(self, size: Size, corners: Array) -> Camera:
        """As far away as it takes to see all `corners` (n, 3) in a viewport of `size`, and no
        closer than it is; the margin is for what is written around them."""
        eye = (corners - self.target) @ np.stack(self.axes).T
        width, height = (_MARGIN * half / self.distance for half in self._half_extent(size))
        reach = np.maximum(np.abs(eye[:, 0]) / width, np.abs(eye[:, 1]) / height)
        needed = reach if self.orthographic else reach + eye[:, 2]
        return replace(self, distance=max(self.distance, float(needed.max())))

    def filling(self, size: Size, corners: Array, margins: Margins) -> Camera:
        """As close, and to the side, as it takes for all `corners` (n, 3) to fill a viewport of
        `size` but for its margins, in pixels."""
        (left, top, right, bottom), camera = margins, self
        free = np.array([size[0] - left - right, size[1] - top - bottom])
        middle = np.array([left, top]) + free / 2
        for _ in range(12):
            places = camera.to_pixels(corners, size)[:, :2]
            low, high = places.min(axis=0), places.max(axis=0)
            nearness = float((np.maximum(free, 1) / np.maximum(high - low, 1)).min())
            dx, dy = middle - (low + high) / 2
            camera = camera.pan(float(dx), float(dy), size).zoom(nearness)
        return camera

    def axis_view(self, key: int) -> Camera:
        """The view of Blender's keys 1, 3 and 7: front, right and top; the centre stays.

        From the top the projection is orthographic, from the sides it is as it was; from the top
        nothing is foreshortened, so that the box fills a viewport from less far away.
        """
        azimuth, elevation = {1: (0.0, 0.0), 3: (90.0, 0.0), 7: (0.0, 90.0)}[key]
        distance = self.distance
        if key == 7 and distance == Camera.distance:
            distance = _FROM_ABOVE
        elif key != 7 and distance == _FROM_ABOVE:
            distance = Camera.distance
        return replace(
            self,
            azimuth=azimuth,
            elevation=elevation,
            distance=distance,
            orthographic=self.orthographic or key == 7,
        )

    def toggle_projection(self) -> Camera:
        """Perspective to orthographic and back."""
        return replace(self, orthographic=not self.orthographic)

    # -- matrices ----------------------------------------------------------------------------

    @cached_property
    def axes(self) -> tuple[Array, Array, Array]:
        """(3,) each: unit vectors to the right, up, and back towards the eye."""
        a, e = math.radians(self.azimuth), math.radians(self.elevation)
        right = np.array([math.cos(a), math.sin(a), 0.0])
        up = np.array([-math.sin(a) * math.sin(e), math.cos(a) * math.sin(e), math.cos(e)])
        back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
        return right, up, back

    @property
    def eye(self) -> Array:
        """(3,) where the camera is."""
        return np.array(self.target) + self.distance * self.axes[2]

    def view(self) -> Matrix:
        """(4, 4) world to eye coordinates, for column vectors; the eye looks along -z."""
        rotation = np.stack(self.axes)
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        matrix[:3, 3] = -rotation @ self.eye
        return matrix.astype(np.float32)

    def depth_range(self) -> tuple[float, float]:
        """Distances from the eye to the near and far planes, as tight as the box allows.

        Line biases rely on the precision.
        """
        centre = self.distance + float(np.dot(np.array(self.target) - _TARGET, self.axes[2]))
        reach = 4.0
        if self.orthographic:
            return centre - 2 * reach, centre + 2 * reach
        return max(centre - reach, 0.01 * self.distance, 0.01), max(centre + reach, 1.0)

    def projection(self, size: Size) -> Matrix:
        """(4, 4) eye to OpenGL clip coordinates for a viewport of `size` pixels."""
        width, height = self._half_extent(size)
        near, far = self.depth_range()
        matrix = np.zeros((4, 4))
        matrix[0, 0], matrix[1, 1] = self.distance / width, self.distance / height
        if self.orthographic:
            matrix[0, 0], matrix[1, 1] = 1 / width, 1 / height
            matrix[2, 2], matrix[2, 3] = -2 / (far - near), -(far + near) / (far - near)
            matrix[3, 3] = 1
        else:
            matrix[2, 2] = -(far + near) / (far - near)
            matrix[2, 3] = -2 * far * near / (far - near)
            matrix[3, 2] = -1
        return matrix.astype(np.float32)

    def ray(self, x: float, y: float, size: Size) -> Ray:
        """The ray through the pixel (x, y), counted from the top left of a viewport of `size`."""
        right, up, back = self.axes
        width, height = self._half_extent(size)
        across = width * (2 * x / size[0] - 1) * right + height * (1 - 2 * y / size[1]) * up
        if self.orthographic:
            return Ray(self.eye + across, -back)
        direction = across - self.distance * back
        return Ray(self.eye, direction / np.linalg.norm(direction))

    def to_pixels(self, points: Array, size: Size) -> Array:
        """(n, 3) world points to (n, 3): pixels from the top left, and depth along the view."""
        eye = (points - self.eye) @ np.stack(self.axes).T
        depth = -eye[:, 2]
        width, height = self._half_extent(size)
        nearness = self.distance / np.maximum(depth, 1e-6)
        scale = np.ones_like(depth) if self.orthographic else nearness
        x = (eye[:, 0] * scale / width + 1) * size[0] / 2
        y = (1 - eye[:, 1] * scale / height) * size[1] / 2
        return np.stack([x, y, depth], axis=1)

    # -- inner workings ----------------------------------------------------------------------

    def _half_extent(self, size: Size) -> tuple[float, float]:
        """Half the width and height of what is seen at the target's distance."""
        half = self.distance * math.tan(math.radians(FIELD_OF_VIEW / 2))
        unit = box_unit(size)
        return half * size[0] / max(unit, 1), half * size[1] / max(unit, 1)

    def _units_per_pixel(self, size: Size) -> float:
        return 2 * self._half_extent(size)[1] / size[1]


def box_unit(size: Size) -> float:
    """Pixels of the side by which the box is measured in a viewport of `size`.

    The box is wider than tall: a viewport may be 1.4 times as wide before height decides, which
    leaves room for the scalar bar in a narrow one. In an upright one the bar lies below.
    """
    uprightness = min(max((size[1] / max(size[0], 1) - 1.15) / 0.25, 0.0), 1.0)
    return min(size[1], size[0] / (1.4 - 0.2 * uprightness))


def _vector(values: Array) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])
