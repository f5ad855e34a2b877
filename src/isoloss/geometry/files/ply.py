"""Surfaces and trajectories as PLY files that MeshLab, ParaView and Blender open.

A surface's vertices are written row by row (β fastest) and carry `x y z` for other programs and
`alpha beta loss accuracy loss_stderr count` (and `spread` and further columns, where there are
any), from which the surface comes back exactly. One comment line `isoloss {…}` holds, as ASCII
JSON, what made it, and which `columns` are its own.
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import plyfile as _plyfile  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.arrays import Array
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import GRIDS, Surface, grids_of
from isoloss.geometry.trajectory import Trajectory

plyfile: Any = _plyfile  # it has no type stubs

_COMMENT = "isoloss "
_MAX_HEADER = 1 << 20
_MAX_VERTICES = 1 << 26
_SIZES = {
    "char": 1, "uchar": 1, "int8": 1, "uint8": 1, "short": 2, "ushort": 2, "int16": 2, "uint16": 2,
    "int": 4, "uint": 4, "int32": 4, "uint32": 4, "float": 4, "float32": 4, "double": 8,
    "float64": 8,
}  # fmt: skip
_DTYPES = {
    "char": "i1", "uchar": "u1", "int8": "i1", "uint8": "u1", "short": "<i2", "ushort": "<u2",
    "int16": "<i2", "uint16": "<u2", "int": "<i4", "uint": "<u4", "int32": "<i4", "uint32": "<u4",
    "float": "<f4", "float32": "<f4", "double": "<f8", "float64": "<f8",
}  # fmt: skip
_TRIANGLE = np.dtype([("corners", "u1"), ("vertices", "<i4", 3)])
_FACES_AT_ONCE = 1 << 18
_SCALAR = rb"(?:u?char|u?short|u?int(?:8|16|32)?|float(?:32|64)?|double)"
_PROPERTY = rb"property (" + _SCALAR + rb") (\w+)\n"
_PLAIN = (
    rb"ply\nformat binary_little_endian 1\.0\n(?:comment [^\r\n]*\n)*"
    rb"element vertex (?P<vertices>\d+)\n(?P<properties>(?:property " + _SCALAR + rb" \w+\n)+)"
    rb"(?:element face (?P<faces>\d+)\nproperty list uchar int vertex_indices\n)?end_header\n"
)
"""The header of a surface of our own make, and of what else is as plain."""
_COLUMNS = "columns"
_TRAJECTORY_FIELDS = ("alpha", "beta", "loss", "off_plane", "epoch", "lr")


def save_surface_ply(surface: Surface, path: Path) -> Path:
    """Write `surface` as binary little-endian PLY; cells without a finite height get no face.

    Raises:
        IsolossError: a single row has no mesh, and could not be read again; or `path` cannot be
            written.
    """
    if surface.is_curve:
        raise IsolossError(f"cannot save a curve as {path.name}: choose .npz or .csv")
    if min(surface.shape) < 2:
        raise IsolossError(
            f"cannot save a grid of {surface.shape[0]}×{surface.shape[1]} as {path.name}: a curve "
            "has one β, and .npz or .csv keeps it"
        )
    values = grids_of(surface)
    vertex = np.zeros(
        surface.loss.size,
        [(n, "f4") for n in "xyz"]
        + [(n, "f8") for n in ("alpha", "beta", *values) if n != "count"]
        + [("count", "i4")],
    )
    alpha, beta = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    height = _mesh_height(surface)
    vertex["x"], vertex["y"] = alpha.ravel(), beta.ravel()
    vertex["z"] = np.nan_to_num(height, nan=0.0).ravel()
    vertex["alpha"], vertex["beta"] = alpha.ravel(), beta.ravel()
    for name, grid in values.items():
        vertex[name] = grid.ravel()
    triangles = _triangles(np.isfinite(height))
    face = np.empty(len(triangles), [("vertex_indices", "i4", (3,))])
    face["vertex_indices"] = triangles
    meta = surface.meta | ({_COLUMNS: [*surface.columns]} if surface.columns else {})
    return _write(path, [("vertex", vertex), ("face", face)], "surface", meta)


def save_trajectory_ply(trajectory: Trajectory, path: Path, surface: Surface) -> Path:
    """Write `trajectory` as a polyline at its own loss, on the height scale of `surface`'s mesh."""
    vertex = np.zeros(
        len(trajectory), [(n, "f4") for n in "xyz"] + [(n, "f8") for n in _TRAJECTORY_FIELDS]
    )
    vertex["x"], vertex["y"] = trajectory.alpha, trajectory.beta
    vertex["z"] = np.nan_to_num(_mesh_height(surface, trajectory.loss), nan=0.0)
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
    vertex, meta = _read_vertices(path)
    own = _own_columns(meta.pop(_COLUMNS, None))
    names = set(vertex.dtype.names or ())
    if {"alpha", "beta", "loss"} <= names:
        flat_alpha, flat_beta, loss = (_column(vertex, n) for n in ("alpha", "beta", "loss"))
    elif {"x", "y", "z"} <= names:
        flat_alpha, flat_beta, loss = (_column(vertex, n) for n in "xyz")
    else:
        raise IsolossError(f"{path} has no vertices with x, y and z: not a surface")
    if not (np.isfinite(flat_alpha).all() and np.isfinite(flat_beta).all()):
        raise IsolossError(
            f"{path} is damaged: some vertices have coordinates that are not numbers"
        )
    alpha, beta, cell = _axes_in_order(flat_alpha, flat_beta) or _axes(flat_alpha, flat_beta, path)

    def grid(values: NDArray[Any]) -> NDArray[Any]:
        if cell is None:
            return values.reshape(len(alpha), len(beta))
        out = np.empty(len(vertex), values.dtype)
        out[cell] = values
        return out.reshape(len(alpha), len(beta))

    def optional(name: str, missing: float) -> Array:
        present = name in names
        return grid(_column(vertex, name) if present else np.full(len(vertex), missing))

    return Surface(
        alpha,
        beta,
        grid(loss),
        optional("accuracy", np.nan),
        optional("loss_stderr", 0.0),
        np.maximum(optional("count", 1.0), 0).astype(np.int64),
        meta,
        grid(_column(vertex, "spread")) if _is_number(vertex, "spread") else None,
        columns={n: grid(_column(vertex, n)) for n in own if _is_number(vertex, n)},
    )


