"""Draws the scene into a framebuffer of its own, and only when there is something new to see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.gl import context as context  # first: it chooses PyOpenGL's platform
from isoloss.gl.renderer import Renderer
from isoloss.gl.target import Target
from isoloss.scene.scene import Scene


@dataclass
class Painter:
    """One viewport's picture.

    Attributes:
        count: pictures drawn so far; it stands still while nothing changes.
    """

    count: int = 0
    _target: Target | None = None
    _renderer: Renderer | None = None
    _key: Any = None

    def paint(self, scene: Scene, size: tuple[int, int], scale: float, moving: bool) -> int:
        """Draw `scene` at `size` pixels if it has changed; returns the texture that shows it.

        While the camera is `moving`, large surfaces are drawn more coarsely.
        """
        if self._target is None or self._renderer is None:
            self._target, self._renderer = Target(*size), Renderer()
        key = (scene.camera, scene.appearance, scene.title, size, scale, moving, _layers(scene))
        if key != self._key:
            self._target.resize(*size)
            self._renderer.draw(_shown(scene), self._target, scale, moving)
            self._key = key
            self.count += 1
        return self._target.texture

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 4) uint8 of the last picture; for tests."""
        return self._target.read() if self._target else np.zeros((0, 0, 4), np.uint8)

    def free(self) -> None:
        """Give the memory back, while the context still lives."""
        if self._target is not None:
            self._target.free()
        self._target = self._renderer = None


def _shown(scene: Scene) -> Scene:
    """`scene`; while it is empty, only its background, for the welcome lies over it."""
    if scene.layers:
        return scene
    return Scene(camera=scene.camera, appearance=replace(scene.appearance, title=False))


def _layers(scene: Scene) -> tuple[tuple[int, int, bool, int, int], ...]:
    return tuple(
        (id(x), x.version, x.visible, id(x.surface), id(x.trajectory)) for x in scene.layers
    )
