"""The trajectories that a plane shows: their checkpoints, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from isoloss.compute.engine.checkpoint_losses import OnPlane
from isoloss.compute.networks.checkpoints import Checkpoint, checkpoints_in
from isoloss.compute.training.network import TrainedPath, load_path
from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.run_folder import is_run

Checkpoints = Iterable[Checkpoint] | Checkpoint


@dataclass(frozen=True)
class ShownPath:
    """The checkpoints of a training, in order, and what is known of each.

    Attributes:
        checkpoints: or places on the plane itself, if these are `places`.
        epoch, lr: (n,) epochs trained, and the learning rate there; NaN where nobody knows.
        places: (n, 2) coordinates, where it is known that all lie on the plane.
        column: what its losses are called beside those of a line; "" for a trajectory.
        counted: what `epoch` is, as a `Trajectory` says it.
    """

    name: str
    checkpoints: Sequence[Checkpoint | OnPlane]
    epoch: Array
    lr: Array
    places: Array | None = None
    column: str = ""
    counted: Literal["epoch", "t"] = "epoch"

    @classmethod
    def of_training(cls, path: TrainedPath) -> ShownPath:
        """The trajectory of a training run."""
        epoch, lr = (np.array([getattr(p, name) for p in path.points]) for name in ("epoch", "lr"))
        return cls(path.name, path.checkpoints, epoch, lr)

    @classmethod
    def on_plane(cls, name: str, places: Array, t: Array, column: str = "") -> ShownPath:
        """Places on the plane, counted by t."""
        there = [(float(a), float(b)) for a, b in places]
        return cls(name, there, t, np.full(len(t), np.nan), places, column, "t")

    @classmethod
    def of_networks(cls, name: str, checkpoints: Sequence[Checkpoint]) -> ShownPath:
        """Networks of which nobody knows epochs: they are counted from 0."""
        n = len(checkpoints)
        return cls(name, checkpoints, np.arange(float(n)), np.full(n, np.nan))


def paths_of(given: Checkpoints | Mapping[str, Checkpoints] | None) -> list[ShownPath]:
    """The trajectories that are given, several by their names.

    Raises:
        IsolossError: if one is none, or is kept as one network that goes on changing.
    """
    if given is None:
        return []
    if not isinstance(given, Mapping):
        return [_path("", given)]
    if any(isinstance(value, Tensor) for value in given.values()):
        raise IsolossError("a trajectory is several checkpoints in their order: give a list")
    named: Any = given
    return [_path(str(name), checkpoints) for name, checkpoints in named.items()]


def _path(name: str, given: Any) -> ShownPath:
    if isinstance(given, str | Path) and is_run(Path(given).expanduser()):
        trained = ShownPath.of_training(load_path(Path(given).expanduser())[1])
        return replace(trained, name=name or trained.name)
    checkpoints = checkpoints_in(given)
    if not checkpoints:
        raise IsolossError(f"the trajectory {name} has no checkpoints".replace("  ", " "))
    places = [_place(checkpoint) for checkpoint in checkpoints]
    if len({place for place in places if place}) < sum(map(bool, places)):
        raise IsolossError(
            "checkpoints of the trajectory are one network that has gone on changing: keep "
            "copy.deepcopy(model.state_dict())"
        )
    return ShownPath.of_networks(name, checkpoints)


def _place(checkpoint: Checkpoint) -> tuple[int, ...]:
    """Where in memory its tensors are."""
    if isinstance(checkpoint, nn.Module):
        checkpoint = checkpoint.state_dict()
    if not isinstance(checkpoint, Mapping):
        return ()
    return tuple(t.data_ptr() for t in checkpoint.values() if isinstance(t, Tensor) and t.numel())
