"""Diagnostics: what a person should know about a probe before believing its picture.

Each check looks at one thing that has misled readers of loss landscapes, and says what it saw, what
that means and which option mends it; where it is known to what, for machines too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from isoloss.compute.diagnostics.curvature_checks import check_curvature
from isoloss.compute.diagnostics.network_checks import check_accuracy, check_batch, check_draws
from isoloss.compute.diagnostics.origin import Origin
from isoloss.compute.diagnostics.plane_checks import (
    check_directions,
    check_normalization,
    check_parameters,
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
from isoloss.compute.machine.user_code import one_line
from isoloss.compute.planes.plane import Plane
from isoloss.geometry.findings import Finding
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.naming import as_arguments

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
    "parameters": check_parameters,
    "accuracy": check_accuracy,
    "batch": check_batch,
    "draws": check_draws,
}
_WHERE_KNOWN = {"eigenvalues": ("curvature", check_curvature)}
"""What is checked beside, where a plane has such facts."""


def run_diagnostics(
    surface: Surface,
    plane: Plane,
    *,
    origin: Origin | None,
    trajectories: Sequence[Trajectory],
    unmeasured: str | None = None,
    frozen: frozenset[str] = frozenset(),
    is_from_python: bool = False,
) -> list[Finding]:
    """One finding from each check, always in the same order, good news too.

    Args:
        surface: (A, B) a surface or (A, 1) a curve in any state: unfinished, with NaN and ±inf. Of
            its `meta`, "normalize", "classes", "split", "batch_norm", "precision" and
            "precision_audit_error" are read where they are given.
        plane: the plane that was probed.
        origin: the loss at the plane's origin; None where nobody measured it.
        trajectories: those shown with the surface, located in the same plane.
        unmeasured: why the origin could not be measured.
        frozen: the parameters that require no gradient while others do.
        is_from_python: whether what mends it is named as Python's arguments, not as options.
    """
    probed = ProbedSurface(
        surface, plane, origin, tuple(trajectories), unmeasured, frozen, is_from_python
    )
    said = as_arguments if is_from_python else str
    with np.errstate(all="ignore"):  # losses may be as large as floats go
        checks = {**_CHECKS, **dict(_WHERE_KNOWN[k] for k in plane.facts if k in _WHERE_KNOWN)}
        found = {what: _made(check, probed) for what, check in checks.items()}
    return [
        Finding(level, what, said(message), *remedy)
        for what, (level, message, *remedy) in found.items()
    ]


def _made(check: Callable[[ProbedSurface], Found], probed: ProbedSurface) -> Found:
    """What a check finds; that it fails must not cost the surface."""
    try:
        return check(probed)
    except Exception as error:
        return "note", f"This could not be checked: {one_line(error)}."


def alarms(surface: Surface) -> list[str]:
    """In words, what a surface keeps of findings that are no good news."""
    return [f"{f['level']}: {f['message']}" for f in surface.meta["findings"] if f["level"] != "ok"]
