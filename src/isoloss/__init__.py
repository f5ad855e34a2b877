"""isoloss: see and probe the loss landscapes of your own networks.

Importing this package imports neither torch nor OpenGL; each name below loads what it needs at
its first use.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from isoloss.system.processors import settle
from isoloss.version import __version__

if TYPE_CHECKING:
    from isoloss import robustness as robustness
    from isoloss.app import view as view
    from isoloss.compute.connection.in_memory import bezier_path as bezier_path
    from isoloss.compute.curvature.gradient_plane import gradient_plane as gradient_plane
    from isoloss.compute.curvature.hessian_plane import hessian_plane as hessian_plane
    from isoloss.compute.curvature.in_memory import sharpness as sharpness
    from isoloss.compute.engine.quantities import OfClass as OfClass
    from isoloss.compute.planes.custom_plane import custom_plane as custom_plane
    from isoloss.compute.planes.interpolation import interpolation as interpolation
    from isoloss.compute.planes.pca_plane import pca_plane as pca_plane
    from isoloss.compute.planes.plane import Plane as Plane
    from isoloss.compute.planes.random_plane import line as line
    from isoloss.compute.planes.random_plane import random_plane as random_plane
    from isoloss.compute.planes.saved_plane import saved_plane as saved_plane
    from isoloss.compute.planes.three_networks import three_networks as three_networks
    from isoloss.compute.probe.aligning import aligned as aligned
    from isoloss.compute.probe.in_memory import probe as probe
    from isoloss.errors import IsolossError as IsolossError
    from isoloss.geometry.analysis.mean_surface import mean_surface as mean_surface
    from isoloss.geometry.analysis.mean_surface import surface_difference as surface_difference
    from isoloss.geometry.files.reading import load as load
    from isoloss.geometry.surface import Surface as Surface
    from isoloss.gl.pictures.rendering import render as render
    from isoloss.results.means import difference_of as difference_of
    from isoloss.results.means import mean_of as mean_of
    from isoloss.robustness.input_space.in_memory import probe_image as probe_image

_HOME = {
    "IsolossError": "isoloss.errors",
    "Surface": "isoloss.geometry.surface",
    "load": "isoloss.geometry.files.reading",
    "Plane": "isoloss.compute.planes.plane",
    "random_plane": "isoloss.compute.planes.random_plane",
    "pca_plane": "isoloss.compute.planes.pca_plane",
    "custom_plane": "isoloss.compute.planes.custom_plane",
    "line": "isoloss.compute.planes.random_plane",
    "interpolation": "isoloss.compute.planes.interpolation",
    "saved_plane": "isoloss.compute.planes.saved_plane",
    "hessian_plane": "isoloss.compute.curvature.hessian_plane",
    "gradient_plane": "isoloss.compute.curvature.gradient_plane",
    "three_networks": "isoloss.compute.planes.three_networks",
    "aligned": "isoloss.compute.probe.aligning",
    "bezier_path": "isoloss.compute.connection.in_memory",
    "OfClass": "isoloss.compute.engine.quantities",
    "probe": "isoloss.compute.probe.in_memory",
    "probe_image": "isoloss.robustness.input_space.in_memory",
    "sharpness": "isoloss.compute.curvature.in_memory",
    "mean_of": "isoloss.results.means",
    "difference_of": "isoloss.results.means",
    "mean_surface": "isoloss.geometry.analysis.mean_surface",
    "surface_difference": "isoloss.geometry.analysis.mean_surface",
    "render": "isoloss.gl.pictures.rendering",
    "view": "isoloss.app",
}

__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]

if "torch" not in sys.modules:  # its threads are as they are by then
    settle(os.environ)


def __getattr__(name: str) -> Any:
    if name == "robustness":
        return importlib.import_module("isoloss.robustness")
    if name not in _HOME:
        raise AttributeError(f"module 'isoloss' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
