"""HDF5 in the layout of tomgoldstein/loss-landscape (Li et al. 2018): read only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface

_MOST_CELLS = 1 << 26


def load_h5(path: Path) -> Surface:
    """A surface of tomgoldstein/loss-landscape: coordinates, losses, accuracies in percent.

    That program enumerates the grid with `meshgrid(x, y)` (y slowest) but shapes its arrays
    (len(x), len(y)); read flat, in its order of enumeration, every value lands where it belongs,
    on non-square grids too. It marks what it has not computed with −1.

    Raises:
        IsolossError: it is damaged or has another layout.
    """
    import h5py  # pyright: ignore[reportMissingTypeStubs]

    try:
        with h5py.File(path, "r") as file:
            x = np.asarray(file["xcoordinates"], np.float64)
            y = np.asarray(file["ycoordinates"], np.float64)
            prefix = "train" if "train_loss" in file else "test"
            promised: Any = file[f"{prefix}_loss"]
            if promised.size > _MOST_CELLS:
                raise ValueError(f"it promises more than {_MOST_CELLS:,} cells")
            flat_loss = np.asarray(file[f"{prefix}_loss"], np.float64).ravel()
            known = f"{prefix}_acc" in file
            flat_accuracy = (
                np.asarray(file[f"{prefix}_acc"], np.float64).ravel() / 100
                if known
                else np.full(flat_loss.shape, np.nan)
            )
        loss = flat_loss.reshape(len(y), len(x)).T
        accuracy = flat_accuracy.reshape(len(y), len(x)).T
    except KeyError as error:
        raise IsolossError(
            f"{path} has not the layout of tomgoldstein/loss-landscape: {error}"
        ) from error
    except (OSError, ValueError, TypeError, RuntimeError, AttributeError, MemoryError) as error:
        raise IsolossError(f"{path} is not a readable .h5 surface: {error}") from error
    computed = loss != -1
    return Surface(
        x,
        y,
        np.where(computed, loss, np.nan),
        np.where(computed, accuracy, np.nan),
        np.zeros(loss.shape),
        computed.astype(np.int64),
        {"title": path.stem},
    )
