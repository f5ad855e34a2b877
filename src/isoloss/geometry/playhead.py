"""How far along a trajectory one is at an epoch, be it between two checkpoints."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from isoloss.geometry.trajectory import Trajectory


@dataclass(frozen=True)
class Playhead:
    """A point of a trajectory.

    Attributes:
        checkpoint: the index of the last checkpoint that has been reached.
        fraction: how far on it is to the next one, in [0, 1).
        epoch: within those of the trajectory.
        alpha, beta, off_plane: on the straight line between the two checkpoints.
        loss: likewise, or on the straight line between the logarithms.
        lr: the learning rate in use since the last checkpoint.
    """

    checkpoint: int
    fraction: float
    epoch: float
    alpha: float
    beta: float
    loss: float
    off_plane: float
    lr: float

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is at a checkpoint, whose values were computed."""
        return self.fraction == 0


def playhead(trajectory: Trajectory, epoch: float | None, log: bool = False) -> Playhead:
    """Where `trajectory`, of at least one checkpoint, is at `epoch`; None is its end.

    Args:
        log: go straight in the logarithm of the loss, as a path does over logarithmic heights.
    """
    epochs = trajectory.epoch
    epoch = float(epochs[-1]) if epoch is None else float(np.clip(epoch, epochs[0], epochs[-1]))
    k = max(int(np.searchsorted(epochs, epoch + 1e-9, side="right")) - 1, 0)
    next_ = min(k + 1, len(epochs) - 1)
    span = float(epochs[next_] - epochs[k])
    fraction = (epoch - float(epochs[k])) / span if span > 0 else 0.0
    fraction = 0.0 if fraction < 1e-6 else fraction

    def between(values: np.ndarray) -> float:
        return (
            float(values[k] + fraction * (values[next_] - values[k]))
            if fraction
            else float(values[k])
        )

    here, there = float(trajectory.loss[k]), float(trajectory.loss[next_])
    loss = between(trajectory.loss)
    if log and fraction and here > 0 and there > 0:
        loss = math.exp((1 - fraction) * math.log(here) + fraction * math.log(there))
    return Playhead(
        checkpoint=k,
        fraction=fraction,
        epoch=epoch,
        alpha=between(trajectory.alpha),
        beta=between(trajectory.beta),
        loss=loss,
        off_plane=between(trajectory.off_plane),
        lr=float(trajectory.lr[k]),
    )
