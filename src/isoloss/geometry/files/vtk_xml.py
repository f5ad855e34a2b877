"""VTK's XML files as ParaView writes them: points, the values at them, and what is hidden.

Arrays are text, base64 or appended, compressed with zlib or LZMA or not at all.
https://docs.vtk.org/en/latest/vtk_file_formats/vtkxml_file_format.html
"""

from __future__ import annotations

import base64
import lzma
import math
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.files.exact import MOST_CELLS
from isoloss.geometry.files.named import surface_of_arrays
from isoloss.geometry.files.remark import meta_in
from isoloss.geometry.surface import Surface

GHOSTS = "vtkGhostType"
"""The array that says which points and cells of a file are not to be shown."""
HIDDEN_POINT, HIDDEN_CELL = 2, 32
"""What it says of these."""
_LARGEST = 1 << 32
_MOST_ELEMENTS = 10_000
_APPENDED = re.compile(rb"<AppendedData\b[^>]*>\s*_")
_PARTS = ("PointData", "Points")
_TYPES = {
    "Int8": "i1", "UInt8": "u1", "Int16": "i2", "UInt16": "u2", "Int32": "i4", "UInt32": "u4",
    "Int64": "i8", "UInt64": "u8", "Float32": "f4", "Float64": "f8",
}  # fmt: skip


@dataclass
class _Element:
    """An element, with the attributes and the text that it has itself."""

    name: str
    parent: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list[str])


