"""isoloss: see and probe the loss landscapes of your own networks.

Importing this package imports neither torch nor OpenGL; each name below loads what it needs at
its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from isoloss import robustness as robustness
    from isoloss.app import view as view
    from isoloss.compute.planes.planes import Plane as Plane
    from isoloss.compute.planes.planes import custom_plane as custom_plane
    from isoloss.compute.planes.planes import interpolation as interpolation
    from isoloss.compute.planes.planes import line as line
    from isoloss.compute.planes.planes import pca_plane as pca_plane
    from isoloss.compute.planes.planes import random_plane as random_plane
    from isoloss.compute.probe.probing import probe as probe
    from isoloss.errors import IsolossError as IsolossError
    from isoloss.geometry.files.reading import load as load
    from isoloss.geometry.surface import Surface as Surface
    from isoloss.gl.pictures.picture import render as render

_HOME = {
    "IsolossError": "isoloss.errors",
    "Surface": "isoloss.geometry.surface",
    "load": "isoloss.geometry.files.reading",
    "Plane": "isoloss.compute.planes.planes",
    "random_plane": "isoloss.compute.planes.planes",
    "pca_plane": "isoloss.compute.planes.planes",
    "custom_plane": "isoloss.compute.planes.planes",
    "line": "isoloss.compute.planes.planes",
    "interpolation": "isoloss.compute.planes.planes",
    "probe": "isoloss.compute.probe.probing",
    "render": "isoloss.gl.pictures.picture",
    "view": "isoloss.app",
}

__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "robustness":
        return importlib.import_module("isoloss.robustness")
    if name not in _HOME:
        raise AttributeError(f"module 'isoloss' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
