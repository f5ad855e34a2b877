"""Files of directions, as far as can be told without PyTorch: which is meant, plane or line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from isoloss.paths import is_file
from isoloss.run_folder import PLANE, is_run
from isoloss.settings.plane_kinds import plane_kind

_LONGEST_HEADER = 100_000_000
"""Bytes: what safetensors allows."""


def file_of(given: Path) -> Path:
    """The file that holds the directions which a path names: of a run its plane."""
    return given / PLANE if is_run(given) else given


def holds_a_line(given: Path) -> bool:
    """Whether a file of directions holds only one; False also where it cannot be read."""
    import h5py  # pyright: ignore[reportMissingTypeStubs]

    file = file_of(given)
    try:
        if not is_file(file):
            return False
        if h5py.is_hdf5(file):  # pyright: ignore[reportUnknownMemberType]
            with h5py.File(file, "r") as opened:
                held: set[str] = {*map(str, opened)}  # to ask the file would follow links
                return "xdirection" in held and "ydirection" not in held
        header = _header(file)
        about = json.loads(header.get("__metadata__", {}).get("isoloss", "{}"))
        is_line = plane_kind(about.get("kind")).is_line
        return is_line or not any(name.startswith("eta.") for name in header)
    except (OSError, ValueError, TypeError, RuntimeError, AttributeError):
        return False


def _header(file: Path) -> dict[str, Any]:
    """What safetensors says of itself."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        return json.loads(opened.read(min(length, _LONGEST_HEADER)))
