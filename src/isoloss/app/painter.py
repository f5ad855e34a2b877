"""Draws the scene into a framebuffer of its own, and only when there is something new to see."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.gl import context as context  # first: it chooses PyOpenGL's platform
from isoloss.gl.renderer import Renderer
from isoloss.gl.target import Target
from isoloss.scene.scene import Scene

SLOW = 0.045
"""Seconds: a picture that takes longer is drawn more coarsely while the camera moves."""


@dataclass
class Painter:
    """One viewport's picture.

    Attributes:
        count: pictures drawn so far; it stands still while nothing changes.
        cost: seconds that the last new data took to be shown, the way there included.
    """

    count: int = 0
    cost: float = 0.0
    _coarse: Target | None = None
    _latest: Target | None = None
    _seconds: float = 0.0
    _target: Target | None = None
    _renderer: Renderer | None = None
    _key: Any = None

    def paint(self, scene: Scene, size: tuple[int, int], scale: float, moving: bool) -> int:
        """Draw `scene` at `size` pixels if it has changed; returns the texture that shows it.

        While the camera is `moving`, or a surface on its way, large ones are drawn more coarsely.
        """
        moving = moving or any(layer.approach < 1 for layer in scene.layers)
        if self._target is None or self._renderer is None:
            self._target, self._renderer = Target(*size), Renderer()
        view = (
            scene.camera,
            scene.appearance,
            scene.title,
            scene.hidden,
            scene.height_scale,
            scene.beside,
            size,
            scale,
            moving,
        )
        key = (view, _approach(scene), _layers(scene))
        if key != self._key or self._latest is None:
            self._latest = self._draw(scene, size, scale, moving, key)
            self._key = key
            self.count += 1
        return self._latest.texture

    @property
    def is_slow(self) -> bool:
        """Whether a picture takes too long for movements to look smooth."""
        return self._seconds > SLOW

    def _draw(
        self, scene: Scene, size: tuple[int, int], scale: float, moving: bool, key: Any
    ) -> Target:
        assert self._target is not None
        assert self._renderer is not None
        target = self._target
        if moving and self.is_slow:
            # Without a GPU every pixel costs: half as many each way keep up with the hand, and
            # the full picture follows once it rests.
            self._coarse = target = self._coarse or Target(1, 1)
            size, scale = (max(1, size[0] // 2), max(1, size[1] // 2)), scale / 2
        target.resize(*size)
        start = time.perf_counter()
        self._renderer.draw(_shown(scene), target, scale, moving)
        seconds = time.perf_counter() - start
        # New data and new shaders take time of their own; only a mere redraw tells the speed.
        if self._key is None or self._key[2] != key[2]:
            self.cost = seconds
            return target
        if self._key[1] != key[1]:
            self.cost += seconds
        if target is self._target:
            self._seconds = seconds
        return target

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 4) uint8 of the last picture; for tests."""
        return self._latest.read() if self._latest else np.zeros((0, 0, 4), np.uint8)

    def free(self) -> None:
        """Give the memory back, while the context still lives."""
        for target in (self._target, self._coarse):
            if target is not None:
                target.free()
        self._target = self._coarse = self._latest = self._renderer = None


def _shown(scene: Scene) -> Scene:
    """`scene`; while it is empty, only its background, for the welcome lies over it."""
    if scene.layers:
        return scene
    return Scene(camera=scene.camera, appearance=replace(scene.appearance, title=False))


def _layers(scene: Scene) -> tuple[object, ...]:
    return tuple(
        (id(x), x.version, id(x.surface), tuple(map(id, x.trajectories)), x.hidden)
        for x in scene.layers
    )


def _approach(scene: Scene) -> tuple[float, ...]:
    return tuple(layer.approach for layer in scene.layers)
