"""A Bézier path from one network to another, and the plane and the line that show it.

Garipov, Izmailov, Podoprikhin, Vetrov, Wilson 2018, "Loss Surfaces, Mode Connectivity, and Fast
Ensembling of DNNs", section 3.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from isoloss.compute.networks.checkpoints import load_into, load_state, save_tensors
from isoloss.compute.networks.copying import copied
from isoloss.compute.networks.reals import can_move, widened
from isoloss.compute.planes.interpolation import interpolation
from isoloss.compute.planes.plane import Plane, PlaneInputs
from isoloss.compute.planes.three_networks import three_networks
from isoloss.errors import IsolossError
from isoloss.events import Event, Log
from isoloss.geometry.arrays import Array
from isoloss.paths import exists
from isoloss.run_folder import BEZIER

_PARTS = ("start", "bend", "end")


def weights_at(t: float) -> tuple[float, float, float]:
    """What start, bend and end count at t."""
    return (1 - t) ** 2, 2 * t * (1 - t), t**2


def blended(t: float, start: Tensor, bend: Tensor, end: Tensor) -> Tensor:
    """(1 − t)²·start + 2t(1 − t)·bend + t²·end; at 0 and 1 an end itself, bit for bit."""
    if t in (0.0, 1.0):
        return start if t == 0 else end
    first, middle, last = weights_at(t)
    return start.mul(first).add_(bend, alpha=middle).add_(end, alpha=last)


@dataclass(frozen=True)
class Bezier:
    """The path φ(t) = (1 − t)²·start + 2t(1 − t)·bend + t²·end, t from 0 to 1, between two
    networks.

    Attributes:
        start, end: the whole state dicts of the networks, on the CPU.
        bend: {name: tensor} of the parameters that move, by all their names; on the CPU.

    Source: Garipov et al. 2018, "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs",
    section 3.
    """

    start: dict[str, Tensor]
    bend: dict[str, Tensor]
    end: dict[str, Tensor]

    @classmethod
    def straight(cls, model: nn.Module, start: dict[str, Tensor], end: dict[str, Tensor]) -> Bezier:
        """The path that is a straight line, its bend in the middle.

        Args:
            model: a network of their architecture; it is left as it is.
            start, end: whole state dicts.

        Raises:
            IsolossError: if the two are the same, one is not finite, or no line leads from one to
                the other.
        """
        line = interpolation(model, start, end)
        own = dict(model.named_parameters(remove_duplicate=False))
        bend = {
            k: ((widened(start[k]) + widened(end[k])) / 2).to(start[k].dtype)
            for k in start
            if k in own and can_move(start[k])
        }
        if not any(line.delta[k].any() for k in bend if k in line.delta):
            raise IsolossError(
                "the two networks are the same: there is no path between them, give two that were "
                "trained from different seeds"
            )
        return cls(start, bend, end)

    def at(self, t: float) -> dict[str, Tensor]:
        """The whole state dict at a place of the path.

        Parameters lie on it; floating-point buffers are in between the ends' on a straight line, so
        that batch-norm statistics want to be measured anew; all else is as at the start.

        Args:
            t: from 0, the start, to 1, the end, both of which come out as they are.
        """

        def value(name: str, start: Tensor) -> Tensor:
            if t == 0 or not can_move(start):
                return start
            end = self.end[name]
            bend = self.bend.get(name)
            if bend is not None:
                return blended(t, start, bend, end)
            return end if t == 1 else start.lerp(end, t)

        return self.end if t == 1 else {name: value(name, t0) for name, t0 in self.start.items()}

    def plane(self, model: nn.Module) -> Plane:
        """The plane through both ends, at (0, 0) and (1, 0), and the bend.

        Args:
            model: a network of their architecture; it is left as it is.

        Raises:
            IsolossError: if the bend is on the line between the ends.
        """
        model = _filled(model, self.start)
        return replace(three_networks(model, self.end, {**self.start, **self.bend}), kind="path")

    def place_of_bend(self, plane: Plane) -> Array:
        """(2,): where the bend lies in `plane`, which is that of the path."""
        return plane.project([{**self.start, **self.bend}])[0]

    def save(self, path: Path) -> Path:
        """Write it as safetensors, and give the path."""
        parts = {part: getattr(self, part) for part in _PARTS}
        tensors = {f"{part}.{k}": t for part, state in parts.items() for k, t in state.items()}
        return save_tensors(path, tensors)

    @classmethod
    def load(cls, path: Path) -> Bezier:
        """Read one that `save` wrote.

        Raises:
            IsolossError: if the file holds none.
        """
        parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
        for key, tensor in load_state(path).items():
            part, _, name = key.partition(".")
            if part not in parts:
                raise IsolossError(f"{path} is no path between two networks")
            parts[part][name] = tensor
        return cls(**parts)


def path_of(run: Path | None) -> Bezier:
    """The path that a training run has found.

    Raises:
        IsolossError: if it has found none.
    """
    if run is None or not exists(run / BEZIER):
        what = "a checkpoint" if run is None else str(run)
        raise IsolossError(
            f"{what} has no path between two networks: train one with 'isoloss train --task path "
            "--begin RUN --to RUN'"
        )
    return Bezier.load(run / BEZIER)


def build(inputs: PlaneInputs) -> Generator[Event, None, Plane]:
    """The plane through both ends of a path and its bend, that a probe asks for."""
    path = path_of(inputs.run)
    plane = path.plane(inputs.model)
    yield Log(f"the ends of the path are {plane.norms[0]:.4g} apart, which is 1 along α")
    return plane


def build_along(inputs: PlaneInputs) -> Generator[Event, None, Plane]:
    """The straight line between the ends of a path, from which `beside` leads to the path."""
    path = path_of(inputs.run)
    line = interpolation(_filled(inputs.model, path.start), path.start, path.end)
    weights = {k: t for k, t in line.delta.items() if k in path.bend}
    apart = replace(line, delta=weights).norms[0]
    yield Log(f"the ends of the path are {apart:.4g} apart, which is 1 along α")
    middle = {k: (widened(path.start[k]) + widened(path.end[k])) / 2 for k in path.bend}
    bulge = {k: (widened(b) - middle[k]).to(b.dtype) for k, b in path.bend.items()}
    return Plane(line.origin, line.delta, {k: v for k, v in bulge.items() if k in line.delta})


def on_plane(t: Array, bend: Array) -> Array:
    """(n, 2): where the places t, (n,), of a path are on its plane, its bend at `bend`, (2,)."""
    return np.outer(2 * t * (1 - t), bend) + np.outer(t**2, (1.0, 0.0))


def beside(t: Array) -> Array:
    """(n, 2): where the path is on the plane of `build_along`: t·δ + 2t(1 − t)·η from the start."""
    return np.column_stack([t, 2 * t * (1 - t)])


def _filled(model: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    network = copied(model)
    load_into(network, state, "the path's start")
    return network
