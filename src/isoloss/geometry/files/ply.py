"""Surfaces and trajectories as PLY files that MeshLab, ParaView and Blender open.

A surface's vertices are written row by row (β fastest): `x y` are α and β, `z` the height as it is
drawn, `nx ny nz` and `red green blue` how it looks, `loss accuracy loss_stderr count` (and `spread`
and further columns, where there are any) its values; all but the looks comes back exactly. α is not
called `alpha`, which other programs take for how opaque a colour is; files of older versions have
`alpha beta` beside `x y`. One comment line `isoloss {…}` holds, as ASCII JSON, what made it, and
which further `columns` are its own.
"""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import plyfile as _plyfile  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.arrays import Array
from isoloss.geometry.files.exact import EXACT, MOST_CELLS, counts, reals
from isoloss.geometry.files.further import described, taken_from
from isoloss.geometry.files.grids import surface_of_points
from isoloss.geometry.files.holes import known, without_holes
from isoloss.geometry.files.look import Look, Relief, height_colors, normals, only_heights
from isoloss.geometry.files.remark import meta_in, remark
from isoloss.geometry.surface import Surface, grids_of
from isoloss.geometry.trajectory import Trajectory
from isoloss.paths import is_file

plyfile: Any = _plyfile  # it has no type stubs

_MAX_HEADER = 1 << 20
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
_NEWLINES = (b"\n", b"\r\n", b"\r")
_BOM = b"\xef\xbb\xbf"
_SAYS_NOTHING = (b"comment", b"obj_info")
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?ply[ \t]*(\r\n|\r|\n)")
_SCALAR = rb"(?:u?char|u?short|u?int(?:8|16|32)?|float(?:32|64)?|double)"
_PROPERTY = rb"property (" + _SCALAR + rb") (\w+)\n"
_PLAIN = (
    rb"ply\nformat binary_little_endian 1\.0\n(?:comment [^\r\n]*\n)*"
    rb"element vertex (?P<vertices>\d+)\n(?P<properties>(?:property " + _SCALAR + rb" \w+\n)+)"
    rb"(?:element face (?P<faces>\d+)\nproperty list uchar int vertex_indices\n)?end_header\n"
)
"""The header of a surface of our own make, and of what else is as plain."""
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
    vertex, meta = _read_vertices(path)
    further = taken_from(meta)
    names = set(vertex.dtype.names or ())
    place = ("alpha", "beta") if {"alpha", "beta", "loss"} <= names else ("x", "y")
    ours = {*place, "loss"} <= names
    if not ours and not {"x", "y", "z"} <= names:
        raise IsolossError(f"{path} has no vertices with x, y and z: not a surface")
    alpha, beta, loss = (_column(vertex, n) for n in (*place, "loss" if ours else "z"))
    columns: dict[str, NDArray[Any]] = {"loss": loss}
    if ours:
        columns |= {n: _column(vertex, n) for n in _SURFACE_FIELDS[1:] if n in names}
        columns |= {"count": counts(vertex["count"])} if _is_number(vertex, "count") else {}
        extras = ("spread", *further)
        columns |= {n: _column(vertex, n) for n in extras if _is_number(vertex, n)}
    if not ours and meta:  # our remark: z was never the loss
        raise only_heights(path)
    return surface_of_points(alpha, beta, columns, meta)


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
    whole = finite[:-1, :-1] & finite[1:, :-1] & finite[1:, 1:] & finite[:-1, 1:]
    quads = np.stack([a, b, c, a, c, d], axis=-1)[whole]
    return quads.reshape(-1, 3)


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
    listed = np.empty(len(data), _TRIANGLE)
    listed["corners"], listed["vertices"] = 3, data["vertex_indices"]
    return listed


