"""The viewer's frames without a display: on which renderer, and how quick."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from gpu.subjects import Subjects
from isoloss.bench.view import landscape, measure_apart


def rendering(on: Subjects) -> dict[str, Any]:
    """What `isoloss bench view` measures, on surfaces of two sizes."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for side in (12,) if on.tiny else (201, 1000):
            file = Path(folder) / f"{side}.ply"
            surface = landscape(side)
            surface.save(file)
            surface.save(file.with_suffix(".npz"))
            found[f"{side}²"] = measure_apart("isoloss", file, on.images(60, 2))
    return found
