"""A surface with all that is known of where it comes from, as the checks are given it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isoloss.compute.diagnostics.origin import Cell, Origin
from isoloss.compute.planes.plane import Plane
from isoloss.geometry.findings import Level, Remedy
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label
from isoloss.geometry.trajectory import Trajectory
from isoloss.settings.plane_kinds import PlaneKind, plane_kind

Found = tuple[Level, str] | tuple[Level, str, Remedy]
"""What a check finds: how much it matters, one or two sentences and, where settings mend it, which
these are."""
RANGE_OF_ALL: Remedy = {"alpha_range": None, "beta_range": None}
"""With a trajectory, what holds all of it."""
# fp32 moves a mean loss by less than this fraction of it, or of a hundredth.
ROUNDING = 1e-3


@dataclass(frozen=True)
class ProbedSurface:
    """A surface with all that is known of where it comes from; see `checks.run_diagnostics`."""

    surface: Surface
    plane: Plane
    origin: Origin | None
    trajectories: tuple[Trajectory, ...]
    unmeasured: str | None = None
    frozen: frozenset[str] = frozenset()
    is_from_python: bool = False

    @property
    def kind(self) -> PlaneKind:
        """What there is to know of the kind of plane."""
        return plane_kind(self.plane.kind)

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """(A, B) where the loss is a number."""
        return self.surface.computed & np.isfinite(self.surface.loss)

    @cached_property
    def relief(self) -> float:
        """The highest finite loss less the lowest; 0 where there is none."""
        losses = self.surface.loss[self.finite]
        return float(np.ptp(losses)) if losses.size else 0.0

    def error(self, cell: Cell) -> float:
        """Standard error of a cell; one that is unknown counts as 0."""
        return float(np.nan_to_num(self.surface.loss_stderr[cell]))

    @property
    def is_reduced(self) -> bool:
        """Whether it was computed in less than fp32."""
        return self.surface.meta.get("precision") in ("bf16", "tf32")

    @property
    def audit_error(self) -> float | None:
        """By how much of the range that moved losses, as far as it was compared with fp32."""
        return self.surface.meta.get("precision_audit_error")

    @property
    def more_samples(self) -> Remedy:
        """Four times as many as any cell has seen on a plane, which halves standard errors."""
        seen = int(self.surface.count.max(initial=1)) // int(self.surface.meta.get("planes") or 1)
        return {"samples": 4 * seen, "tolerance": None}

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


def percent(fraction: float) -> str:
    """0.125 as "12.5 %"."""
    return f"{number_label(100 * fraction)} %"
