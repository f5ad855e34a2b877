"""A layer that keeps step with the surface of a run, while it grows and when it is finished."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.formats import load, load_trajectory
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.jobs.follow import FollowedRun
from isoloss.scene.layer import SurfaceLayer

PERIOD = 0.2
"""Seconds between two looks at a growing surface, at the least."""


@dataclass
class LiveSurface:
    """The surface of a followed run as a layer; `layer` is None until its first value is there."""

    followed: FollowedRun
    layer: SurfaceLayer | None = None
    finished: bool = False
    _growing: GrowingSurface | None = None
    _seen: int = 0
    _looked: float = -PERIOD

    def update(self, now: float | None = None, period: float = PERIOD) -> bool:
        """Bring the layer up to date, every `period` seconds; returns whether it changed.

        Raises:
            IsolossError: if what the run left cannot be read.
        """
        now = time.monotonic() if now is None else now
        if self.finished or now - self._looked < period:
            return False
        self._looked = now
        run = self.followed.run
        if run.surface_path.exists() and self.followed.status == "done":
            self.finished = True
            self._growing = None
            layer = self._show(load(run.folder))
            layer.trajectory = load_trajectory(run.folder)
            return True
        return self._look_at_growing()

    def _look_at_growing(self) -> bool:
        run = self.followed.run
        if self._growing is None:
            if not GrowingSurface.exists(run.growing_path):
                return False
            try:
                self._growing = GrowingSurface.open(run.growing_path)
            except IsolossError:
                # It may be just being laid out; what stays damaged is told when the run ends.
                if not self.followed.is_active:
                    self.finished = True
                    raise
                return False
        seen = int(np.count_nonzero(self._growing.count))
        if seen == self._seen:
            return False
        self._seen = seen
        self._show(self._growing.snapshot())
        return True

    def _show(self, surface: Surface) -> SurfaceLayer:
        if self.layer is None:
            run = self.followed.run
            self.layer = SurfaceLayer(run.name, surface, source=run.folder)
        self.layer.surface = surface
        self.layer.touch()
        return self.layer
