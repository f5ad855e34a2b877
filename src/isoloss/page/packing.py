"""Arrays as one text within a page."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TYPES = {"f8": "<f8", "f4": "<f4", "u4": "<u4", "u2": "<u2", "u1": "u1"}
"""What the arrays of a page may consist of, by the names that the page knows them by."""


@dataclass
class Packing:
    """Collects arrays; one that is there already is kept once.

    Attributes:
        kinds: [type, count] of each array.
    """

    kinds: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    _parts: list[bytes] = field(default_factory=list[bytes])
    _places: dict[tuple[str, bytes], int] = field(default_factory=dict[tuple[str, bytes], int])

    def add(self, values: ArrayLike, kind: str) -> int:
        """The number of an array of one of `TYPES`, row by row."""
        array: NDArray[Any] = np.ascontiguousarray(values, TYPES[kind]).ravel()
        # Bytes of one rank lie together: neighbours are alike, which compresses to less.
        planes = array.view(np.uint8).reshape(-1, array.itemsize).T.tobytes()
        place = self._places.setdefault((kind, planes), len(self._parts))
        if place == len(self._parts):
            self._parts.append(planes)
            self.kinds.append((kind, array.size))
        return place

    def text(self) -> str:
        """All arrays one after the other: zlib, in base64."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), 9)).decode("ascii")


def shares(values: ArrayLike, *, fine: bool) -> tuple[NDArray[Any], str]:
    """Positions in [0, 1] in two bytes each or, unless `fine`, in one; NaN is the largest."""
    kind, most = ("u2", 0xFFFF) if fine else ("u1", 0xFF)
    scaled = np.rint(np.clip(np.asarray(values, np.float64), 0.0, 1.0) * (most - 1))
    return np.nan_to_num(scaled, nan=most), kind


def bent(coded: tuple[NDArray[Any], str]) -> tuple[NDArray[Any], str]:
    """Of `shares` (A, B) in two bytes, by how much each bends away from the three before it, along
    both axes: of smooth values hardly anything, which compresses to little."""
    values, kind = coded
    along = np.diff(values.astype(np.int64), axis=0, prepend=0)
    return np.diff(along, axis=1, prepend=0).astype(np.uint16), kind


def rounded(values: ArrayLike, bits: int) -> NDArray[np.float32]:
    """In single precision with so many of the 24 bits of its digits; the others are zero."""
    lost = 24 - bits  # at least one
    whole = np.ascontiguousarray(values, np.float32).view(np.uint32)
    kept = (whole + np.uint32(1 << (lost - 1))) >> np.uint32(lost) << np.uint32(lost)
    single = whole.view(np.float32)
    return np.where(np.isfinite(single), kept.view(np.float32), single)
