"""HDF5 in the layout of tomgoldstein/loss-landscape (Li et al. 2018): read only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface

_MOST_CELLS = 1 << 26
ALONE = np.zeros(1)
"""The second coordinate of a curve."""


def load_h5(path: Path) -> Surface:
    """A surface or a curve of tomgoldstein/loss-landscape: coordinates, losses, accuracies in
    percent.

    Without `ycoordinates` it is a curve. That program enumerates the grid with `meshgrid(x, y)` (y
    slowest) but shapes its arrays (len(x), len(y)); read flat, in its order of enumeration, every
    value lands where it belongs, on non-square grids too. It marks what it has not computed with
    −1. Coordinates may run downwards.

    Raises:
        IsolossError: it is damaged or has another layout.
    """
    import h5py  # pyright: ignore[reportMissingTypeStubs]

    try:
        with h5py.File(path, "r") as file:
            if missing := _missing(set(file)):
                raise IsolossError(f"{path} {missing}")
            x = np.asarray(file["xcoordinates"], np.float64)
            y = np.asarray(file["ycoordinates"], np.float64) if "ycoordinates" in file else ALONE
            prefix = "train" if "train_loss" in file else "test"
            promised: Any = file[f"{prefix}_loss"]
            if promised.size > _MOST_CELLS:
                raise ValueError(f"it promises more than {_MOST_CELLS:,} cells")
            loss = np.asarray(promised, np.float64)
            accuracy = np.full(loss.shape, np.nan)
            if f"{prefix}_acc" in file:
                accuracy = np.asarray(file[f"{prefix}_acc"], np.float64) / 100
        columns, rows = np.argsort(x), np.argsort(y)
        loss, accuracy = (
            grid.ravel().reshape(len(y), len(x)).T[np.ix_(columns, rows)]
            for grid in (loss, accuracy)
        )
    except (OSError, ValueError, TypeError, RuntimeError, AttributeError, MemoryError) as error:
        raise IsolossError(f"{path} is not a readable .h5 surface: {error}") from error
    computed = loss != -1
    return Surface(
        x[columns],
        y[rows],
        np.where(computed, loss, np.nan),
        np.where(computed, accuracy, np.nan),
        np.zeros(loss.shape),
        computed.astype(np.int64),
        {"title": path.stem},
    )


def _missing(names: set[str]) -> str:
    """Why a file that holds `names` is no surface; "" if it is one."""
    if "xcoordinates" in names and names & {"train_loss", "test_loss"}:
        return ""
    if "xdirection" in names:
        return "holds directions, no losses: open the file of the surface over them"
    if "proj_xcoord" in names:
        return "holds a projected trajectory, no losses: open the file of the surface below it"
    missing = "losses" if "xcoordinates" in names else "xcoordinates"
    return f"has not the layout of tomgoldstein/loss-landscape: it has no {missing}"
