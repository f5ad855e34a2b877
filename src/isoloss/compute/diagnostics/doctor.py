"""The doctor: what a person should know about a probe before believing its picture.

Each check looks at one thing that has misled readers of loss landscapes, and says what it saw, what
that means and which option mends it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from isoloss.compute.diagnostics.case import Case
from isoloss.compute.diagnostics.origin import Origin
from isoloss.compute.planes.directions import (
    chance_cosine,
    filter_ratios,
    normalization,
    share_off_plane,
)
from isoloss.compute.planes.planes import Plane
from isoloss.geometry.findings import Finding, Level
from isoloss.geometry.height import number_label
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory

Said = tuple[Level, str]

# From this |cosine| on, both axes show nearly the same.
PARALLEL = 0.5
# So many times the |cosine| that chance gives is no chance.
SURPRISE = 10.0
# Filters whose steps differ by this factor, or exceed their own norm by it, are out of scale.
GROSS = 10.0
# Li et al. 2018 report planes that hold 40 to 90 % of a trajectory's variance.
OFF_PLANE = 0.5
# A relief of fewer standard errors than this may be chance.
NOISE = 3.0
# A relief below this share of the loss at the centre is flat.
FLAT = 0.01
# From so many times the loss of guessing on, one sees only that a network can be broken.
HOPELESS = 10.0
# The largest standard error, as a share of the relief, that cannot be mistaken for shape.
LARGE_ERROR = 0.05
# The largest share of the range by which reduced precision may move a loss.
AUDIT_ERROR = 0.005


def diagnose(
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
    case = Case(surface, plane, origin, tuple(trajectories))
    with np.errstate(all="ignore"):  # losses may be as large as floats go
        said = {what: check(case) for what, check in _CHECKS.items()}
    return [Finding(level, what, message) for what, (level, message) in said.items()]


def alarms(surface: Surface) -> list[str]:
    """In words, what a surface keeps of findings that are no good news."""
    return [f"{f['level']}: {f['message']}" for f in surface.meta["findings"] if f["level"] != "ok"]


def _directions(case: Case) -> Said:
    """Two directions of which neither is zero and that are not nearly parallel."""
    if case.plane.kind in ("line", "interpolate"):
        return "ok", "There is one direction, and the curve runs along it."
    if case.plane.kind == "pca":
        return "ok", "Principal components are orthogonal by construction."
    cosine, chance = case.plane.cosine, chance_cosine(case.plane)
    if not math.isfinite(cosine):
        return "warning", (
            "One of the two directions is zero or not finite, so the loss cannot change along it: "
            "give another, or probe a line (--plane line)."
        )
    seen = f"The cosine between the directions is {number_label(cosine)}"
    if abs(cosine) > PARALLEL:
        return "warning", (
            f"{seen}: they are nearly parallel, and both axes show the same. Subtract from the "
            "second its part along the first, or take another seed (--seed)."
        )
    if abs(cosine) > SURPRISE * chance:
        return "note", (
            f"{seen}, where independent ones have about ±{number_label(chance)}: they share a "
            "part, and the surface is stretched along one diagonal. Take another seed (--seed), or "
            "read distances in the picture with care."
        )
    return "ok", f"{seen}; chance gives about ±{number_label(chance)}."


def _normalization(case: Case) -> Said:
    """Directions whose filters move in proportion to the network's own."""
    if case.plane.kind in ("pca", "interpolate"):
        return "ok", "The directions are those between checkpoints, at their own scale."
    if case.plane.kind == "custom":
        return _custom_scale(case)
    how = case.surface.meta.get("normalize") or normalization(case.plane)
    if how == "none":
        return "warning", (
            "The random directions are not normalized: how sharp the surface looks depends on the "
            "scale of the weights, which in networks with batch norm or ReLU means nothing. Take "
            "--normalize filter."
        )
    return "ok", f"The directions have the norms of the network's own, {how} by {how}."


def _custom_scale(case: Case) -> Said:
    plane, axes = case.plane, (case.surface.alpha, case.surface.beta)
    steps = np.concatenate(
        [
            np.abs(axis).max() * filter_ratios(direction, plane.origin)
            for axis, direction in zip(axes, (plane.delta, plane.eta), strict=True)
        ]
    )
    if not steps.size:
        return "ok", "The directions move no filters, so that none can be out of scale."
    low, typical, high = (float(q) for q in np.quantile(steps, (0.05, 0.5, 0.95)))
    seen = (
        f"At the edge of the grid filters have moved by {number_label(low)} to "
        f"{number_label(high)} times their own norm"
    )
    if high > GROSS * low or typical > GROSS:
        return "note", (
            f"{seen}: a few decide what the surface looks like, and its sharpness cannot be "
            "compared with another network's. Scale each filter of the directions to the norm of "
            "the network's own, as a random plane does."
        )
    return "ok", f"{seen}."


