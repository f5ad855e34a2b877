"""Diagnostics: what a person should know about a probe before believing its picture.

Each check looks at one thing that has misled readers of loss landscapes, and says what it saw, what
that means and which option mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from isoloss.compute.diagnostics.network_checks import check_accuracy, check_batch, check_draws
from isoloss.compute.diagnostics.origin import Origin
from isoloss.compute.diagnostics.plane_checks import (
    check_directions,
    check_normalization,
    check_trajectories,
)
from isoloss.compute.diagnostics.probed_surface import Found, ProbedSurface
from isoloss.compute.diagnostics.surface_checks import (
    check_cells,
    check_centre,
    check_minimum,
    check_precision,
    check_range,
    check_standard_error,
)
from isoloss.compute.planes.plane import Plane
from isoloss.geometry.findings import Finding
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory

_CHECKS: dict[str, Callable[[ProbedSurface], Found]] = {
    "directions": check_directions,
    "normalization": check_normalization,
    "centre": check_centre,
    "trajectory": check_trajectories,
    "range": check_range,
    "minimum": check_minimum,
    "standard error": check_standard_error,
    "cells": check_cells,
    "precision": check_precision,
    "accuracy": check_accuracy,
    "batch": check_batch,
    "draws": check_draws,
}


def run_diagnostics(
    surface: Surface, plane: Plane, *, origin: Origin | None, trajectories: Sequence[Trajectory]
) -> list[Finding]:
    """One finding from each check, always in the same order, good news too.

    Args:
        surface: (A, B) a surface or (A, 1) a curve in any state: unfinished, with NaN and ±inf. Of
            its `meta`, "normalize", "classes", "batch_norm", "precision" and
            "precision_audit_error" are read where they are given.
        plane: the plane that was probed.
        origin: the loss at the plane's origin; None where nobody measured it.
        trajectories: those shown with the surface, located in the same plane.
    """
    probed = ProbedSurface(surface, plane, origin, tuple(trajectories))
    with np.errstate(all="ignore"):  # losses may be as large as floats go
        found = {what: check(probed) for what, check in _CHECKS.items()}
    return [Finding(level, what, message) for what, (level, message) in found.items()]


def alarms(surface: Surface) -> list[str]:
    """In words, what a surface keeps of findings that are no good news."""
    return [f"{f['level']}: {f['message']}" for f in surface.meta["findings"] if f["level"] != "ok"]
