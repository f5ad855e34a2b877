"""Moving smoothly from where one looks to a saved view."""

from __future__ import annotations

from isoloss.scene.camera import Camera
from isoloss.scene.camera_path import between, ease
from isoloss.scene.scene import Scene

SECONDS = 0.4


class Flight:
    """The way of one viewport's camera to another; any other movement of it ends the flight."""

    def __init__(self) -> None:
        self._scene: Scene | None = None
        self._start = self._end = self._last = Camera()
        self._began: float | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether the camera has not arrived yet."""
        return self._scene is not None

    def set_out(self, scene: Scene, end: Camera, *, smoothly: bool = True) -> None:
        """Go to `end`: over the next frames, or at once."""
        self._scene = None
        if not smoothly or scene.camera == end:
            scene.camera = end
            return
        self._scene, self._began = scene, None
        self._start = self._last = scene.camera
        self._end = end

    def go_on(self, now: float) -> bool:
        """Come nearer, `now` being seconds of any clock; returns whether it is still on its way."""
        if self._scene is None:
            return False
        if self._scene.camera != self._last:  # a hand, or undo
            self._scene = None
            return False
        # The clock starts with the first frame: what led to the flight may have taken its time.
        self._began = now if self._began is None else self._began
        t = (now - self._began) / SECONDS
        self._scene.camera = self._last = between(self._start, self._end, ease(t))
        if t >= 1:
            self._scene = None
        return self.is_under_way
