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


@dataclass(frozen=True)
class Attribute:
    """One attribute of a vertex or instance.

    Attributes:
        size: how many components.
        offset, stride: in bytes.
        normalized_bytes: unsigned bytes that stand for [0, 1], instead of floats.
        half: floats of two bytes instead of four.
        per_instance: advance once an instance, not once a vertex.
    """

    location: int
    size: int
    offset: int
    stride: int
    normalized_bytes: bool = False
    half: bool = False
    per_instance: bool = True


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
            GL.glVertexAttribDivisor(a.location, int(a.per_instance))
        GL.glBindVertexArray(0)

    def bind(self) -> None:
        """Draw from this one now."""
        GL.glBindVertexArray(self.id)

    def free(self) -> None:
        """Give it back."""
        GL.glDeleteVertexArrays(1, [self.id])


class Instances:
    """A buffer of structured records, drawn as one quad each."""

    def __init__(self, record: np.dtype[np.void], locations: dict[str, int]) -> None:
        self.count = 0
        self._buffer, self._array, self._record = Buffer(), VertexArray(), record
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
        self._buffer.upload(records.view(np.uint8))
        self.count = len(records)

    def draw(self, count: int | None = None) -> None:
        """Draw the first `count` quads, all by default."""
        count = self.count if count is None else min(count, self.count)
        if count > 0:
            self._array.bind()
            GL.glDrawArraysInstanced(GL.GL_TRIANGLE_STRIP, 0, 4, count)

    def free(self) -> None:
        """Give the memory back."""
        self._buffer.free()
        self._array.free()
