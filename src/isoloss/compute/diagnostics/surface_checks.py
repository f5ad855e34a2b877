"""What may mislead in a surface: its range, its centre, its errors and what it was computed in."""

from __future__ import annotations

import math

import numpy as np

from isoloss.compute.diagnostics.probed_surface import (
    RANGE_OF_ALL,
    Found,
    ProbedSurface,
    percent,
)
from isoloss.geometry.findings import Remedy
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label
from isoloss.geometry.trajectory import Trajectory

# A relief of fewer standard errors than this may be chance.
NOISE = 3.0
# A relief below this fraction of the loss at the centre is flat.
FLAT = 0.01
# Above so many times the loss of guessing, one sees only that a network can be broken.
FAR_ABOVE_GUESSING = 10.0
# The largest standard error, as a fraction of the relief, that cannot be mistaken for shape.
LARGE_ERROR = 0.05
# The largest fraction of the range by which reduced precision may move a loss.
AUDIT_ERROR = 0.005


def check_centre(probed: ProbedSurface) -> Found:
    """A surface that goes through the checkpoint's own loss."""
    if probed.unmeasured is not None:
        return "note", (
            "The network's own loss could not be measured to compare the centre with: "
            f"{probed.unmeasured}."
        )
    if probed.origin is None:
        return "ok", "Nothing was measured at the origin, so there is nothing to compare."
    own, shown = probed.origin.own, probed.origin.shown
    if not math.isfinite(own):
        return "warning", (
            f"The network's own loss is {number_label(own)}: it has diverged, or the loss "
            "overflows on these data. Probe an earlier checkpoint."
        )
    seen = f"The loss at the centre is {number_label(shown)}, the network's own {number_label(own)}"
    if abs(shown - own) <= NOISE * probed.origin.apart + probed.rounding(own):
        return "ok", f"{seen}."
    if probed.surface.meta.get("batch_norm") == "recalibrated":
        message = (
            f"{seen}: the difference is that of the batch-norm statistics, measured anew at every "
            "point."
        )
        if probed.kind.of_path:
            return "ok", message
        return "note", f"{message} With --batch-norm frozen both agree.", {"batch_norm": "frozen"}
    message = (
        f"{seen}: what is shown is not this network. Probe with --precision fp32; if the "
        "difference stays, the loss depends on more than the parameters (random augmentation, "
        "dropout that is always on, statistics of the batch)."
    )
    return "warning", message, {"precision": "fp32"} if probed.is_reduced else {}


def check_range(probed: ProbedSurface) -> Found:
    """A range in which the loss varies, and means something, and that holds the trajectories."""
    surface, limit = probed.surface, _far_above_guessing(probed)
    cells = int(surface.computed.sum())
    if cells == 0:
        return "ok", "Nothing has been computed yet."
    lost = int((surface.computed & ~(probed.finite & (surface.loss <= limit))).sum())
    if lost > cells / 2:
        beyond = f"above {number_label(limit)} or " if math.isfinite(limit) else ""
        message = (
            f"{percent(lost / cells)} of the losses are {beyond}not finite: most of the picture "
            f"shows networks far worse than guessing. {_smaller(probed)}"
        )
        return "warning", message, {} if probed.trajectories else scaled(probed, 0.25)
    if cells > 1 and lost == 0 and probed.relief == 0:
        message = (
            f"The loss is {number_label(float(surface.loss[surface.computed][0]))} everywhere: "
            "what moves does not reach it. Does it use the network that it is given, and not one "
            "from outside? Weights that are still zero (LoRA before its training) do nothing. Else "
            f"take a larger range ({_range(probed, 2)})."
        )
        return "warning", message, scaled(probed, 2)
    if (flat := _flatness(probed)) is not None:
        why, remedy = flat
        advice = f"Take a larger range ({_range(probed, 2)})."
        return "warning", f"{why} {advice}", {**remedy, **scaled(probed, 2)}
    outside = sum(_outside(t, surface) for t in probed.trajectories)
    if outside:
        message = (
            f"{outside} of {sum(map(len, probed.trajectories))} checkpoints lie outside the grid: "
            "the path ends in the air. Leave --alpha-range and --beta-range away, and the grid "
            "holds all of it."
        )
        return "note", message, RANGE_OF_ALL
    return "ok", f"The loss varies by {number_label(probed.relief)} over the grid."


