"""A trajectory as seen in a plane: where each checkpoint projects to, and where it really is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import number_label, range_label
from isoloss.naming import printable
from isoloss.shortening import brief
from isoloss.shown.itself import ShowsItself

_POINTS = {"epoch": "checkpoint", "step": "image", "t": "point"}
"""What is counted along a trajectory, and what its points are then."""


@dataclass(frozen=True, repr=False)
class Trajectory(ShowsItself, by="isoloss.notebook.trajectories"):
    """The ordered checkpoints of one training run, or the images of one attack, projected onto a
    plane.

    Attributes:
        alpha, beta: (n,) float64, least-squares coordinates in the plane.
        loss: (n,) float64, the checkpoint's own loss on the surface's samples (not the surface's
            value below it), so that the path floats where it really is.
        off_plane: (n,) float64 ≥ 0, Euclidean distance of the checkpoint from the plane.
        epoch: (n,) float64, epochs trained; may be fractional. Of an attack, its steps; of a
            Bézier path, t.
        lr: (n,) float64, the learning rate there.
        meta: as for `Surface`; its "name" tells the paths of one plane apart.
    """

    alpha: Array
    beta: Array
    loss: Array
    off_plane: Array
    epoch: Array
    lr: Array
    meta: dict[str, Any] = field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        named = f" {brief(self.name)}" if self.name else ""
        if not len(self):
            return f"<Trajectory{named}: no {self.point}s>"
        first, last = (number_label(float(x), 4) for x in self.loss[[0, -1]])
        far = number_label(float(np.nanmax(self.off_plane, initial=0.0)))
        return (
            f"<Trajectory{named}: {len(self):,} {self.point}s, {self.clock} "
            f"{range_label(self.epoch[0], self.epoch[-1])}, loss from {first} to {last}, "
            f"at most {far} off the plane>"
        )

    @property
    def of_images(self) -> bool:
        """Whether it is the way of an attack: its points are images, counted in steps."""
        return self.clock == "step"

    @property
    def point(self) -> str:
        """What each of its points is."""
        return _POINTS[self.clock]

    @property
    def clock(self) -> str:
        """What its `epoch` counts."""
        said = self.meta.get("counted")
        return said if said in (*_POINTS,) else "epoch"

    def __len__(self) -> int:
        return len(self.alpha)

    @property
    def name(self) -> str:
        """What it is called where a plane shows several; "" where nobody named it."""
        return printable(self.meta.get("name") or "")

    @property
    def lr_drops(self) -> NDArray[np.int64]:
        """(k,) indices of the checkpoints at which the learning rate fell by a factor ≥ 2."""
        before, after = self.lr[:-1], self.lr[1:]
        return np.flatnonzero((after > 0) & (after <= before / 2)).astype(np.int64) + 1
