"""HDF5 in the layout of tomgoldstein/loss-landscape (Li et al. 2018): read only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.geometry.files.exact import MOST_CELLS, reals
from isoloss.geometry.files.named import (
    AXES,
    EXTRAS,
    VALUES,
    by_our_names,
    named,
    surface_of_arrays,
)
from isoloss.geometry.surface import Surface
from isoloss.paths import is_file

_AXES = ("xcoordinates", "ycoordinates")
_READ = [name for pair in AXES for name in pair] + [*VALUES, *EXTRAS, "train_acc", "test_acc"]


def load_h5(path: Path) -> Surface:
    """A surface or a curve of tomgoldstein/loss-landscape: coordinates, losses, accuracies in
    percent.

    Without `ycoordinates` it is a curve. That program enumerates the grid with `meshgrid(x, y)` (y
    slowest) but shapes its arrays (len(x), len(y)); read flat, in its order of enumeration, every
    value lands where it belongs, on non-square grids too. It marks what it has not computed with
    −1. Coordinates may run downwards. Arrays with other names are read as those of an .npz are.

    Raises:
        IsolossError: it is damaged or has another layout.
    """
    import h5py as _h5py  # pyright: ignore[reportMissingTypeStubs]

    h5py: Any = _h5py  # it has no type stubs
    try:
        with h5py.File(path, "r") as file:
            names = [str(name) for name in file]  # what is no UTF-8 is bytes
            members = by_our_names({name: name for name in names})
            arrays: dict[str, NDArray[Any]] = {}
            for name in _READ:
                if name in members:
                    member = member_of(file, members[name])
                    if isinstance(member, h5py.Dataset):
                        arrays[name] = _read(member, name)
    except (OSError, ValueError, TypeError, RuntimeError, MemoryError, KeyError) as error:
        is_none = is_file(path) and not h5py.is_hdf5(path)
        known = "it is no HDF5 file" if is_none else error
        raise IsolossError(f"{path} is not a readable .h5 surface: {known}") from error
    chosen = named(arrays)
    if chosen is None:
        raise IsolossError(f"{path} {_missing(path, names)}")
    meta = {"title": path.stem}
    if chosen[0] == "xcoordinates" and chosen[2] in ("train_loss", "test_loss"):
        return _of_loss_landscape(arrays, chosen[2].removesuffix("_loss"), meta)
    return surface_of_arrays(arrays, meta)


def member_of(group: Any, name: str) -> Any:
    """What a group of an HDF5 file holds itself under a name that it has.

    Where links and values in other files lead is not looked at: to a pipe it would be for ever.

    Raises:
        IsolossError: it lies elsewhere.
    """
    import h5py as _h5py  # pyright: ignore[reportMissingTypeStubs]

    h5py: Any = _h5py
    is_link = group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD
    member: Any = None if is_link else group[name]
    if is_link or (isinstance(member, h5py.Dataset) and (member.is_virtual or member.external)):
        raise IsolossError(
            f"{group.file.filename}: the values of {name} lie elsewhere: copy them into the file"
        )
    return member


def _of_loss_landscape(arrays: dict[str, NDArray[Any]], part: str, meta: dict[str, Any]) -> Surface:
    """The surface of the arrays of that program, for "train" or "test" data."""
    axes = {name: arrays[name] for name in _AXES if name in arrays}
    shape = tuple(values.size for values in axes.values())
    loss = _in_its_order(arrays, f"{part}_loss", shape)
    computed = loss != -1
    accuracy = np.full(loss.shape, np.nan)
    if f"{part}_acc" in arrays:
        percent = _in_its_order(arrays, f"{part}_acc", shape)
        accuracy = np.where(computed & (percent != -1), percent / 100, np.nan)
    ours = {"alpha": axes["xcoordinates"], "loss": np.where(computed, loss, np.nan)}
    if len(axes) == 2:
        ours["beta"] = axes["ycoordinates"]
    return surface_of_arrays({**ours, "accuracy": accuracy, "count": 1 * computed}, meta)


def _in_its_order(arrays: dict[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> Array:
    """Values of that program over (len(x), len(y)), or (len(x),)."""
    values = reals(arrays[name], name)
    if values.size != np.prod(shape):
        points = " × ".join(str(n) for n in shape)
        raise IsolossError(f"{name} has {values.size} values, the coordinates have {points} points")
    return values.ravel().reshape(shape[::-1]).T


def _read(data: Any, name: str) -> NDArray[Any]:
    if data.size is None or data.size > MOST_CELLS:
        raise IsolossError(f"{name} promises more than {MOST_CELLS:,} values")
    if data.dtype.kind not in "biuf":
        raise IsolossError(f"{name} holds no real numbers")
    return data[()] if data.shape else np.asarray(data[()])


def _missing(path: Path, names: list[str]) -> str:
    """Why a file that holds `names`, and no surface, is none."""
    if "xdirection" in names:
        return (
            f"holds directions, no losses: probe along them with --directions {path}, or open the "
            "file of the surface over them"
        )
    if "proj_xcoord" in names:
        return "holds a projected trajectory, no losses: open the file of the surface below it"
    missing = "losses" if "xcoordinates" in names else "xcoordinates"
    there = f": it has {', '.join(names[:6])}" if names else ""
    return f"has not the layout of tomgoldstein/loss-landscape: it has no {missing}{there}"
