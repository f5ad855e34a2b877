"""What every pass of one frame needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.scene.camera import Camera
from isoloss.scene.theme import Theme


@dataclass(frozen=True)
class Part:
    """A rectangle of a picture too large to be drawn at once.

    Attributes:
        whole: (width, height) of the picture in pixels.
        x, y: the rectangle's top left in it.
        size: (width, height) of the rectangle.
    """

    whole: tuple[int, int]
    x: int
    y: int
    size: tuple[int, int]

    @property
    def origin(self) -> tuple[float, float]:
        """Its bottom left as OpenGL counts the pixels of the whole picture, from the bottom."""
        return float(self.x), float(self.whole[1] - self.y - self.size[1])

    def crop(self) -> Array:
        """(4, 4) clip coordinates of the whole picture to those of the rectangle."""
        stretch = np.array(self.whole) / self.size
        centre = np.array(self.origin) + np.array(self.size) / 2
        matrix = np.eye(4)
        matrix[[0, 1], [0, 1]] = stretch
        matrix[:2, 3] = stretch * (1 - 2 * centre / self.whole)
        return matrix


@dataclass(frozen=True)
class View:
    """A camera over a viewport, or over a part of one.

    Attributes:
        camera: from where.
        size: (width, height) of the whole in pixels: everything is laid out in it.
        scale: pixels to one device-independent unit; line widths and text grow with it.
        theme: the colours.
        part: what of it is drawn; None draws all of it.
    """

    camera: Camera
    size: tuple[int, int]
    scale: float
    theme: Theme
    part: Part | None = None

    @property
    def em(self) -> float:
        """The ordinary font size in pixels."""
        return 14.0 * self.scale

    @cached_property
    def view(self) -> NDArray[np.float32]:
        """(4, 4) world to eye."""
        return self.camera.view()

    @cached_property
    def projection(self) -> NDArray[np.float32]:
        """(4, 4) eye to clip; of a part, off-centre."""
        whole = self.camera.projection(self.size)
        return whole if self.part is None else (self.crop @ whole).astype(np.float32)

    @cached_property
    def crop(self) -> Array:
        """(4, 4) clip coordinates of the whole to those of what is drawn."""
        return np.eye(4) if self.part is None else self.part.crop()

    @property
    def drawn(self) -> tuple[int, int]:
        """(width, height) in pixels of what is drawn."""
        return self.size if self.part is None else self.part.size

    @property
    def origin(self) -> tuple[float, float]:
        """Where what is drawn begins in the whole, in pixels from the bottom left."""
        return (0.0, 0.0) if self.part is None else self.part.origin

    @cached_property
    def matrix(self) -> NDArray[np.float32]:
        """(4, 4) world to clip."""
        return self.projection @ self.view

    @property
    def corner(self) -> tuple[float, float]:
        """Where what is drawn begins in the whole, in pixels from the top left."""
        return (0.0, 0.0) if self.part is None else (float(self.part.x), float(self.part.y))

    def pixels(self, points: Array) -> Array:
        """(n, 3) world points to (n, 3) pixels from the top left and depth."""
        return self.camera.to_pixels(points, self.size)
