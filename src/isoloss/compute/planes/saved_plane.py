"""The plane, or the line, along directions that a file holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from isoloss.compute.networks.reals import can_move
from isoloss.compute.planes.custom_plane import in_types_of
from isoloss.compute.planes.direction_files import SavedDirections, directions_in
from isoloss.compute.planes.plane import Direction, Plane, PlaneInputs, state_of
from isoloss.compute.planes.random_plane import Normalize, check_normalize, scaled
from isoloss.errors import IsolossError


def build_plane(inputs: PlaneInputs) -> Plane:
    """The plane of given directions that a probe asks for."""
    found = _asked_for(inputs)
    if found.eta is None:
        raise IsolossError(
            f"{inputs.settings.directions} holds one direction, which is a line: choose --plane "
            "direction"
        )
    return _along(found, inputs.model, inputs.settings.rescale)


def build_line(inputs: PlaneInputs) -> Plane:
    """The line of a given direction that a probe asks for."""
    found = _asked_for(inputs)
    return _along(replace(found, eta=None), inputs.model, inputs.settings.rescale)


def _asked_for(inputs: PlaneInputs) -> SavedDirections:
    assert inputs.settings.directions is not None
    return directions_in(inputs.settings.directions, inputs.model)


def saved_plane(model: nn.Module, path: str | Path, rescale: Normalize = "none") -> Plane:
    """The plane through `model` along the directions that a file holds; a line if it holds one.

    Args:
        path: an .h5 of directions as tomgoldstein/loss-landscape writes it, of weights or of states
            (then batch-norm statistics move too, but for variances below 0, which count as 0);
            the folder of a probe's run, of this or of another network of the same architecture; or
            its plane.safetensors, or one with `delta.NAME` and `eta.NAME` alone.
        rescale: "filter" or "layer" gives them the norms of this network's own filters or layers,
            as `random_plane` does; tensors with fewer than two dimensions, and all with "none",
            are taken as they are.

    Raises:
        IsolossError: if it holds no directions, or those of another architecture: which tensor is
            of which shape.

    Source: Li et al. 2018, and their program.
    """
    check_normalize(rescale, "rescale")
    return _along(directions_in(Path(path).expanduser(), model), model, rescale)


def _along(found: SavedDirections, model: nn.Module, rescale: str) -> Plane:
    origin = state_of(model)
    still = {k: torch.zeros_like(origin[k]) for k, p in model.named_parameters() if can_move(p)}

    def fitted(direction: Direction) -> Direction:
        wide = {
            k: scaled(t, origin[k], rescale) if t.ndim > 1 and rescale != "none" else t
            for k, t in direction.items()
        }
        return still | in_types_of(origin, wide)

    kind = "direction" if found.eta is None else "directions"
    read_from = found.read_from + (f", rescaled by {rescale}" if rescale != "none" else "")
    return Plane(origin, fitted(found.delta), fitted(found.eta or {}), kind, read_from=read_from)