def surface_of_points_in(path: Path, kind: str) -> Surface:
    """The surface that the points of a file of one piece form.

    The loss is the array of this name; where there is none the height z, or in a flat file its only
    or active array. What the file hides has not been computed.

    Args:
        path: of the file.
        kind: of the data set in it: "StructuredGrid" or "PolyData".

    Raises:
        IsolossError: it is damaged, of another kind, promises more than it holds, is encoded in a
            way that is not read, or does not say which array is the loss.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise IsolossError(f"it is larger than {_LARGEST >> 30} GB")
        content = path.read_bytes()
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error
    appended = _APPENDED.search(content)
    if appended is None:
        elements, remarks = _parsed(content)
        data = memoryview(b"")
    else:
        # What is appended may be no XML: it is left to those who know how long it is.
        elements, remarks = _parsed(content[: appended.end()] + b"</AppendedData></VTKFile>")
        data = memoryview(content)[appended.end() :]
    try:
        places, arrays, active = _read(elements, data, kind)
    except IsolossError:
        raise
    except (ValueError, KeyError, OverflowError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise IsolossError(f"it is damaged: {error or type(error).__name__}") from error
    alpha, beta, height = places.T
    ghosts = arrays.pop(GHOSTS, np.zeros(len(height), np.uint8))
    meta = meta_in(remark.strip() for remark in remarks)
    if "loss" not in arrays:
        arrays = {"loss": _loss(height, arrays, active)}
    if meta is None:
        meta = {"title": path.stem}
        hidden = (ghosts.astype(np.int64) & HIDDEN_POINT) != 0
        if hidden.any():
            arrays["loss"] = np.where(hidden, np.nan, arrays["loss"])
            arrays["count"] = np.where(hidden, 0, arrays.get("count", 1))
    return surface_of_arrays({**arrays, "alpha": alpha, "beta": beta}, meta)


def _loss(height: NDArray[Any], arrays: dict[str, NDArray[Any]], active: str) -> NDArray[Any]:
    """Which values of a file without an array of that name are the loss."""
    if len(height) and not (height == height[0]).all():
        return height
    chosen = active if active in arrays else next(iter(arrays), "") if len(arrays) == 1 else ""
    if not chosen and arrays:
        raise IsolossError(
            f"it is flat, and has the arrays {', '.join(sorted(arrays)[:6])}: call one of them loss"
        )
    return arrays[chosen] if chosen else height


def _parsed(text: bytes) -> tuple[list[_Element], list[str]]:
    """All elements in the order in which they begin, and the comments."""
    elements: list[_Element] = []
    remarks: list[str] = []
    inside: list[_Element] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(elements) >= _MOST_ELEMENTS:
            raise IsolossError(f"it has more than {_MOST_ELEMENTS:,} elements")
        elements.append(_Element(name, inside[-1].name if inside else "", attributes))
        inside.append(elements[-1])

    def end(_: str) -> None:
        inside.pop()

    def said(text: str) -> None:
        inside[-1].text.append(text)

    def refuse(*_: object) -> None:
        # Entities that are made of entities could fill the memory; VTK's files have none.
        raise IsolossError("it declares a document type, which files of VTK do not")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.CommentHandler = said, remarks.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise IsolossError(f"it is not readable as XML: {error}") from error
    return elements, remarks


def _read(
    elements: list[_Element], data: memoryview, kind: str
) -> tuple[NDArray[Any], dict[str, NDArray[Any]], str]:
    """The places (n, 3) of the points, their values by name, and which of these is active."""
    root = elements[0]
    if root.name != "VTKFile" or root.attributes.get("type") != kind:
        held = root.attributes.get("type") or root.name
        raise IsolossError(f"it holds {held[:40]}, not VTK's {kind}")
    pieces = [e for e in elements if e.name == "Piece"]
    if len(pieces) != 1:
        raise IsolossError(f"it has {len(pieces)} pieces: surfaces of one piece are read")
    count = _count_of_points(pieces[0].attributes)
    of_points = [e for e in elements if e.name == "DataArray" and e.parent in _PARTS]
    decode = _decoder(root.attributes, elements, data)
    places: NDArray[Any] | None = None
    arrays: dict[str, NDArray[Any]] = {}
    for element in of_points:
        each = int(element.attributes.get("NumberOfComponents", "1"))
        if element.parent == "Points":
            if each != 3:
                raise ValueError(f"its points have {each} coordinates")
            places = decode(element, 3 * count).reshape(count, 3)
        elif each == 1 and element.attributes.get("type") in _TYPES:
            arrays[element.attributes.get("Name", "")] = decode(element, count)
    if places is None:
        raise ValueError("it has no points")
    active = next((e.attributes.get("Scalars", "") for e in elements if e.name == "PointData"), "")
    return places, arrays, active


def _count_of_points(piece: dict[str, str]) -> int:
    if "Extent" in piece:
        ends = [int(end) for end in piece["Extent"].split()]
        if len(ends) != 6 or any(b < a for a, b in zip(ends[::2], ends[1::2], strict=True)):
            raise ValueError("its extent is none")
        count = math.prod(b - a + 1 for a, b in zip(ends[::2], ends[1::2], strict=True))
    else:
        count = int(piece["NumberOfPoints"])
    if not 0 <= count <= MOST_CELLS:
        raise IsolossError(f"it promises {count:,} points, more than {MOST_CELLS:,}")
    return count


def _decoder(
    root: dict[str, str], elements: list[_Element], data: memoryview
) -> Callable[[_Element, int], NDArray[Any]]:
    """What turns an element into an array of so many values, for a file that says `root`."""
    order = ">" if root.get("byte_order") == "BigEndian" else "<"
    length = np.dtype(order + ("u8" if root.get("header_type") == "UInt64" else "u4"))
    unpack = _unpacker(root.get("compressor", ""))
    is_raw = any(
        e.name == "AppendedData" and e.attributes.get("encoding") == "raw" for e in elements
    )

    def decode(element: _Element, count: int) -> NDArray[Any]:
        said = element.attributes
        dtype = np.dtype(order + _TYPES[said["type"]])
        form = said.get("format", "ascii")
        if form == "ascii":
            return _of_text("".join(element.text).split(), dtype, count)
        if form == "appended":
            offset = int(said["offset"])
            if not 0 <= offset <= len(data):
                raise ValueError("an array begins where nothing is")
            packed = _Packed(data[offset:], not is_raw)
        elif form == "binary":
            packed = _Packed(memoryview("".join("".join(element.text).split()).encode()), True)
        else:
            raise IsolossError(f"it has arrays of the format {form[:40]}, which is not read")
        size = count * dtype.itemsize
        content = (
            packed.whole(size, length) if unpack is None else packed.blocks(size, length, unpack)
        )
        return np.frombuffer(content, dtype)

    return decode


def _of_text(words: list[str], dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """The numbers in a text; of floats as many digits as are written."""
    if len(words) != count:
        raise ValueError(f"an array has {len(words)} values, not {count}")
    if dtype.kind == "f":
        return np.array([float(word) for word in words], np.float64)
    return np.array([int(word) for word in words], dtype.newbyteorder("="))


def _unpacker(compressor: str) -> Callable[[bytes, int], bytes] | None:
    """What unpacks a block, to no more bytes than it is to have; None where nothing is packed."""
    if not compressor:
        return None
    if compressor == "vtkZLibDataCompressor":
        return lambda block, size: zlib.decompressobj().decompress(block, size)
    if compressor == "vtkLZMADataCompressor":
        return lambda block, size: lzma.LZMADecompressor().decompress(block, size)
    known = compressor.removeprefix("vtk").removesuffix("DataCompressor")[:40]
    raise IsolossError(f"it is compressed with {known}: have it written with ZLib, or with none")


class _Packed:
    """The bytes of an array, behind the header that says how many they are."""

    def __init__(self, content: memoryview, is_base64: bool) -> None:
        self.content = content
        self.is_base64 = is_base64

    def whole(self, size: int, length: np.dtype[Any]) -> bytes:
        """`size` bytes that are not compressed."""
        head = self._peek(length.itemsize)
        if (said := int(np.frombuffer(head, length)[0])) != size:
            raise ValueError(f"an array has {said} bytes, not {size}")
        ends_alone = self.is_base64 and self.content[_chars(length.itemsize) - 1] == ord("=")
        if not self.is_base64 or ends_alone:
            self._take(length.itemsize)
            return self._take(size)
        return self._take(length.itemsize + size)[length.itemsize :]

    def blocks(
        self, size: int, length: np.dtype[Any], unpack: Callable[[bytes, int], bytes]
    ) -> bytes:
        """`size` bytes that are compressed in blocks."""
        count, full, last = (int(n) for n in np.frombuffer(self._peek(3 * length.itemsize), length))
        unpacked = [full] * count if count <= len(self.content) else []
        if last and unpacked:
            unpacked[-1] = last
        if sum(unpacked) != size:
            raise ValueError(f"an array has {sum(unpacked)} bytes, not {size}")
        head = np.frombuffer(self._take((3 + count) * length.itemsize), length)
        packed = [int(n) for n in head[3:]]
        content = self._take(sum(packed))
        parts: list[bytes] = []
        begin = 0
        for n, whole in zip(packed, unpacked, strict=True):
            parts.append(unpack(content[begin : begin + n], whole))
            begin += n
        if sum(map(len, parts)) != size:
            raise ValueError("an array is cut short")
        return b"".join(parts)

    def _peek(self, size: int) -> bytes:
        content = self.content
        if self.is_base64:
            content = base64.b64decode(content[: _chars(size)], validate=True)
        if len(content) < size:
            raise ValueError("an array is cut short")
        return bytes(content[:size])

    def _take(self, size: int) -> bytes:
        taken = self._peek(size)
        self.content = self.content[_chars(size) if self.is_base64 else size :]
        return taken


def _chars(size: int) -> int:
    """How many characters of base64 `size` bytes are."""
    return -(-size // 3) * 4
