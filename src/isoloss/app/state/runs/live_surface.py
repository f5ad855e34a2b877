"""A layer, or a curve, that keeps step with the surface of a run: while it grows and sharpens, and
when it is finished."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.errors import IsolossError
from isoloss.geometry.analysis.quantities import of_quantity, quantities_of
from isoloss.geometry.files.reading import Tell, finished_file, load_telling, warn
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface, check_values
from isoloss.jobs.follow import FollowedRun
from isoloss.paths import exists
from isoloss.scene.layer import SurfaceLayer

PERIOD = 0.08
"""Seconds between two readings of a growing surface, at least."""
EARLY = 0.8
"""A reading may come after this fraction of the period: frames come a little early or late."""


@dataclass
class LiveSurface:
    """The surface of a followed run as a `layer`, or as a `curve` where it is one.

    Both are None until its first value is there.

    Attributes:
        defended: whether it is not the run's own surface, but that behind a defense.
        quantity: which further quantity of the surface is its height; "" for the loss.
        seconds: of processors' time that the last reading took.
        tell: is called with one line for each trajectory that cannot be read.
        changed: how many cells the last reading found new or sharper.
    """

    followed: FollowedRun
    layer: SurfaceLayer | None = None
    curve: OpenCurve | None = None
    finished: bool = False
    seconds: float = 0.0
    tell: Tell = warn
    changed: int = 0
    defended: bool = False
    quantity: str = ""
    _seen: NDArray[np.int64] | None = None
    _updated: float = -PERIOD

    def update(self, now: float | None = None, period: float = PERIOD) -> bool:
        """Bring layer or curve up to date, every `period` seconds; returns whether it changed.

        Raises:
            IsolossError: if what the run left cannot be read.
        """
        now = time.monotonic() if now is None else now
        if self.finished or now - self._updated < EARLY * period:
            return False
        self._updated = now
        started = time.process_time()
        try:
            return self._read()
        finally:
            self.seconds = time.process_time() - started

    def _read(self) -> bool:
        run = self.followed.run
        has_file = exists(self._source) if self.defended else finished_file(run.folder) is not None
        if self.followed.status == "done" and has_file:
            self.finished = True
            surface = load_telling(self._source, self.tell)
            self._show(surface)
            if self.layer is not None and not self.quantity:
                self.layer.trajectories = surface.trajectories
            return True
        return self._read_growing()

    @property
    def _source(self) -> Path:
        """What is loaded when it is finished."""
        run = self.followed.run
        return run.defended_path if self.defended else run.folder

    def _read_growing(self) -> bool:
        run = self.followed.run
        growing = run.defended_growing_path if self.defended else run.growing_path
        if not GrowingSurface.exists(growing):
            return False
        try:
            surface = GrowingSurface.open(growing).snapshot()
            check_values(surface)
        except IsolossError:
            # It may be just being laid out; what stays damaged is reported when the run ends.
            if not self.followed.is_active:
                self.finished = True
                raise
            return False
        # Cells are not only added: those that are there are sharpened with further samples.
        seen = surface.count
        is_same_grid = self._seen is not None and self._seen.shape == seen.shape
        before = self._seen if is_same_grid else np.zeros_like(seen)
        self.changed = int(np.count_nonzero(seen != before))
        if not self.changed:
            return False
        self._seen = seen
        self._show(surface)
        return True

    def _show(self, surface: Surface) -> None:
        run = self.followed.run
        title = quantities_of(surface).get(self.quantity, "")
        surface = of_quantity(surface, self.quantity)
        if surface.is_curve:
            if self.curve is None:
                self.curve = OpenCurve(run.name, surface, run.folder)
            self.curve.become(surface)
        elif self.layer is None:
            of_what = "defended" if self.defended else title
            name = ", ".join(filter(None, (run.name, of_what)))
            self.layer = SurfaceLayer(name, surface, source=self._source, quantity=self.quantity)
        else:
            self.layer.become(surface)
