"""Directions that a file holds, as directions through the parameters of a network.

tomgoldstein/loss-landscape writes the tensors of `xdirection` and `ydirection` in a list, without
names: in the order of `parameters()` ("weights") or of `state_dict()` ("states", which has the
statistics of batch norms too). A plane of our own has them by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
import torch
from torch import Tensor, nn

from isoloss.compute.networks.checkpoint_files import is_safetensors
from isoloss.compute.networks.checkpoints import load_state, only_tensors
from isoloss.compute.networks.matching import Wanted
from isoloss.compute.networks.reals import can_move
from isoloss.compute.networks.state_dicts import find
from isoloss.compute.planes.plane import Direction
from isoloss.errors import IsolossError
from isoloss.files import nothing_at
from isoloss.geometry.files.h5 import member_of
from isoloss.naming import in_one_line
from isoloss.paths import exists, is_file
from isoloss.run_folder import is_run
from isoloss.settings.direction_files import file_of, holds_a_line

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
WHAT_TO_GIVE = (
    "give an .h5 of directions of tomgoldstein/loss-landscape, the run of a probe, or its "
    "plane.safetensors"
)
_COUNTER = "num_batches_tracked"
"""What batch norms count in training, and no evaluation reads."""


@dataclass(frozen=True)
class SavedDirections:
    """What a file of directions holds.

    Attributes:
        delta: {name in the network: tensor}, in the file's type; parameters, and of others only
            what moves.
        eta: likewise; None where the file holds a line.
        read_from: what it is, in words.
    """

    delta: Direction
    eta: Direction | None
    read_from: str


def directions_in(given: Path, network: nn.Module) -> SavedDirections:
    """The directions that `given` names, as directions of `network`.

    Raises:
        IsolossError: if it holds none, or those of another network, or zeros, or no numbers.
    """
    try:
        found, kind = _read(given, network)
    except OSError as error:
        raise IsolossError(f"{given} cannot be read: {in_one_line(error)}") from error
    for label, direction in found.items():
        _check_values(direction, f"{given}: {label}")
    delta, *rest = found.values()
    return SavedDirections(delta, rest[0] if rest else None, f"{given.name}, {kind}")


def _read(given: Path, network: nn.Module) -> tuple[dict[str, Direction], str]:
    """The directions by what they are called in the file, and how they are kept there."""
    file = file_of(given)
    if not exists(given):
        raise nothing_at(given)
    if is_run(given) and not is_file(file):
        raise IsolossError(f"{given} has kept no plane: {WHAT_TO_GIVE}")
    if is_file(file) and h5py.is_hdf5(file):
        return _listed(file, network)
    if is_file(file) and is_safetensors(file):
        return _named(file, network), "by name"
    raise IsolossError(f"{given} holds no directions: {WHAT_TO_GIVE}")


def _listed(file: Path, network: nn.Module) -> tuple[dict[str, Direction], str]:
    """The directions in an .h5 by what they are called there, and which kind of list it holds."""
    found: dict[str, Direction] = {}
    kind = ""
    try:
        with h5py.File(file, "r") as opened:
            held = {*map(str, opened)}  # to ask the file itself would follow links
            if "xdirection" not in held:
                raise IsolossError(f"{file} {_what_else(opened)}")
            for label in sorted(held & {"xdirection", "ydirection"}):
                stored = _in_order(member_of(opened, label))
                names, kind = _names_of([s.shape for s in stored], network, f"{file}: {label}")
                pairs = zip(names, stored, strict=True)
                found[label] = _moving({k: _tensor(s) for k, s in pairs}, network)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        said = in_one_line(error)
        raise IsolossError(f"{file} is not a readable file of directions: {said}") from error
    return found, kind


def _what_else(opened: Any) -> str:
    """What an HDF5 file without directions is, and what to give instead."""
    if "xcoordinates" not in opened:
        return f"holds no directions (it has no xdirection): {WHAT_TO_GIVE}"
    named = opened["dir_file"][()] if "dir_file" in opened else b""
    file = named.decode("utf-8", "replace") if isinstance(named, bytes) else str(named)
    which = f", {in_one_line(file)}" if file else ""
    return f"is a surface, not directions: give the file that it was computed along{which}"


def _in_order(group: Any) -> list[Any]:
    """The datasets of one direction: they are called 0, 1, … or idx_0, idx_1, …"""
    numbers: dict[int, Any] = {}
    for name in group:
        digits = re.search(r"\d+$", name)
        if digits is None or not isinstance(member := member_of(group, name), h5py.Dataset):
            raise ValueError(f"{group.name} has {name!r}, which is no numbered tensor")
        numbers[int(digits[0])] = member
    if sorted(numbers) != list(range(len(group))):
        raise ValueError(f"the tensors of {group.name} are not numbered from 0 on")
    return [numbers[k] for k in range(len(numbers))]


def _tensor(stored: Any) -> Tensor:
    values = np.asarray(stored)
    if values.dtype.kind not in "fiuc":
        raise ValueError(f"{stored.name} holds no numbers")
    return torch.from_numpy(values.astype(values.dtype.newbyteorder("="), order="C"))


def _names_of(shapes: Sequence[Shape], network: nn.Module, label: str) -> tuple[Sequence[str], str]:
    """Which of the network's tensors a list of shapes is about: their names, and the kind of list.

    Lists of states may lack buffers: those of an older PyTorch, which counted no batches, and that
    which normalizes images within the network here.
    """
    parameters = {k: tuple(p.shape) for k, p in network.named_parameters()}
    states = {k: tuple(t.shape) for k, t in only_tensors(network.state_dict()).items()}
    if list(shapes) == [*parameters.values()]:
        return [*parameters], "weights"
    every = {k for k, _ in network.named_parameters(remove_duplicate=False)}
    names = _aligned(shapes, states, every)
    if names is not None:
        return names, "states"
    lists = {"parameters": parameters, "tensors in its state dict": states}
    for own in lists.values():
        if len(own) == len(shapes):
            unlike = zip(range(len(shapes)), shapes, own.items(), strict=True)
            n, shape, (name, expected) = next(u for u in unlike if u[1] != u[2][1])
            raise IsolossError(
                f"{label} is of another network: its tensor {n} is {shape}, {name} here is "
                f"{expected}"
            )
    counts = " and ".join(f"{len(own)} {what}" for what, own in lists.items())
    raise IsolossError(
        f"{label} is of another network: it has {len(shapes)} tensors, the network here {counts}"
    )


def _aligned(
    shapes: Sequence[Shape], states: Shapes, parameters: Collection[str]
) -> list[str] | None:
    """The names of those `states` that the shapes are of, buffers left out where they do not fit;
    None if they are of something else."""
    names: list[str] = []
    for name, shape in states.items():
        if len(names) < len(shapes) and shape == shapes[len(names)]:
            names.append(name)
        elif name in parameters:
            return None
    return names if len(names) == len(shapes) else None


def _moving(direction: Direction, network: nn.Module) -> Direction:
    """A direction under the network's own names, without the buffers that do not move. Of tensors
    that are tied the last one counts, as it does for `load_state_dict`."""
    own = {id(p): k for k, p in network.named_parameters()}
    first = {k: own[id(p)] for k, p in network.named_parameters(remove_duplicate=False)}
    return {
        first.get(k, k): t
        for k, t in direction.items()
        if k in first or (t.any() and not k.endswith(_COUNTER))
    }


def _named(file: Path, network: nn.Module) -> dict[str, Direction]:
    """The directions of a plane that `Plane.save` wrote, or of what is laid out like one."""
    parts: dict[str, Direction] = {"delta": {}, "eta": {}}
    for key, tensor in load_state(file).items():
        part, _, name = key.partition(".")
        if part in parts:
            parts[part][name] = tensor
    if not parts["delta"]:
        raise IsolossError(f"{file} holds no directions (it has no delta.NAME): {WHAT_TO_GIVE}")
    if holds_a_line(file):
        del parts["eta"]
    return {
        label: _moving(_in_own_names(direction, network, f"{file}: {label}"), network)
        for label, direction in parts.items()
    }


def _in_own_names(direction: Direction, network: nn.Module, label: str) -> Direction:
    """A direction by the names that the network has for its tensors, also where those it was saved
    of had others, as behind a normalization or `nn.DataParallel`."""
    own = only_tensors(network.state_dict())
    if direction.keys() <= own.keys():
        for name, tensor in direction.items():
            if tensor.shape != own[name].shape:
                raise IsolossError(
                    f"{label} is of another network: its {name} is {tuple(tensor.shape)}, here "
                    f"it is {tuple(own[name].shape)}"
                )
        return direction
    parameters = [k for k, p in network.named_parameters() if can_move(p)]
    statistics = [k for k, b in network.named_buffers() if can_move(b)]
    wanted = Wanted.of_network(network)
    both = wanted.only([*parameters, *statistics]), wanted.only(parameters)
    found = find(direction, label, *both)
    for name in direction.keys() - found.names.values():
        if direction[name].any():
            raise IsolossError(f"{label} moves {name}, which the network here has not")
    return {k: direction[theirs] for k, theirs in found.names.items()}


def _check_values(direction: Direction, label: str) -> None:
    """Refuse a direction along which no loss can be computed."""
    for name, tensor in direction.items():
        if not torch.isfinite(tensor).all():
            raise IsolossError(f"{label} is not finite in {name}: give other directions")
    if not any(tensor.any() for tensor in direction.values()):
        line = "" if label.endswith(("xdirection", "delta")) else ", or a line (--plane direction)"
        raise IsolossError(f"{label} is zero, and nothing changes along it: give another{line}")
