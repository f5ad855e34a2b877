"""NumPy's .npz: all arrays of a surface or a curve, exactly."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.files.array_file import read_array
from isoloss.geometry.files.named import (
    AXES,
    EXTRAS,
    VALUES,
    by_our_names,
    names_of_surface,
    surface_of_arrays,
)
from isoloss.geometry.surface import Surface, grids_of

_READ = {*(name for pair in AXES for name in pair), *VALUES, *EXTRAS}
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
    meta = np.array(json.dumps(surface.meta))
    return write_atomic(path, lambda p: save(p, **arrays, meta=meta))


def load_npz(path: Path) -> Surface:
    """The surface or curve in an archive that `save_npz` wrote, or in one with arrays that are
    called as there, or x, y and z; nothing in it is unpickled.

    Raises:
        IsolossError: it is damaged or holds no surface.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays, said = _arrays(archive)
        described: Any = json.loads(said) if said else {}
    except _DAMAGED as error:
        known = isinstance(error, OSError) or not zipfile.is_zipfile(path)
        why = error if known else "something in it is damaged"
        raise IsolossError(f"{path} is not a readable .npz file: {why}") from error
    if not isinstance(described, dict):
        raise IsolossError(f"{path} is not a readable .npz file: its description is no JSON object")
    return surface_of_arrays(arrays, cast("dict[str, Any]", described))


def _arrays(archive: zipfile.ZipFile) -> tuple[dict[str, NDArray[Any]], str]:
    """The arrays that a surface is made of, by name, and what is said of it."""
    arrays: dict[str, NDArray[Any]] = {}
    said = ""
    members = by_our_names({m.removesuffix(".npy"): m for m in archive.namelist()})
    names_of_surface(members)
    for name, member in members.items():
        if name in _READ or name == "meta":
            with archive.open(member) as file:
                array = read_array(cast(Any, file), name)
            if name != "meta":
                arrays[name] = array
            elif array.dtype.kind == "U" and array.size == 1:
                said = str(array.reshape(())[()])
    return arrays, said
