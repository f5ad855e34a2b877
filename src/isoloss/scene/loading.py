"""From a path to a layer."""

from __future__ import annotations

from pathlib import Path

from isoloss.geometry.files.reading import load, load_trajectories
from isoloss.scene.layer import SurfaceLayer


def load_layer(path: str | Path) -> SurfaceLayer:
    """A layer from a surface file or a run folder, with the trajectories beside it.

    Raises:
        IsolossError: there is nothing readable, or it is no surface.
    """
    path = Path(path)
    surface, trajectories = load(path), tuple(load_trajectories(path))
    named = (
        path if path.is_dir() else path.parent if path.stem == "surface" else path.with_suffix("")
    )
    return SurfaceLayer(named.resolve().name, surface, trajectories, source=path)
