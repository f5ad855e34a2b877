"""Surfaces and trajectories as PLY files that MeshLab, ParaView and Blender open.

A surface's vertices are written row by row (β fastest): `x y` are α and β, `z` the height as it is
drawn, `nx ny nz` and `red green blue` how it looks, `loss accuracy loss_stderr count` (and `spread`
and further columns, where there are any) its values; all but the looks comes back exactly. α is not
called `alpha`, which other programs take for how opaque a colour is; files of older versions have
`alpha beta` beside `x y`. One comment line `isoloss {…}` holds, as ASCII JSON, what made it, and
which further `columns` are its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import plyfile as _plyfile  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.arrays import Array
from isoloss.geometry.files.exact import EXACT, counts, reals
from isoloss.geometry.files.further import described, taken_from
from isoloss.geometry.files.grids import surface_of_points
from isoloss.geometry.files.holes import known, whole_cells, without_holes
from isoloss.geometry.files.look import Look, Relief, height_colors, normals, only_heights
from isoloss.geometry.files.ply_vertices import TRIANGLE, header_of, read_vertices
from isoloss.geometry.files.remark import remark
from isoloss.geometry.surface import Surface, grids_of
from isoloss.geometry.trajectory import Trajectory

plyfile: Any = _plyfile  # it has no type stubs

_NORMAL, _COLOR = ("nx", "ny", "nz"), ("red", "green", "blue")
_SURFACE_FIELDS = ("loss", "accuracy", "loss_stderr")
_TRAJECTORY_FIELDS = ("alpha", "beta", "loss", "off_plane", "epoch", "lr")


def save_surface_ply(surface: Surface, path: Path, look: Look | None = None) -> Path:
    """Write `surface` as binary little-endian PLY; cells without a finite height get no face.

    Counts are in 32 bits where these hold them, else in double precision.

    Args:
        look: how other programs show it.

    Raises:
        IsolossError: a single row has no mesh, and could not be read again; or counts go beyond
            what a PLY holds; or `path` cannot be written.
    """
    if surface.is_curve:
        raise IsolossError(f"cannot save a curve as {path.name}: choose .npz or .csv")
    if min(surface.shape) < 2:
        raise IsolossError(
            f"cannot save a grid of {surface.shape[0]}×{surface.shape[1]} as {path.name}: a curve "
            "has one β, and .npz or .csv keeps it"
        )
    values_of = grids_of(surface)
    look = look or Look()
    vertex = np.zeros(
        surface.loss.size,
        [(n, "f8") for n in "xyz"]
        + [(n, "f4") for n in (_NORMAL if look.smooth else ())]
        + [(n, "u1") for n in _COLOR]
        + [(n, "f8") for n in values_of if n != "count"]
        + [("count", _type_of_counts(surface, path))],
    )
    relief = Relief(surface, look.log_height)
    height = relief.at(without_holes(surface))
    place = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    for name, values in zip("xyz", (*place, height), strict=True):
        vertex[name] = values.ravel()
    colors = height_colors(surface, relief) if look.colors is None else look.colors
    for k, name in enumerate(_COLOR):
        vertex[name] = colors[..., k].ravel()
    if look.smooth:
        upwards = normals(surface, height)
        for k, name in enumerate(_NORMAL):
            vertex[name] = upwards[..., k].ravel()
    for name, values in values_of.items():
        vertex[name] = values.ravel()
    triangles = _triangles(known(surface))
    face = np.empty(len(triangles), [("vertex_indices", "i4", (3,))])
    face["vertex_indices"] = triangles
    return _write(path, [("vertex", vertex), ("face", face)], "surface", described(surface))


def save_trajectory_ply(
    trajectory: Trajectory, path: Path, surface: Surface, look: Look | None = None
) -> Path:
    """Write `trajectory` as a polyline at its own loss, on the height scale of `surface`'s mesh."""
    vertex = np.zeros(len(trajectory), [(n, "f8") for n in ("x", "y", "z", *_TRAJECTORY_FIELDS)])
    vertex["x"], vertex["y"] = trajectory.alpha, trajectory.beta
    relief = Relief(surface, None if look is None else look.log_height)
    vertex["z"] = relief.at(_bridged(trajectory.loss))
    for name in _TRAJECTORY_FIELDS:
        vertex[name] = getattr(trajectory, name)
    edge = np.zeros(max(len(trajectory) - 1, 0), [("vertex1", "i4"), ("vertex2", "i4")])
    edge["vertex1"], edge["vertex2"] = np.arange(len(edge)), np.arange(len(edge)) + 1
    return _write(path, [("vertex", vertex), ("edge", edge)], "trajectory", trajectory.meta)