def _axes_in_order(flat_alpha: Array, flat_beta: Array) -> tuple[Array, Array, None] | None:
    """The axes of vertices that lie row by row, as we write them; None where they do not.

    A million vertices are checked in milliseconds, sorted in a quarter of a second.
    """
    columns = int(np.argmax(flat_alpha != flat_alpha[0])) if len(flat_alpha) else 0
    if columns == 0 or len(flat_alpha) % columns:
        return None
    rows_alpha, rows_beta = flat_alpha.reshape(-1, columns), flat_beta.reshape(-1, columns)
    alpha, beta = rows_alpha[:, 0].copy(), rows_beta[0].copy()
    ascending = bool((np.diff(alpha) > 0).all() and (np.diff(beta) > 0).all())
    regular = ascending and (rows_alpha == alpha[:, None]).all() and (rows_beta == beta).all()
    return (alpha, beta, None) if regular else None


def _axes(flat_alpha: Array, flat_beta: Array, path: Path) -> tuple[Array, Array, NDArray[np.intp]]:
    """The axes of vertices in any order, and the cell of each."""
    alpha, row = np.unique(flat_alpha, return_inverse=True)
    beta, column = np.unique(flat_beta, return_inverse=True)
    cell = row * len(beta) + column
    count = len(flat_alpha)
    if len(alpha) * len(beta) != count or len(np.unique(cell)) != count:
        raise IsolossError(f"{path} is not a surface: its {count} vertices do not form a grid")
    return alpha, beta, cell