def _centre(case: Case) -> Said:
    """A surface that goes through the checkpoint's own loss."""
    if case.origin is None:
        return "ok", "Nothing was measured at the origin, so there is nothing to compare."
    own, shown = case.origin.own, case.origin.shown
    if not math.isfinite(own):
        return "warning", (
            f"The network's own loss is {number_label(own)}: it has diverged, or the loss "
            "overflows on these data. Probe an earlier checkpoint."
        )
    seen = f"The loss at the centre is {number_label(shown)}, the network's own {number_label(own)}"
    if abs(shown - own) <= NOISE * case.origin.apart + case.rounding(own):
        return "ok", f"{seen}."
    if case.surface.meta.get("batch_norm") == "recalibrated":
        return "note", (
            f"{seen}: the difference is that of the batch-norm statistics, measured anew at every "
            "point. With --batch-norm frozen both agree."
        )
    return "warning", (
        f"{seen}: what is shown is not this network. Probe with --precision fp32; if the "
        "difference stays, the loss depends on more than the parameters (random augmentation, "
        "dropout that is always on, statistics of the batch)."
    )


def _trajectory(case: Case) -> Said:
    """Trajectories of which the plane holds most of the movement."""
    if not case.trajectories:
        return "ok", "No trajectory is shown."
    shares = [share_off_plane(case.plane, t) for t in case.trajectories]
    if not np.isfinite(shares).all():
        return "warning", (
            "A trajectory has checkpoints whose place in the plane is not a number: its training "
            "diverged. Leave it out, or its end."
        )
    worst = int(np.argmax(shares))
    name = case.trajectories[worst].meta.get("name")
    whose = f"the trajectory of {name}" if name else "the trajectory"
    seen = f"{_percent(shares[worst])} of {whose} (squared distance to the origin) is off the plane"
    if shares[worst] <= OFF_PLANE:
        return "ok", f"{seen}."
    remedy = (
        "The end of a training bends less than all of it: save more checkpoints there "
        "(--checkpoints-per-epoch)."
        if case.plane.kind == "pca"
        else "The plane of its principal components (--plane pca) holds more."
    )
    return "note", (
        f"{seen}: what is drawn is its shadow, at heights that are not the surface's. {remedy}"
    )


def _range(case: Case) -> Said:
    """A range in which the loss varies, and means something, and that holds the trajectories."""
    surface, limit = case.surface, _hopeless(case)
    cells = int(surface.computed.sum())
    if cells == 0:
        return "ok", "Nothing has been computed yet."
    lost = int((surface.computed & ~(case.finite & (surface.loss <= limit))).sum())
    if lost > cells / 2:
        beyond = f"above {number_label(limit)} or " if math.isfinite(limit) else ""
        return "warning", (
            f"{_percent(lost / cells)} of the losses are {beyond}not finite: most of the picture "
            "shows networks far worse than guessing. Take a smaller range (--range -0.25 0.25)."
        )
    if (flat := _flatness(case)) is not None:
        return "warning", f"{flat} Take a larger range (--range -2 2)."
    outside = sum(_outside(t, surface) for t in case.trajectories)
    if outside:
        return "note", (
            f"{outside} of {sum(map(len, case.trajectories))} checkpoints lie outside the grid: "
            "the path ends in the air. Leave --alpha-range and --beta-range away, and the grid "
            "holds all of it."
        )
    return "ok", f"The loss varies by {number_label(case.relief)} over the grid."


def _hopeless(case: Case) -> float:
    """The loss from which on a network is lost; infinite where there is nothing to judge by."""
    classes = case.surface.meta.get("classes")
    if isinstance(classes, int) and classes > 1:
        return HOPELESS * math.log(classes)
    # What trajectories begin with are untrained networks, which guess.
    starts = [float(t.loss[0]) for t in case.trajectories if len(t)]
    guess = max(filter(math.isfinite, starts), default=0.0)
    return HOPELESS * guess if guess > 0 else math.inf


def _flatness(case: Case) -> str | None:
    """Why the relief is too small to be seen, if it is."""
    errors = case.surface.loss_stderr[case.finite]
    errors = errors[np.isfinite(errors)]
    typical = float(np.median(errors)) if errors.size else 0.0
    seen = f"The loss varies by {number_label(case.relief)}"
    if case.relief < NOISE * typical:
        return (
            f"{seen}, and its standard error is {number_label(typical)}: what looks like shape may "
            "be chance. Evaluate more (--samples)."
        )
    centre = math.nan if case.origin is None else case.origin.shown
    if not math.isfinite(centre):
        centre = float(np.median(case.surface.loss[case.finite]))
    if case.relief == 0 or case.relief < FLAT * abs(centre):
        return (
            f"{seen} around {number_label(centre)}, by less than {_percent(FLAT)}: there is "
            "nothing to see at this scale."
        )
    return None


