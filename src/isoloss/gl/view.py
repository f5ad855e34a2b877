"""What every pass of one frame needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isoloss.scene.camera import Camera
from isoloss.scene.theme import Theme


@dataclass(frozen=True)
class View:
    """A camera over a viewport.

    Attributes:
        camera: from where.
        size: (width, height) in pixels.
        scale: pixels to one device-independent unit; line widths and text grow with it.
        theme: the colours.
    """

    camera: Camera
    size: tuple[int, int]
    scale: float
    theme: Theme

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
        """(4, 4) eye to clip."""
        return self.camera.projection(self.size)

    @cached_property
    def matrix(self) -> NDArray[np.float32]:
        """(4, 4) world to clip."""
        return self.projection @ self.view

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) world points to (n, 3) pixels from the top left and depth."""
        return self.camera.to_pixels(points, self.size)