def _smaller(probed: ProbedSurface) -> str:
    """What to do where the range is too large; a path would end in the air in a smaller one."""
    if probed.trajectories:
        return "The path needs this range: look at the loss in logarithms (--log-height)."
    return f"Take a smaller range ({_range(probed, 0.25)})."


def _range(probed: ProbedSurface, factor: float) -> str:
    """What to give so that the range is scaled by `factor`."""
    ends = "{:g} to {:g}" if probed.is_from_python else "{:g} {:g}"
    alpha, beta = (
        ends.format(*factor * axis[[0, -1]]) for axis in (probed.surface.alpha, probed.surface.beta)
    )
    if probed.is_from_python:
        return f"alpha {alpha}" if probed.surface.is_curve else f"alpha {alpha}, beta {beta}"
    if probed.surface.is_curve or alpha == beta:
        return f"--range {alpha}"
    return f"--alpha-range {alpha} --beta-range {beta}"


def scaled(probed: ProbedSurface, factor: float) -> Remedy:
    """The settings that scale the range by `factor`."""
    axes = {"alpha_range": probed.surface.alpha, "beta_range": probed.surface.beta}
    return {
        name: [factor * float(end) for end in axis[[0, -1]]]
        for name, axis in axes.items()
        if len(axis) > 1
    }


def _far_above_guessing(probed: ProbedSurface) -> float:
    """The loss above which a network is far worse than guessing; infinite if that is unknown."""
    classes = probed.surface.meta.get("classes")
    if isinstance(classes, int) and classes > 1:
        return FAR_ABOVE_GUESSING * math.log(classes)
    # What trajectories begin with are untrained networks, which guess.
    starts = [float(t.loss[0]) for t in probed.trajectories if len(t)]
    guess = max(filter(math.isfinite, starts), default=0.0)
    return FAR_ABOVE_GUESSING * guess if guess > 0 else math.inf


def _flatness(probed: ProbedSurface) -> tuple[str, Remedy] | None:
    """Why the relief is too small to be seen, if it is, and what but a larger range mends that."""
    errors = probed.surface.loss_stderr[probed.finite]
    errors = errors[np.isfinite(errors)]
    typical = float(np.median(errors)) if errors.size else 0.0
    seen = f"The loss varies by {number_label(probed.relief)}"
    if probed.relief < NOISE * typical:
        return (
            f"{seen}, and its standard error is {number_label(typical)}: what looks like shape may "
            "be chance. Evaluate more (--samples)."
        ), probed.more_samples
    centre = math.nan if probed.origin is None else probed.origin.shown
    if not math.isfinite(centre):
        centre = float(np.median(probed.surface.loss[probed.finite]))
    if probed.relief < FLAT * abs(centre):
        return (
            f"{seen} around {number_label(centre)}, by less than {percent(FLAT)}: there is "
            "nothing to see at this scale."
        ), {}
    return None


def _outside(trajectory: Trajectory, surface: Surface) -> int:
    """How many checkpoints lie beyond the grid; a curve has no width to lie in."""
    outside = np.zeros(len(trajectory), np.bool_)
    for places, axis in ((trajectory.alpha, surface.alpha), (trajectory.beta, surface.beta)):
        if len(axis) > 1:
            slack = 1e-6 * (axis[-1] - axis[0])
            outside |= (places < axis[0] - slack) | (places > axis[-1] + slack)
    return int(outside.sum())


