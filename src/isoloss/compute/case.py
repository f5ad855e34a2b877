"""A probe as its doctor sees it: what was probed, and the figures that several checks share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isoloss.compute.planes import Plane
from isoloss.geometry.height import number_label
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory

Cell = tuple[int, int]
# fp32 moves a mean loss by less than this share of it, or of a hundredth.
ROUNDING = 1e-3


@dataclass(frozen=True)
class Case:
    """A surface with all that is known of where it comes from; see `doctor.diagnose`."""

    surface: Surface
    plane: Plane
    own_loss: float | None
    trajectories: tuple[Trajectory, ...]

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """(A, B) where the loss is a number."""
        return self.surface.computed & np.isfinite(self.surface.loss)

    @cached_property
    def relief(self) -> float:
        """The highest finite loss less the lowest; 0 where there is none."""
        losses = self.surface.loss[self.finite]
        return float(np.ptp(losses)) if losses.size else 0.0

    @cached_property
    def centre(self) -> Cell | None:
        """The computed grid point at α = β = 0, if there is one."""
        nearest: list[int] = []
        for axis in (self.surface.alpha, self.surface.beta):
            k = int(np.abs(axis).argmin())
            # An axis of `linspace` may miss zero by a rounding error.
            if abs(axis[k]) > 1e-9 * np.abs(axis).max():
                return None
            nearest.append(k)
        i, j = nearest
        return (i, j) if self.surface.computed[i, j] else None

    @property
    def centre_loss(self) -> float | None:
        """The surface's loss at the origin, else the one measured apart from it."""
        return self.own_loss if self.centre is None else float(self.surface.loss[self.centre])

    def error(self, *cells: Cell | None) -> float:
        """Standard error of the difference between cells; one that is unknown counts as 0."""
        errors = [self.surface.loss_stderr[c] for c in cells if c is not None]
        return math.sqrt(float(np.nansum(np.square(errors))))

    @property
    def is_reduced(self) -> bool:
        """Whether it was computed in less than fp32."""
        return self.surface.meta.get("precision") in ("bf16", "tf32")

    @property
    def audit_error(self) -> float | None:
        """By how much of the range that moved losses, as far as it was compared with fp32."""
        return self.surface.meta.get("precision_audit_error")

    def rounding(self, loss: float) -> float:
        """How far the precision of the computation may have moved `loss`."""
        moved = self.relief * (self.audit_error or 0.0) if self.is_reduced else 0.0
        return ROUNDING * (abs(loss) + 0.01) + moved

    def at(self, cell: Cell) -> str:
        """Where a cell is, in words."""
        place = f"α = {number_label(float(self.surface.alpha[cell[0]]))}"
        if len(self.surface.beta) > 1:
            place += f", β = {number_label(float(self.surface.beta[cell[1]]))}"
        return place
