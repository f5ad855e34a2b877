"""What may mislead in a plane: its directions, their scale, trajectories that it does not hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from isoloss.compute.diagnostics.probed_surface import (
    RANGE_OF_ALL,
    Found,
    ProbedSurface,
    percent,
)
from isoloss.compute.planes.directions import (
    chance_cosine,
    filter_ratios,
    fraction_off_plane,
    normalization,
)
from isoloss.geometry.ticks import number_label
from isoloss.naming import capitalized

# From this |cosine| on, both axes show nearly the same.
PARALLEL = 0.5
# So many times the |cosine| that chance gives is no chance.
TIMES_CHANCE = 10.0
# Filters whose steps differ by this factor, or exceed their own norm by it, are out of scale.
GROSS = 10.0
# Li et al. 2018 report planes that hold 40 to 90 % of a trajectory's variance.
OFF_PLANE = 0.5


def check_directions(probed: ProbedSurface) -> Found:
    """Two directions of which neither is zero and that are not nearly parallel."""
    if probed.plane.is_line:
        return "ok", "There is one direction, and the curve runs along it."
    if probed.plane.explained_variance_ratio is not None:
        return "ok", "Principal components are orthogonal by construction."
    if units := probed.plane.facts.get("orthonormal_in"):
        return "ok", f"The directions are orthogonal in units of the {units}."
    cosine, chance = probed.plane.cosine, chance_cosine(probed.plane)
    if not math.isfinite(cosine):
        message = (
            "One of the two directions is zero or not finite, so the loss cannot change along it: "
            "give another, or probe a line (--plane line)."
        )
        return "warning", message, {"plane": "line"}
    seen = f"The cosine between the directions is {number_label(cosine)}"
    others, remedy = "give other directions", dict[str, Any]()
    if not probed.kind.takes("directions"):
        others, seed = "take another seed (--seed)", probed.surface.meta.get("seed")
        remedy = {"seed": seed + 1} if isinstance(seed, int) else {}
    if abs(cosine) > PARALLEL:
        message = (
            f"{seen}: they are nearly parallel, and both axes show the same. Subtract from the "
            f"second its part along the first, or {others}."
        )
        return "warning", message, remedy
    if abs(cosine) > TIMES_CHANCE * chance:
        message = (
            f"{seen}, where independent ones have about ±{number_label(chance)}: they share a "
            f"part, and the surface is stretched along one diagonal. {capitalized(others)}, or "
            "read distances in the picture with care."
        )
        return "note", message, remedy
    return "ok", f"{seen}; chance gives about ±{number_label(chance)}."


def check_normalization(probed: ProbedSurface) -> Found:
    """Directions whose filters move in proportion to the network's own."""
    if probed.kind.needs_trajectory or probed.kind.joins_networks:
        return "ok", "The directions are those between checkpoints, at their own scale."
    if units := probed.plane.facts.get("orthonormal_in"):
        return _of_curvature(units)
    if not probed.kind.takes("normalize"):
        return _custom_scale(probed)
    how = probed.surface.meta.get("normalize") or normalization(probed.plane)
    if how == "none":
        message = (
            "The random directions are not normalized: how sharp the surface looks depends on the "
            "scale of the weights, which in networks with batch norm or ReLU means nothing. Take "
            "--normalize filter."
        )
        return "warning", message, {"normalize": "filter"}
    return "ok", f"The directions have the norms of the network's own, {how} by {how}."


def _of_curvature(units: str) -> Found:
    if units == "filters":
        return "ok", "The directions have norm 1 in units of the filters' norms."
    message = (
        "The directions have norm 1 in units of the parameters: their curvature depends on the "
        "scale of the weights, which in networks with batch norm or ReLU means nothing. To "
        "compare networks take --normalize filter."
    )
    return "note", message, {"normalize": "filter"}


def check_parameters(probed: ProbedSurface) -> Found:
    """A plane that leaves alone what training held fixed."""
    if not probed.frozen:
        return "ok", "No parameter is frozen while others are not."
    sizes = {
        name: tensor.numel()
        for direction in (probed.plane.delta, probed.plane.eta)
        for name, tensor in direction.items()
        if tensor.any()
    }
    frozen = sizes.keys() & probed.frozen
    if not frozen:
        return "ok", "Of the network's parameters only trainable ones move."
    share = percent(sum(sizes[name] for name in frozen) / sum(sizes.values()))
    can_leave_out = probed.kind.takes("parameters")
    advice = (
        "Move the others alone: --parameters trainable."
        if can_leave_out
        else "Leave them out of the directions."
    )
    message = (
        f"{len(frozen)} frozen parameters (requires_grad=False) move, {share} of all weights that "
        f"do: the loss changes along what training held fixed. {advice}"
    )
    return "note", message, {"parameters": "trainable"} if can_leave_out else {}


def _custom_scale(probed: ProbedSurface) -> Found:
    plane, axes = probed.plane, (probed.surface.alpha, probed.surface.beta)
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


def check_trajectories(probed: ProbedSurface) -> Found:
    """Trajectories of which the plane holds most of the movement."""
    if not probed.trajectories:
        return "ok", "No trajectory is shown."
    has_statistics = any(name.endswith("running_var") for name in probed.plane.origin)
    frozen = probed.surface.meta.get("batch_norm") == "frozen"
    if probed.kind.takes("third") and has_statistics and frozen:
        message = (
            "Batch norms keep the statistics of the first network, with which the others lose "
            "more than they do by themselves. Take --batch-norm recalibrated."
        )
        return "note", message, {"batch_norm": "recalibrated"}
    fractions = [fraction_off_plane(probed.plane, t) for t in probed.trajectories]
    if not np.isfinite(fractions).all():
        return "warning", (
            "A trajectory has checkpoints whose place in the plane is not a number: its training "
            "diverged. Leave it out, or its end."
        )
    worst = int(np.argmax(fractions))
    name = probed.trajectories[worst].meta.get("name")
    whose = f"the trajectory of {name}" if name else "the trajectory"
    lost = percent(fractions[worst])
    seen = f"{lost} of {whose} (squared distance to the origin) is off the plane"
    if fractions[worst] <= OFF_PLANE:
        return "ok", f"{seen}."
    advice = (
        "The end of a training bends less than all of it: save more checkpoints there"
        f"{'' if probed.is_from_python else ' (--checkpoints-per-epoch)'}."
        if probed.kind.needs_trajectory
        else "The plane of its principal components (--plane pca) holds more."
    )
    return (
        "note",
        (f"{seen}: what is drawn is its shadow, at heights that are not the surface's. {advice}"),
        {} if probed.kind.needs_trajectory else {"plane": "pca", **RANGE_OF_ALL},
    )