def check_minimum(probed: ProbedSurface) -> Found:
    """A network that lies at the bottom of what is shown."""
    if not probed.finite.any():
        return "ok", "No loss is finite, so there is no lowest one."
    lowest = np.where(probed.finite, probed.surface.loss, np.inf)
    i, j = divmod(int(lowest.argmin()), lowest.shape[1])
    low, origin = float(lowest[i, j]), probed.origin
    seen = f"The lowest loss is {number_label(low)} at {probed.at((i, j))}"
    # Both ends of an interpolation, and of a path, are minima.
    if probed.kind.joins_networks or origin is None or not math.isfinite(origin.shown):
        return "ok", f"{seen}."
    centre = origin.shown
    noise = max(NOISE * math.hypot(probed.error((i, j)), origin.error), FLAT * abs(centre))
    if centre - low <= noise + probed.rounding(centre):
        return "ok", f"Nothing in the grid is lower than the centre, {number_label(centre)}."
    elsewhere = ", or probe --split train" if probed.surface.meta.get("split") == "test" else ""
    message = (
        f"{seen}, lower by {number_label(centre - low)} than the centre's {number_label(centre)}: "
        "training has not converged, or these are not the data it was trained on. Train longer, "
        f"or lower the learning rate{elsewhere}."
    )
    return "note", message, {"split": "train"} if elsewhere else {}


def check_standard_error(probed: ProbedSurface) -> Found:
    """Errors too small to be seen."""
    if not probed.finite.any():
        return "ok", "No loss is finite, so none has an error."
    errors = np.where(probed.finite, probed.surface.loss_stderr, 0.0)
    if unknown := int(np.isnan(errors).sum()):
        message = (
            f"{unknown} losses rest on a single sample each, and their errors are unknown. "
            "Evaluate more (--samples)."
        )
        return "warning", message, probed.more_samples
    if not errors.any():
        return "ok", "Every sample was seen at every point: the means are exact."
    i, j = divmod(int(errors.argmax()), errors.shape[1])
    worst = float(errors[i, j])
    fraction = worst / probed.relief if probed.relief > 0 else math.inf
    seen = f"The largest standard error is {number_label(worst)}, {percent(fraction)} of the relief"
    if fraction <= LARGE_ERROR:
        return "ok", f"{seen}."
    message = (
        f"{seen}, at {probed.at((i, j))}: small bumps are those of the sample. Evaluate more "
        "(--samples, or leave it away for all), or ask for a --tolerance."
    )
    return "warning", message, probed.more_samples


def check_cells(probed: ProbedSurface) -> Found:
    """A grid of numbers, all of them there."""
    surface, total = probed.surface, probed.surface.count.size
    broken = int((surface.computed & ~probed.finite).sum())
    if broken:
        nan = int((surface.computed & np.isnan(surface.loss)).sum())
        message = (
            f"{broken} of {total} losses are not finite ({nan} NaN, {broken - nan} infinite): the "
            "network overflows there, and the picture has holes. "
            f"{'Take' if probed.trajectories else 'Take a smaller range, or'} "
            "--precision fp32."
        )
        return "note", message, _without_overflow(probed)
    if missing := int((~surface.computed).sum()):
        return "note", (
            f"{missing} of {total} cells have not been computed: resume the run (isoloss run)."
        )
    return "ok", f"All {total} losses are finite."


def _without_overflow(probed: ProbedSurface) -> Remedy:
    if probed.is_reduced:
        return {"precision": "fp32"}
    return {} if probed.trajectories else scaled(probed, 0.5)


def check_precision(probed: ProbedSurface) -> Found:
    """Reduced precision that was checked and found harmless."""
    precision, error = probed.surface.meta.get("precision"), probed.audit_error
    if not probed.is_reduced:
        return "ok", "Computed in full precision."
    if error is None:
        message = (
            f"Computed in {precision} and not compared with fp32. --precision auto compares, and "
            "takes less than fp32 only where it does no harm."
        )
        return "note", message, {"precision": "auto"}
    seen = f"{precision} moves losses by up to {percent(error)} of the range"
    if error <= AUDIT_ERROR:
        return "ok", f"{seen}."
    return (
        "warning",
        f"{seen}: fine structure may be rounding. Take --precision fp32, or auto.",
        {"precision": "fp32"},
    )