def load_trajectory_ply(path: Path) -> Trajectory:
    """Read a trajectory written by `save_trajectory_ply`."""
    vertex, meta = _read_vertices(path)
    missing = set(_TRAJECTORY_FIELDS) - set(vertex.dtype.names or ())
    if missing:
        raise IsolossError(f"{path} is not a trajectory: no {', '.join(sorted(missing))}")
    columns = [_column(vertex, n) for n in _TRAJECTORY_FIELDS]
    if not all(np.isfinite(c).all() for c in columns[:2]):
        raise IsolossError(f"{path} is damaged: some coordinates are not numbers")
    return Trajectory(*columns, meta=meta)


def _own_columns(named: Any) -> list[str]:
    """The further columns that a comment names; somebody may have edited it."""
    names = cast("list[Any]", named) if isinstance(named, list) else []
    known = ("alpha", "beta", *GRIDS, "spread")
    return [name for name in names if isinstance(name, str) and name not in known]


def _is_number(vertex: NDArray[Any], name: str) -> bool:
    """Whether each vertex has one number of this name, not a list of them."""
    return name in (vertex.dtype.names or ()) and vertex.dtype[name].kind != "O"


def _column(vertex: NDArray[Any], name: str) -> Array:
    if not _is_number(vertex, name):
        raise IsolossError(f"a surface's {name} is one number for each vertex, not a list")
    return np.ascontiguousarray(vertex[name], np.float64)


def _mesh_height(surface: Surface, loss: Array | None = None) -> Array:
    """Heights for other programs: as our viewer draws them, 0.45 of the wider axis tall."""
    extent = max(np.ptp(surface.alpha), np.ptp(surface.beta))
    computed = np.where(surface.computed, surface.loss, np.nan)
    scale = HeightScale.automatic(computed)
    return 0.45 * extent * scale.apply(computed if loss is None else loss)