def _outside(trajectory: Trajectory, surface: Surface) -> int:
    """How many checkpoints lie beyond the grid; a curve has no width to lie in."""
    outside = np.zeros(len(trajectory), np.bool_)
    for places, axis in ((trajectory.alpha, surface.alpha), (trajectory.beta, surface.beta)):
        if len(axis) > 1:
            slack = 1e-6 * (axis[-1] - axis[0])
            outside |= (places < axis[0] - slack) | (places > axis[-1] + slack)
    return int(outside.sum())


def _minimum(case: Case) -> Said:
    """A network that lies at the bottom of what is shown."""
    if not case.finite.any():
        return "ok", "No loss is finite, so there is no lowest one."
    lowest = np.where(case.finite, case.surface.loss, np.inf)
    i, j = divmod(int(lowest.argmin()), lowest.shape[1])
    low, origin = float(lowest[i, j]), case.origin
    seen = f"The lowest loss is {number_label(low)} at {case.at((i, j))}"
    # Both ends of an interpolation are minima.
    if case.plane.kind == "interpolate" or origin is None or not math.isfinite(origin.shown):
        return "ok", f"{seen}."
    centre = origin.shown
    noise = max(NOISE * math.hypot(case.error((i, j)), origin.error), FLAT * abs(centre))
    if centre - low <= noise + case.rounding(centre):
        return "ok", f"Nothing in the grid is lower than the centre, {number_label(centre)}."
    return "note", (
        f"{seen}, lower by {number_label(centre - low)} than the centre's {number_label(centre)}: "
        "training has not converged, or these are not the data it was trained on. Train longer, "
        "lower the learning rate, or probe --split train."
    )


def _standard_error(case: Case) -> Said:
    """Errors too small to be seen."""
    if not case.finite.any():
        return "ok", "No loss is finite, so none has an error."
    errors = np.where(case.finite, case.surface.loss_stderr, 0.0)
    if unknown := int(np.isnan(errors).sum()):
        return "warning", (
            f"{unknown} losses rest on a single sample each, and their errors are unknown. "
            "Evaluate more (--samples)."
        )
    if not errors.any():
        return "ok", "Every sample was seen at every point: the means are exact."
    i, j = divmod(int(errors.argmax()), errors.shape[1])
    worst = float(errors[i, j])
    share = worst / case.relief if case.relief > 0 else math.inf
    seen = f"The largest standard error is {number_label(worst)}, {_percent(share)} of the relief"
    if share <= LARGE_ERROR:
        return "ok", f"{seen}."
    return "warning", (
        f"{seen}, at {case.at((i, j))}: small bumps are those of the sample. Evaluate more "
        "(--samples, or leave it away for all), or ask for a --tolerance."
    )


def _cells(case: Case) -> Said:
    """A grid of numbers, all of them there."""
    surface, total = case.surface, case.surface.count.size
    broken = int((surface.computed & ~case.finite).sum())
    if broken:
        nan = int((surface.computed & np.isnan(surface.loss)).sum())
        return "note", (
            f"{broken} of {total} losses are not finite ({nan} NaN, {broken - nan} infinite): the "
            "network overflows there, and the picture has holes. Take a smaller range (--range), "
            "or --precision fp32."
        )
    if missing := int((~surface.computed).sum()):
        return "note", (
            f"{missing} of {total} cells have not been computed: carry the run on (isoloss run)."
        )
    return "ok", f"All {total} losses are finite."


def _precision(case: Case) -> Said:
    """Reduced precision that was checked and found harmless."""
    precision, error = case.surface.meta.get("precision"), case.audit_error
    if not case.is_reduced:
        return "ok", "Computed in full precision."
    if error is None:
        return "note", (
            f"Computed in {precision} and not compared with fp32. --precision auto compares, and "
            "takes less than fp32 only where it does no harm."
        )
    seen = f"{precision} moves losses by up to {_percent(error)} of the range"
    if error <= AUDIT_ERROR:
        return "ok", f"{seen}."
    return "warning", f"{seen}: fine structure may be rounding. Take --precision fp32, or auto."


def _percent(share: float) -> str:
    return f"{number_label(100 * share)} %"


_CHECKS: dict[str, Callable[[Case], Said]] = {
    "directions": _directions,
    "normalization": _normalization,
    "centre": _centre,
    "trajectory": _trajectory,
    "range": _range,
    "minimum": _minimum,
    "standard error": _standard_error,
    "cells": _cells,
    "precision": _precision,
}