def _read_vertices(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    header = _check_header(path)
    lines = _lines(header)
    meta = meta_in(_decoded(x[8:]) for x in lines if x.startswith(b"comment ")) or {}
    quickly = _read_plain_vertices(path, header)
    if quickly is not None:
        return quickly, meta
    try:
        ply = _read(path, header, lines)
    except plyfile.PlyElementParseError as error:
        raise IsolossError(f"{path} is damaged: {error}") from error
    except UnicodeDecodeError as error:
        raise IsolossError(f"{path} is damaged: its data is text, but not of numbers") from error
    except (plyfile.PlyParseError, ValueError, OSError, MemoryError, OverflowError) as error:
        raise IsolossError(f"{path} is not a readable PLY file: {error}") from error
    if "vertex" not in ply:
        raise IsolossError(f"{path} has no vertices: not a surface")
    return ply["vertex"].data, meta


def _read(path: Path, header: bytes, lines: list[bytes]) -> Any:
    """What plyfile makes of a file; it takes no header but a strict one, so it is given that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters of a file's oddities is said in words
        if not header.isascii() or header not in (x.join([*lines, b""]) for x in _NEWLINES):
            strict = [x for x in lines if x.split(maxsplit=1)[0] not in _SAYS_NOTHING]
            with path.open("rb") as file:
                file.seek(len(header))
                return plyfile.PlyData.read(io.BytesIO(b"\n".join([*strict, b""]) + file.read()))
        try:
            return plyfile.PlyData.read(str(path), known_list_len={"face": {"vertex_indices": 3}})
        except plyfile.PlyElementParseError as error:
            # The faces may be polygons of any size, which are not read at once.
            if "list" not in str(error).lower():
                raise
            return plyfile.PlyData.read(str(path))


def _lines(header: bytes) -> list[bytes]:
    """The lines of a header that say something, without space around them."""
    lines = (line.strip() for line in re.split(rb"\r\n|\r|\n", header))
    return [line.removeprefix(_BOM) for line in lines if line]


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


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
    begin = _BEGINS.match(head)
    if begin is None:
        raise IsolossError(f"{path} is not a PLY file: it does not begin with 'ply'")
    # After lines that end in a carriage return alone, data may begin with a line feed.
    newline = rb"\r" if begin[1] == b"\r" else rb"\r?\n"
    end = re.search(rb"[\r\n][ \t]*end_header[ \t]*(?:" + newline + rb"|\Z)", head)
    if end is None:
        raise IsolossError(f"{path} is damaged: its PLY header has no end")
    header = head[: end.end()]
    promised = _promised(path, _lines(header))
    # The last value of a text file needs no separator after it.
    if promised > size - len(header) + 1:
        raise IsolossError(
            f"{path} is cut short: its header promises at least {promised:,} bytes of data, "
            f"{size - len(header):,} are there"
        )
    return header


def _promised(path: Path, lines: list[bytes]) -> int:
    """How many bytes of data a header of these lines promises, at least."""
    text = any(re.match(rb"format\s+ascii\b", line) for line in lines)
    promised = count = 0
    for words in (line.split() for line in lines):
        if words[0] == b"element":
            if len(words) != 3 or not words[2].isdigit():
                line = b" ".join(words)
                raise IsolossError(f"{path} is damaged: bad header line {line[:60]!r}")
            count = int(words[2]) if len(words[2]) < 20 else MOST_CELLS + 1
            if count > MOST_CELLS:
                raise IsolossError(f"{path} promises {count:,} elements, more than {MOST_CELLS:,}")
        elif words[0] == b"property" and len(words) >= 3:
            kind = words[2 if words[1] == b"list" else 1].decode("latin-1")
            promised += count * (2 if text else _SIZES.get(kind, 1))
    return promised


def holds_trajectory(path: Path) -> bool | None:
    """Whether the header of a PLY tells of a trajectory of our make (True) or of another thing with
    places and heights, as surfaces are (False); None for what is neither, or cannot be read."""
    if not is_file(path):
        return None
    try:
        with path.open("rb") as file:
            header, end, _ = file.read(_MAX_HEADER).partition(b"end_header")
    except OSError:
        return None
    if not (end and _BEGINS.match(header)):
        return None
    names = {name.decode("latin-1") for name in re.findall(rb"property \w+ (\w+)", header)}
    if names & {"off_plane", "epoch", "lr"} or b'"kind": "trajectory"' in header:
        return True
    return False if names.issuperset("xyz") or {"alpha", "beta", "loss"} <= names else None
