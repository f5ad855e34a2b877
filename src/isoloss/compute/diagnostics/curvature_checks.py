"""Whether a surface along eigenvectors curves as their eigenvalues say."""

from __future__ import annotations

import numpy as np

from isoloss.compute.diagnostics.probed_surface import Found, ProbedSurface
from isoloss.compute.diagnostics.surface_checks import scaled
from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import number_label

AGREED = 0.05
"""By such a fraction of an eigenvalue a second difference may lie beside it."""
EPSILON = 2.0**-23
"""Rounding of single precision, in which a mean loss is known."""
AT_ZERO = 1e-9
"""A fraction of an axis so near to 0 that it is 0."""


def check_curvature(probed: ProbedSurface) -> Found:
    """A surface that curves at its centre as the eigenvalues say."""
    expected = [float(value) for value in probed.plane.facts["eigenvalues"]]
    said = " and ".join(map(number_label, expected))
    differences = [_at_centre(probed, axis) for axis in (0, 1)]
    if any(found is None for found in differences):
        return "note", (
            f"The Hessian's eigenvalues are {said}; with no points at the centre and on either "
            "side of it the surface says nothing of its curvature. Take an odd number of points, "
            "and a range around 0."
        )
    found = [each for each in differences if each is not None]
    seen = " and ".join(number_label(value) for value, _, _ in found)
    compared = (
        f"At the centre the surface curves by {seen} along α and β (second differences), the "
        f"Hessian's eigenvalues are {said}"
    )
    pairs = [*zip(expected, found, strict=True)]
    error = float(probed.plane.facts.get("eigenvalue_error", 0.0))
    if all(
        abs(value - wanted) <= AGREED * abs(wanted) + 2 * bent + rounded + error
        for wanted, (value, bent, rounded) in pairs
    ):
        if any(rounded > AGREED * abs(wanted) for wanted, (_, _, rounded) in pairs):
            return "ok", f"{compared}: equal within rounding, which is large at this step."
        return "ok", f"{compared}."
    return (
        "note",
        (
            f"{compared}: between these points the loss is not as smooth as a Hessian takes it. "
            "Rectifiers have kinks, which it does not see; else a smaller range shows it."
        ),
        scaled(probed, 0.25),
    )


def _at_centre(probed: ProbedSurface, axis: int) -> tuple[float, float, float] | None:
    """The second difference of the losses along an axis, by how much that bends over twice the
    step, and its rounding; None where there are no such points."""
    surface = probed.surface
    places = (surface.alpha, surface.beta)
    i, j = (_zero(place) for place in places)
    if i is None or j is None:
        return None
    along, losses = places[axis], surface.loss[:, j] if axis == 0 else surface.loss[i, :]
    middle = (i, j)[axis]
    if not 0 < middle < len(along) - 1:
        return None
    near = _second(along, losses, middle, 1)
    if not np.isfinite(near):
        return None
    step = float(along[middle + 1] - along[middle])
    wide = 1 < middle < len(along) - 2
    far = _second(along, losses, middle, 2) if wide else near
    bent = abs(far - near) / 3 if np.isfinite(far) else 0.0
    moved = EPSILON * abs(float(losses[middle])) + probed.error((i, j))
    if probed.is_reduced:
        moved += probed.relief * (probed.audit_error or 0.0)
    return near, bent, 4 * moved / step**2


def _second(places: Array, values: Array, middle: int, apart: int) -> float:
    """The second derivative of the parabola through three points."""
    x, f = (v[[middle - apart, middle, middle + apart]] for v in (places, values))
    slopes = np.diff(f) / np.diff(x)
    return float(2 * (slopes[1] - slopes[0]) / (x[2] - x[0]))


def _zero(places: Array) -> int | None:
    """The place of 0 on an axis."""
    nearest = int(np.abs(places).argmin())
    near = abs(places[nearest]) <= AT_ZERO * float(np.abs(places).max(initial=1.0))
    return nearest if near else None
