"""A surface through training time: what it is at an epoch, be it between two checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface


def epoch_of(surface: Surface) -> float:
    """The epoch after which a surface's network was kept; NaN where nothing says it."""
    said: Any = surface.meta.get("epoch")
    return float(said) if isinstance(said, int | float) else float("nan")


def is_earlier(surface: Surface, last: Surface) -> bool:
    """Whether one may be the surface of a checkpoint before that of another."""
    same = all(
        np.array_equal(a, b) for a, b in ((surface.alpha, last.alpha), (surface.beta, last.beta))
    )
    return same and epoch_of(surface) <= epoch_of(last)


def epochs_of(last: Surface) -> Array:
    """(n,) the epochs of all the surfaces that end with `last`; [] of one alone."""
    if not last.earlier:
        return np.zeros(0)
    return np.array([epoch_of(surface) for surface in (*last.earlier, last)])


def place_in_time(last: Surface, epoch: float | None) -> tuple[int, float]:
    """(the last surface that has been reached, how far it is to the next, in [0, 1)) at an epoch;
    None is the end."""
    epochs = epochs_of(last)
    if epoch is None or epoch >= epochs[-1]:
        return len(epochs) - 1, 0.0
    k = max(int(np.searchsorted(epochs, epoch + 1e-9, side="right")) - 1, 0)
    fraction = max(float((epoch - epochs[k]) / (epochs[k + 1] - epochs[k])), 0.0)
    return k, fraction if fraction >= 1e-6 else 0.0


@dataclass(frozen=True)
class AtCheckpoint:
    """What there is to say of the surface around one checkpoint, in one line.

    Attributes:
        checkpoint: its name.
        own_loss: of the checkpoint itself; NaN where nobody measured it.
        lowest, highest: of the finite losses on the grid; NaN where there are none.
        alpha, beta: where the lowest is.
        samples: that were evaluated, over all cells.
    """

    checkpoint: str
    epoch: float
    own_loss: float
    lowest: float
    alpha: float
    beta: float
    highest: float
    samples: int


COLUMNS = tuple(field.name for field in fields(AtCheckpoint))
"""The names of its values, as columns of a table."""


def at_each_checkpoint(last: Surface) -> list[AtCheckpoint]:
    """One for each of the surfaces that end with `last`; none of one alone."""
    every = (*last.earlier, last) if last.earlier else ()
    own: dict[float, float] = {}
    for path in last.trajectories[:1]:
        own = dict(zip(path.epoch.tolist(), path.loss.tolist(), strict=True))
    return [_at_checkpoint(surface, own.get(epoch_of(surface), np.nan)) for surface in every]


def _at_checkpoint(surface: Surface, own_loss: float) -> AtCheckpoint:
    known = np.where(surface.computed & np.isfinite(surface.loss), surface.loss, np.nan)
    lowest = alpha = beta = highest = float("nan")
    if np.isfinite(known).any():
        i, j = np.unravel_index(int(np.nanargmin(known)), known.shape)
        lowest, highest = float(known[i, j]), float(np.nanmax(known))
        alpha, beta = float(surface.alpha[i]), float(surface.beta[j])
    name = str(surface.meta.get("checkpoint") or "")
    samples = int(surface.count.sum())
    return AtCheckpoint(name, epoch_of(surface), own_loss, lowest, alpha, beta, highest, samples)


def surface_at(last: Surface, epoch: float | None, log: bool = False) -> Surface:
    """What lies between the surfaces of two checkpoints, on straight lines.

    Args:
        log: go straight in the logarithm of the loss, as heights on a logarithmic scale do.
    """
    k, fraction = place_in_time(last, epoch)
    every = (*last.earlier, last)
    if not fraction:
        return every[k]
    here, there = every[k], every[k + 1]

    def between(a: Array, b: Array) -> Array:
        with np.errstate(invalid="ignore"):  # between infinite losses there is nothing
            return (1 - fraction) * a + fraction * b

    loss = between(here.loss, there.loss)
    if log:
        with np.errstate(all="ignore"):
            positive = (here.loss > 0) & (there.loss > 0)
            loss = np.where(positive, np.exp(between(np.log(here.loss), np.log(there.loss))), loss)
    shared = here.columns.keys() & there.columns.keys()
    names = ("epoch", "checkpoint", "findings", "centre", "earlier")
    meta = {key: value for key, value in here.meta.items() if key not in names}
    return replace(
        here,
        loss=loss,
        accuracy=between(here.accuracy, there.accuracy),
        loss_stderr=between(here.loss_stderr, there.loss_stderr),
        count=np.minimum(here.count, there.count),
        meta={**meta, "epoch": (1 - fraction) * epoch_of(here) + fraction * epoch_of(there)},
        columns={name: between(here.columns[name], there.columns[name]) for name in shared},
        earlier=(),
    )