def load_surface_ply(path: Path) -> Surface:
    """Read a surface: exactly what was saved, or any PLY whose vertices form a grid (z = loss).

    Raises:
        IsolossError: if the file is not a PLY, is cut short, or holds no grid.
    """
    vertex, meta = read_vertices(path)
    further = taken_from(meta or {})
    names = set(vertex.dtype.names or ())
    place = ("alpha", "beta") if {"alpha", "beta", "loss"} <= names else ("x", "y")
    ours = {*place, "loss"} <= names
    if not ours and not {"x", "y", "z"} <= names:
        raise IsolossError(f"{path} has no vertices with x, y and z: not a surface")
    if not ours and meta is not None:  # a file of ours: z was never the loss
        raise only_heights(path)
    alpha, beta, loss = (_column(vertex, n) for n in (*place, "loss" if ours else "z"))
    columns: dict[str, NDArray[Any]] = {"loss": loss}
    if ours:
        columns |= {n: _column(vertex, n) for n in _SURFACE_FIELDS[1:] if n in names}
        if _is_number(vertex, "count"):
            columns["count"] = counts(vertex["count"])
        extras = ("spread", *further)
        columns |= {n: _column(vertex, n) for n in extras if _is_number(vertex, n)}
    return surface_of_points(alpha, beta, columns, meta or {})


def load_trajectory_ply(path: Path) -> Trajectory:
    """Read a trajectory written by `save_trajectory_ply`."""
    vertex, meta = read_vertices(path)
    missing = set(_TRAJECTORY_FIELDS) - set(vertex.dtype.names or ())
    if missing:
        raise IsolossError(f"{path} is not a trajectory: no {', '.join(sorted(missing))}")
    columns = [_column(vertex, n) for n in _TRAJECTORY_FIELDS]
    if not all(np.isfinite(c).all() for c in columns[:2]):
        raise IsolossError(f"{path} is damaged: some coordinates are not numbers")
    return Trajectory(*columns, meta=meta or {})


def _is_number(vertex: NDArray[Any], name: str) -> bool:
    """Whether each vertex has one number of this name, not a list of them."""
    return name in (vertex.dtype.names or ()) and vertex.dtype[name].kind != "O"


def _column(vertex: NDArray[Any], name: str) -> Array:
    if not _is_number(vertex, name):
        raise IsolossError(f"a surface's {name} is one number for each vertex, not a list")
    return np.ascontiguousarray(reals(vertex[name], name))


def _type_of_counts(surface: Surface, path: Path) -> str:
    largest = int(surface.count.max())
    if largest > EXACT:
        raise IsolossError(f"cannot save counts beyond {EXACT:,} as {path.name}: .npz holds them")
    return "i4" if largest < 1 << 31 else "f8"


def _bridged(loss: Array) -> Array:
    """The losses along a path, where there is none between those before and after."""
    finite = np.isfinite(loss)
    steps = np.arange(len(loss))
    return np.interp(steps, steps[finite], loss[finite]) if finite.any() else np.zeros(len(loss))


def _triangles(finite: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(m, 3) vertex indices, two counter-clockwise triangles for every cell with four heights."""
    index = np.arange(finite.size, dtype=np.int32).reshape(finite.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    return np.stack([a, b, c, a, c, d], axis=-1)[whole_cells(finite)].reshape(-1, 3)


def _write(
    path: Path, elements: list[tuple[str, NDArray[Any]]], kind: str, meta: dict[str, Any]
) -> Path:
    described = [plyfile.PlyElement.describe(data, name) for name, data in elements]
    comments = [remark(kind, meta)]
    header = plyfile.PlyData(described, text=False, byte_order="<", comments=comments).header

    def write(target: Path) -> None:
        # plyfile writes lists one by one: of a million points for five seconds.
        with target.open("wb") as file:
            file.write(f"{header}\n".encode("ascii"))
            for _, data in elements:
                listed = _as_listed(data)
                listed.astype(listed.dtype.newbyteorder("<"), copy=False).tofile(file)

    return write_atomic(path, write)


def _as_listed(data: NDArray[Any]) -> NDArray[Any]:
    """The rows of an element as they are written: corners have their number before them."""
    if data.dtype.names != ("vertex_indices",):
        return data
    listed = np.empty(len(data), TRIANGLE)
    listed["corners"], listed["vertices"] = 3, data["vertex_indices"]
    return listed


def holds_trajectory(path: Path) -> bool | None:
    """Whether the header of a PLY tells of a trajectory of our make (True) or of another thing with
    places and heights, as surfaces are (False); None for what is neither, or cannot be read."""
    header = header_of(path)
    if header is None:
        return None
    names = {name.decode("latin-1") for name in re.findall(rb"property \w+ (\w+)", header)}
    if names & {"off_plane", "epoch", "lr"} or b'"kind": "trajectory"' in header:
        return True
    return False if names.issuperset("xyz") or {"alpha", "beta", "loss"} <= names else None
