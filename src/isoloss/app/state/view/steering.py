"""What the mouse does to the active viewport, without a mouse."""

from __future__ import annotations

from collections.abc import Callable

from isoloss.app.state.workspace import Workspace
from isoloss.scene import pins
from isoloss.scene.camera import Size
from isoloss.scene.picking import Hit, pick_scene

STEP = 12.0
"""Pixels of the drag that one press of a key stands for."""
CLOSER = 1.06
"""How much closer one press comes: less than a notch of the wheel, for a held key is quicker."""


class Steering:
    """Moves the camera in small steps, and acts on the point in the middle of the view."""

    def __init__(self, workspace: Workspace, size: Callable[[], Size]) -> None:
        self.workspace, self._size = workspace, size

    def orbit(self, right: int, down: int) -> None:
        """Turn the surface by so many steps."""
        self.workspace.set_camera(self.workspace.scene.camera.orbit(STEP * right, STEP * down))

    def pan(self, right: int, down: int) -> None:
        """Shift it by so many steps."""
        step, camera = 2 * STEP, self.workspace.scene.camera
        self.workspace.set_camera(camera.pan(step * right, step * down, self._size()))

    def zoom(self, factor: float) -> None:
        """Come closer to the middle."""
        self.workspace.set_camera(self.workspace.scene.camera.zoom(factor))

    def recentre(self) -> None:
        """Orbit around the point in the middle from now on."""
        hit = self._middle()
        if hit is not None:
            self.workspace.set_camera(self.workspace.scene.camera.recentre(hit.position))

    def pin_middle(self) -> None:
        """Pin the point in the middle, or take the pin away that is there."""
        hit = self._middle()
        cell = pins.measured(hit) if hit is not None else None
        if hit is None or cell is None:
            return
        before = pins.pins_of(hit.layer)
        marker = pins.pin(hit.layer, cell)
        if marker in before:
            pins.unpin(hit.layer, marker)

    @property
    def has_minimum(self) -> bool:
        """Whether there is a minimum to be pinned."""
        layer = self.workspace.shown_surface
        return layer is not None and bool(layer.minima)

    def pin_minimum(self) -> None:
        """Pin the lowest point of the selected surface."""
        layer = self.workspace.shown_surface
        if layer is not None and layer.minima:
            pins.pin(layer, min(layer.minima, key=lambda m: m.loss).index)

    def _middle(self) -> Hit | None:
        scene, size = self.workspace.scene, self._size()
        hit = pick_scene(scene, scene.camera.ray(size[0] / 2, size[1] / 2, size))
        if hit is None:
            self.workspace.messages.say("There is no surface in the middle of the view")
        return hit
