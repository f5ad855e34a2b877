"""The vertices of a PLY file, whoever wrote it: its header is looked at before anything is read."""

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
from isoloss.geometry.arrays import MOST_CELLS
from isoloss.geometry.files.remark import meta_in
from isoloss.paths import is_file

plyfile: Any = _plyfile  # it has no type stubs

TRIANGLE = np.dtype([("corners", "u1"), ("vertices", "<i4", 3)])
"""How a triangle lies in a binary file."""
_MAX_HEADER = 1 << 20
_DTYPES = {
    "char": "i1", "uchar": "u1", "int8": "i1", "uint8": "u1", "short": "<i2", "ushort": "<u2",
    "int16": "<i2", "uint16": "<u2", "int": "<i4", "uint": "<u4", "int32": "<i4", "uint32": "<u4",
    "float": "<f4", "float32": "<f4", "double": "<f8", "float64": "<f8",
}  # fmt: skip
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


def read_vertices(path: Path) -> tuple[NDArray[Any], dict[str, Any] | None]:
    """The records of all vertices, and what made the file; None where no remark of ours says it.

    Raises:
        IsolossError: it is no PLY, damaged, cut short, or without vertices.
    """
    header = _check_header(path)
    lines = _lines(header)
    meta = meta_in(_decoded(x[8:]) for x in lines if x.startswith(b"comment "))
    try:
        vertices = _read_plain_vertices(path, header)
        if vertices is not None:
            return vertices, meta
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


def header_of(path: Path) -> bytes | None:
    """The header of a PLY, as far as it goes; None where there is none, or it cannot be read."""
    if not is_file(path):
        return None
    try:
        with path.open("rb") as file:
            header, end, _ = file.read(_MAX_HEADER).partition(b"end_header")
    except OSError:
        return None
    return header if end and _BEGINS.match(header) else None


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
        expected = len(header) + vertices * vertex.itemsize + faces * TRIANGLE.itemsize
        if path.stat().st_size != expected:
            return None
        file.seek(len(header))
        found = np.fromfile(file, vertex, vertices)
        return found if _are_triangles(file, faces) else None


def _are_triangles(file: Any, count: int) -> bool:
    """Whether each of the `count` faces that follow in `file` says that it has three corners."""
    for begin in range(0, count, _FACES_AT_ONCE):
        wanted = min(_FACES_AT_ONCE, count - begin)
        faces = np.fromfile(file, TRIANGLE, wanted)
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
            promised += count * (2 if text else np.dtype(_DTYPES.get(kind, "i1")).itemsize)
    return promised