def _triangles(finite: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(m, 3) vertex indices, two counter-clockwise triangles for every cell with four heights."""
    index = np.arange(finite.size, dtype=np.int32).reshape(finite.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    whole = finite[:-1, :-1] & finite[1:, :-1] & finite[1:, 1:] & finite[:-1, 1:]
    quads = np.stack([a, b, c, a, c, d], axis=-1)[whole]
    return quads.reshape(-1, 3)


def _write(
    path: Path, elements: list[tuple[str, NDArray[Any]]], kind: str, meta: dict[str, Any]
) -> Path:
    described = [plyfile.PlyElement.describe(data, name) for name, data in elements]
    comment = _COMMENT + json.dumps({"kind": kind, **meta}, ensure_ascii=True)
    ply = plyfile.PlyData(described, text=False, byte_order="<", comments=[comment])
    return write_atomic(path, lambda p: ply.write(str(p)))


def _read_vertices(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    header = _check_header(path)
    quickly = _read_plain_vertices(path, header)
    if quickly is not None:
        return quickly, _meta(_comments(header))
    try:
        ply = _read(path, known_list_len={"face": {"vertex_indices": 3}})
    except plyfile.PlyElementParseError as error:
        # The faces may be polygons of any size, which the fast path above does not take.
        if "list" not in str(error).lower():
            raise IsolossError(f"{path} is damaged: {error}") from error
        ply = _read_any_faces(path)
    except (plyfile.PlyParseError, ValueError, OSError, MemoryError, OverflowError) as error:
        raise IsolossError(f"{path} is not a readable PLY file: {error}") from error
    if "vertex" not in ply:
        raise IsolossError(f"{path} has no vertices: not a surface")
    return ply["vertex"].data, _meta(ply.comments)


def _read(path: Path, **how: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters of a file's oddities is said in words
        return plyfile.PlyData.read(str(path), **how)


def _comments(header: bytes) -> list[str]:
    """The comments of a header, without the word and the space after it."""
    lines = re.split(rb"\r\n|\r|\n", header)
    return [x[8:].decode("utf-8", "replace") for x in lines if x.startswith(b"comment ")]


def _meta(comments: list[str]) -> dict[str, Any]:
    """What made a file, from our comment in it; empty where there is none."""
    meta: dict[str, Any] = {}
    for comment in comments:
        if comment.startswith(_COMMENT):
            try:
                found: Any = json.loads(comment.removeprefix(_COMMENT))
            except (ValueError, RecursionError):
                continue  # Somebody edited the comment; the numbers are still good.
            if isinstance(found, dict):
                meta = cast(dict[str, Any], found)
                meta.pop("kind", None)
    return meta


def _read_plain_vertices(path: Path, header: bytes) -> NDArray[Any] | None:
    """The vertices of a plain binary file in one read; None where it has to be read as a whole.

    The vertices have all that a surface needs. Of the faces only the number of their corners is
    looked at, so that a file that was cut or damaged there is still found out.
    """
    layout = re.fullmatch(_PLAIN, header)
    if layout is None:
        return None
    fields = [
        (name.decode("ascii", "replace"), _DTYPES[kind.decode("ascii")])
        for kind, name in re.findall(_PROPERTY, layout["properties"])
    ]
    if len({name for name, _ in fields}) < len(fields):
        return None
    vertex, vertices, faces = np.dtype(fields), int(layout["vertices"]), int(layout["faces"] or 0)
    with path.open("rb") as file:
        expected = len(header) + vertices * vertex.itemsize + faces * _TRIANGLE.itemsize
        if path.stat().st_size != expected:
            return None
        file.seek(len(header))
        found = np.fromfile(file, vertex, vertices)
        return found if _are_triangles(file, faces) else None


def _are_triangles(file: Any, count: int) -> bool:
    """Whether each of the `count` faces that follow in `file` says that it has three corners."""
    for begin in range(0, count, _FACES_AT_ONCE):
        wanted = min(_FACES_AT_ONCE, count - begin)
        faces = np.fromfile(file, _TRIANGLE, wanted)
        if len(faces) < wanted or (faces["corners"] != 3).any():
            return False
    return True


def _read_any_faces(path: Path) -> Any:
    try:
        return _read(path)
    except (plyfile.PlyParseError, ValueError, OSError, MemoryError, OverflowError) as error:
        raise IsolossError(f"{path} is not a readable PLY file: {error}") from error


def _check_header(path: Path) -> bytes:
    """Refuse a file that promises more than it can hold, before anything is allocated for it.

    Returns the header, the end of its last line included.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_MAX_HEADER)
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error
    if not re.match(rb"ply[\r\n]", head):
        raise IsolossError(f"{path} is not a PLY file: it does not begin with 'ply'")
    end = re.search(rb"[\r\n]end_header\r?\n?", head)
    if end is None:
        raise IsolossError(f"{path} is damaged: its PLY header has no end")
    text = b" ascii " in head[: end.start()]
    promised = 0
    count = 0
    for line in re.split(rb"[\r\n]+", head[: end.start()]):
        words = line.split()
        if words[:1] == [b"element"]:
            if len(words) != 3 or not words[2].isdigit():
                raise IsolossError(f"{path} is damaged: bad header line {line[:60]!r}")
            count = int(words[2])
            if count > _MAX_VERTICES:
                raise IsolossError(
                    f"{path} promises {count:,} elements, more than {_MAX_VERTICES:,}"
                )
        elif words[:1] == [b"property"] and len(words) >= 3:
            kind = words[2 if words[1] == b"list" else 1].decode("latin-1")
            promised += count * (2 if text else _SIZES.get(kind, 1))
    # The last value of a text file needs no separator after it.
    if promised > size - end.end() + 1:
        raise IsolossError(
            f"{path} is cut short: its header promises at least {promised:,} bytes of data, "
            f"{max(size - end.end(), 0):,} are there"
        )
    return head[: end.end()]
