"""NumPy's .npz: all arrays of a surface or a curve, exactly."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.array_file import read_array
from isoloss.geometry.files.further import described, taken_from
from isoloss.geometry.files.named import (
    NAMES,
    by_our_names,
    names_of_surface,
    surface_of_arrays,
)
from isoloss.geometry.surface import Surface, grids_of

_DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    RecursionError,
    MemoryError,
    OverflowError,
    zipfile.BadZipFile,
    zlib.error,
)


def save_npz(surface: Surface, path: Path, *, compressed: bool = True) -> Path:
    """Write every array of `surface` as it is, with `meta` as JSON; it comes back exactly."""
    save = np.savez_compressed if compressed else np.savez
    arrays: dict[str, Any] = {"alpha": surface.alpha, "beta": surface.beta, **grids_of(surface)}
    meta = np.array(json.dumps(described(surface)))
    return write_atomic(path, lambda p: save(p, **arrays, meta=meta))


def load_npz(path: Path) -> Surface:
    """The surface or curve in an archive that `save_npz` wrote, or in one with arrays that are
    called as there, or x, y and z; nothing in it is unpickled.

    Raises:
        IsolossError: it is damaged or holds no surface.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            said = _said(archive)
            about: Any = json.loads(said) if said else {}
            further = taken_from(cast("dict[str, Any]", about)) if isinstance(about, dict) else []
            arrays = _arrays(archive, {*NAMES, *further})
    except _DAMAGED as error:
        known = isinstance(error, OSError) or not zipfile.is_zipfile(path)
        why = error if known else "something in it is damaged"
        raise IsolossError(f"{path} is not a readable .npz file: {why}") from error
    if not isinstance(about, dict):
        raise IsolossError(f"{path} is not a readable .npz file: its description is no JSON object")
    return surface_of_arrays(arrays, cast("dict[str, Any]", about), further)


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    """The files in an archive, by the names of the arrays in them."""
    return by_our_names({m.removesuffix(".npy"): m for m in archive.namelist()})


def _said(archive: zipfile.ZipFile) -> str:
    """What is said of a surface; "" for nothing."""
    members = _members(archive)
    names_of_surface(members)
    if "meta" not in members:
        return ""
    with archive.open(members["meta"]) as file:
        array = read_array(cast(Any, file), "meta")
    is_text = array.dtype.kind == "U" and array.size == 1
    return str(array.reshape(())[()]) if is_text else ""


def _arrays(archive: zipfile.ZipFile, wanted: Collection[str]) -> dict[str, NDArray[Any]]:
    """The arrays that a surface is made of, by name."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, member in _members(archive).items():
        if name in wanted:
            with archive.open(member) as file:
                arrays[name] = read_array(cast(Any, file), name)
    return arrays
