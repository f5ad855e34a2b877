"""The plane through three networks."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace

import torch
from torch import nn

from isoloss.compute.networks.checkpoints import Checkpoint
from isoloss.compute.networks.reals import widened
from isoloss.compute.planes.interpolation import interpolation
from isoloss.compute.planes.plane import Direction, Plane, PlaneInputs
from isoloss.errors import IsolossError
from isoloss.events import Event, Log

SAME = 1e-6
"""Networks so near to each other, or to a line, relative to their distances, are not told apart."""


def build(inputs: PlaneInputs) -> Generator[Event, None, Plane]:
    """The plane that a probe asks for."""
    plane = three_networks(inputs.model, *inputs.ends, key=inputs.settings.key)
    yield Log(f"the first two networks are {plane.norms[0]:.4g} apart, which is 1 along α")
    return plane


def three_networks(
    model: nn.Module, second: Checkpoint, third: Checkpoint, *, key: str | None = None
) -> Plane:
    """The plane through `model`, at (0, 0), `second`, at (1, 0), and `third`.

    η is what the way to the third has aside of δ (Gram–Schmidt), as long as δ: distances in the
    picture are those between the networks, and the third lies where `Plane.project` says. All
    parameters move; batch-norm statistics are those of `model`, unless a probe measures them anew.

    Args:
        model: the first network; it is left as it is.
        second, third: paths, state dicts or networks.
        key: which network, where a checkpoint holds several.

    Raises:
        IsolossError: if one is of another architecture, or they span no plane.

    Source: Garipov et al. 2018, "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs",
    section 3 and appendix.
    """
    to_second, to_third = (
        interpolation(model, model.state_dict(), end, key=key) for end in (second, third)
    )
    moving = [name for name, _ in model.named_parameters() if name in to_second.delta]
    delta, other = ({k: widened(line.delta[k]) for k in moving} for line in (to_second, to_third))
    length, apart = _norm(delta), _norm(other)
    if length == 0 or apart == 0:
        raise IsolossError("two of the three networks are the same: they span no plane")
    along = _dot(delta, other) / length**2
    aside = {k: other[k] - along * delta[k] for k in moving}
    if _norm(aside) <= SAME * apart:
        raise IsolossError("the three networks lie on one line, and span no plane")
    scale = length / _norm(aside)
    own = to_second.origin
    plane = Plane(
        own,
        {k: t.to(own[k].dtype) for k, t in delta.items()},
        {k: (scale * t).to(own[k].dtype) for k, t in aside.items()},
    )
    return replace(plane, kind="three")


def _dot(a: Direction, b: Direction) -> float:
    return math.fsum(float(torch.vdot(a[k].flatten(), b[k].flatten()).real) for k in a)


def _norm(direction: Direction) -> float:
    return math.sqrt(_dot(direction, direction))
