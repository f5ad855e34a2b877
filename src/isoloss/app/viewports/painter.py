"""Draws the scene into a framebuffer of its own, and only when there is something new to see."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.rect import Rect
from isoloss.gl.device import context as context  # first: it chooses PyOpenGL's platform
from isoloss.gl.frame.canvas import PIECE, Canvas
from isoloss.gl.frame.detail import TARGET
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene

SLOW = 0.045
"""Seconds: movements whose pictures take longer together do not look smooth."""

_CHOICES = tuple(f.name for f in fields(Scene) if f.name != "layers")


@dataclass
class Painter:
    """One viewport's picture.

    Attributes:
        count: changes drawn so far; it stands still while nothing changes.
        cost: seconds of processors' time that the last new data took to be shown, the way there
            and the whole picture included.
        has_turn: whether the next frame may go on with the whole picture; of several viewports one
            has its turn.
    """

    count: int = 0
    cost: float = 0.0
    has_turn: bool = True
    _canvas: Canvas | None = None
    _key: Any = None

    def paint(self, scene: Scene, size: tuple[int, int], scale: float, together: int = 1) -> int:
        """Draw `scene` at `size` pixels if it has changed; returns the texture that shows it.

        Where the whole picture takes long, a quick one is shown at once, and the whole one follows
        when there has been no change for a moment. `together` is how many viewports share a frame.
        """
        layers = _seen(scene)
        self._canvas = canvas = self._canvas or Canvas()
        choices = tuple(getattr(scene, name) for name in _CHOICES)
        view = (choices, bool(scene.layers), size, scale)
        key = (view, tuple(layer.approach for layer in layers), _states(layers))
        if key != self._key:
            try:
                self._draw(canvas, _shown(scene), size, scale, together, key)
            finally:
                self._key = key  # what fails is not tried again until something changes
                self.count += not canvas.is_hurrying
        elif canvas.is_hurrying:
            canvas.go_on(PIECE / together)
            self.count += not canvas.is_hurrying
        elif self.has_turn and canvas.go_on():
            self.cost += canvas.whole_seconds
        return canvas.texture

    @property
    def patches(self) -> tuple[int, list[Rect]]:
        """A texture as large as the picture, and the rectangles of it to be shown over that."""
        return self._canvas.patches if self._canvas is not None else (0, [])

    @property
    def seconds(self) -> float:
        """What a picture takes while something moves."""
        if self._canvas is None:
            return 0.0
        return min(self._canvas.quick_seconds, self._canvas.whole_seconds)

    @property
    def is_slow(self) -> bool:
        """Whether a picture takes too long for movements to look smooth."""
        return self.seconds > SLOW

    @property
    def is_busy(self) -> bool:
        """Whether the whole picture is still to come."""
        return self._canvas is not None and self._canvas.is_busy

    def _draw(
        self,
        canvas: Canvas,
        scene: Scene,
        size: tuple[int, int],
        scale: float,
        together: int,
        key: Any,
    ) -> None:
        canvas.detail_control.target = TARGET / together
        start = time.process_time()
        canvas.draw(scene, size, scale, TARGET / together)
        seconds = time.process_time() - start
        if self._key is None or self._key[2] != key[2]:
            self.cost = seconds
        elif self._key[1] != key[1]:
            self.cost += seconds

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 4) uint8 of the last picture, which is finished first; for tests."""
        return self._canvas.pixels() if self._canvas else np.zeros((0, 0, 4), np.uint8)

    def rest(self) -> None:
        """Give the memory of the layers back while nothing is shown; the shaders stay."""
        if self._canvas is not None and self._key is not None:
            self._canvas.renderer.free()
            self._key = None
            self.cost = 0.0

    def free(self) -> None:
        """Give the memory of pictures and layers back, while the context still lives."""
        if self._canvas is not None:
            self._canvas.free()
        self._canvas = self._key = None
        self.cost = 0.0


def _shown(scene: Scene) -> Scene:
    """`scene`; while it is empty, only its background, for the welcome lies over it."""
    if scene.layers:
        return scene
    return Scene(camera=scene.camera, appearance=replace(scene.appearance, title=False))


def _seen(scene: Scene) -> list[SurfaceLayer]:
    """The layers that the picture depends on: what grows out of sight is none of them."""
    own = [layer for layer in scene.layers if layer not in scene.hidden]
    return list(dict.fromkeys([*own, *scene.beside]))


def _states(layers: list[SurfaceLayer]) -> tuple[object, ...]:
    return tuple(
        (
            (id(x), x.version, id(x.surface), x.pending),
            (tuple(map(id, x.trajectories)), x.hidden, x.opacity),
        )
        for x in layers
    )
