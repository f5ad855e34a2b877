"""What a click on a surface means: a pin put there or taken away, once it is sure to be a click."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from isoloss.scene import pins
from isoloss.scene.layer import Marker, SurfaceLayer
from isoloss.scene.picking import Hit
from isoloss.scene.scene import Scene

At = tuple[float, float]
Size = tuple[int, int]


@dataclass
class Pinning:
    """Waits until a click can no longer become a double click, then pins or unpins.

    Attributes:
        reach: how near to a pin, in pixels, a click means that pin.
    """

    reach: float = 10.0
    _due: float = math.inf
    _hit: Hit | None = None
    _pin: tuple[SurfaceLayer, Marker] | None = field(default=None)

    def click(self, scene: Scene, at: At, size: Size, hit: Hit | None, due: float) -> None:
        """A click at the pixel `at`, which hit the surface at `hit`, counts from the time `due`."""
        self._pin = pin_at(scene, at, size, self.reach)
        self._hit, self._due = hit, due if self._pin or hit else math.inf

    def forget(self) -> None:
        """It was the first half of a double click."""
        self._due = math.inf

    def update(self, scene: Scene, now: float) -> bool:
        """Do what is due; returns whether anything was."""
        if now < self._due:
            return False
        self._due = math.inf
        if self._pin is not None:
            pins.unpin(*self._pin)
            return True
        if self._hit is None or not any(x is self._hit.layer for x in scene.shown):
            return False
        cell = pins.measured(self._hit)
        if cell is not None:
            pins.pin(self._hit.layer, cell)
        return cell is not None


def pin_at(scene: Scene, at: At, size: Size, reach: float) -> tuple[SurfaceLayer, Marker] | None:
    """The pin nearest to the pixel `at`, if it is within `reach` pixels."""
    if not scene.appearance.markers:
        return None
    frame, found = scene.frame(), None
    for layer in scene.shown:
        for marker, drawn in zip(layer.markers, pins.drawn_markers(layer), strict=True):
            if not marker.pinned:
                continue
            place = frame.place(drawn.alpha, drawn.beta, drawn.loss)[None]
            x, y, depth = scene.camera.to_pixels(place, size)[0]
            distance = float(np.hypot(x - at[0], y - at[1]))
            if depth > 0 and distance <= reach:
                found, reach = (layer, marker), distance
    return found
