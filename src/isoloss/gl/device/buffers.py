"""Vertex and index buffers that are updated in place, and the arrays that read them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from OpenGL import GL


class Buffer:
    """Bytes on the GPU; they are allocated anew only when the size changes."""

    def __init__(self, target: int = GL.GL_ARRAY_BUFFER) -> None:
        self.id: int = int(GL.glGenBuffers(1))
        self._target, self._bytes = target, 0

    def upload(self, data: NDArray[np.generic]) -> None:
        """Replace the contents."""
        data = np.ascontiguousarray(data)
        GL.glBindBuffer(self._target, self.id)
        if data.nbytes == self._bytes:
            if data.nbytes:
                GL.glBufferSubData(self._target, 0, data.nbytes, data)
        else:
            GL.glBufferData(self._target, data.nbytes, data, GL.GL_DYNAMIC_DRAW)
            self._bytes = data.nbytes

    def free(self) -> None:
        """Give the memory back."""
        GL.glDeleteBuffers(1, [self.id])


def joined(parts: list[NDArray[np.void]]) -> NDArray[np.void]:
    """Structured records one after the other; numpy's own way compares their fields each time."""
    return np.concatenate([part.view(np.uint8) for part in parts]).view(parts[0].dtype)


_TWO_TRIANGLES = (0, 1, 2, 2, 1, 3)


@dataclass(frozen=True)
class Attribute:
    """One attribute of a vertex.

    Attributes:
        size: how many components.
        offset, stride: in bytes.
        normalized_bytes: unsigned bytes that stand for [0, 1], instead of floats.
        half: floats of two bytes instead of four.
    """

    location: int
    size: int
    offset: int
    stride: int
    normalized_bytes: bool = False
    half: bool = False


class VertexArray:
    """Which buffers feed which attributes."""

    def __init__(self) -> None:
        self.id: int = int(GL.glGenVertexArrays(1))

    def attach(self, buffer: Buffer, *attributes: Attribute) -> None:
        """Read `attributes` from `buffer`."""
        GL.glBindVertexArray(self.id)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, buffer.id)
        for a in attributes:
            kind = GL.GL_HALF_FLOAT if a.half else GL.GL_FLOAT
            kind = GL.GL_UNSIGNED_BYTE if a.normalized_bytes else kind
            at = ctypes.c_void_p(a.offset)
            GL.glEnableVertexAttribArray(a.location)
            GL.glVertexAttribPointer(a.location, a.size, kind, a.normalized_bytes, a.stride, at)
        GL.glBindVertexArray(0)

    def bind(self) -> None:
        """Draw from this one now."""
        GL.glBindVertexArray(self.id)

    def free(self) -> None:
        """Give it back."""
        GL.glDeleteVertexArrays(1, [self.id])


class Quads:
    """A buffer of structured records, drawn as one quad each.

    A corner is `gl_VertexID & 3`. Every record is there four times, once a corner: an instance a
    quad would do with one, but takes a software renderer twice as long, and graphics
    processors fill their units badly with instances of four vertices.
    """

    def __init__(self, record: np.dtype[np.void], locations: dict[str, int]) -> None:
        self.count = 0
        self._buffer, self._array, self._record = Buffer(), VertexArray(), record
        self._corners = Buffer(GL.GL_ELEMENT_ARRAY_BUFFER)
        self._room = 0
        for name, location in locations.items():
            kind, offset = record.fields[name][:2]  # type: ignore[index]
            base, shape = kind.subdtype or (kind, (1,))
            bytes_ = base == np.uint8
            self._array.attach(
                self._buffer, Attribute(location, shape[0], offset, record.itemsize, bytes_)
            )

    def upload(self, records: NDArray[np.void]) -> None:
        """Replace all records."""
        if records.dtype != self._record:
            raise TypeError(f"expected records of {self._record}, got {records.dtype}")
        whole = records.view(f"V{records.itemsize}")
        self._buffer.upload(np.repeat(whole, 4).view(np.uint8))
        self.count = len(records)
        self._make_room()

    def draw(self, count: int | None = None) -> None:
        """Draw the first `count` quads, all by default."""
        count = self.count if count is None else min(count, self.count)
        if count > 0:
            self._array.bind()
            GL.glDrawElements(GL.GL_TRIANGLES, 6 * count, GL.GL_UNSIGNED_INT, None)

    def free(self) -> None:
        """Give the memory back."""
        self._buffer.free()
        self._corners.free()
        self._array.free()

    def _make_room(self) -> None:
        """Corners for all records, and some more, that most uploads need no new ones."""
        if self.count <= self._room:
            return
        self._room = 1 << (self.count - 1).bit_length()
        quads = np.arange(0, 4 * self._room, 4, dtype=np.uint32)
        self._array.bind()
        self._corners.upload(quads[:, None] + np.array(_TWO_TRIANGLES, np.uint32))
        GL.glBindVertexArray(0)
