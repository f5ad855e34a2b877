"""NumPy's .npz: all arrays of a surface or a curve, exactly."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.surface import GRIDS, Surface, grids_of

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError, AttributeError)


def save_npz(surface: Surface, path: Path) -> Path:
    """Write every array of `surface` as it is, with `meta` as JSON; it comes back exactly."""
    arrays: dict[str, Any] = {"alpha": surface.alpha, "beta": surface.beta, **grids_of(surface)}
    meta = np.array(json.dumps(surface.meta))
    return write_atomic(path, lambda p: np.savez_compressed(p, **arrays, meta=meta))


def load_npz(path: Path) -> Surface:
    """The surface or curve in an archive that `save_npz` wrote; nothing in it is unpickled.

    Raises:
        IsolossError: it is damaged or holds no surface.
    """
    if not zipfile.is_zipfile(path):
        raise IsolossError(f"{path} is not a readable .npz file: it is no zip archive")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            needed = ("alpha", "beta", *GRIDS)
            if missing := [name for name in needed if name not in content]:
                raise IsolossError(f"{path} is not a surface: it has no array {missing[0]}")
            arrays = {name: content[name] for name in needed}
            shape = arrays["loss"].shape
            spread = np.asarray(content["spread"], np.float64) if "spread" in content else None
            columns = {
                name: np.asarray(content[name], np.float64)
                for name in content
                if name not in (*needed, "spread", "meta") and content[name].shape == shape
            }
            described: Any = json.loads(str(content["meta"])) if "meta" in content else {}
        if not isinstance(described, dict):
            raise ValueError("its description is not a JSON object")
        return Surface(
            *(np.asarray(arrays[n], np.float64) for n in ("alpha", "beta", *GRIDS[:-1])),
            count=np.asarray(arrays["count"], np.int64),
            meta=cast(dict[str, Any], described),
            # An extra that does not fit must not cost the surface.
            spread=spread if spread is None or spread.shape == shape else None,
            columns=columns,
        )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        NotImplementedError,
        *_ZIP_ERRORS,
    ) as error:
        raise IsolossError(f"{path} is not a readable .npz file: {error}") from error
