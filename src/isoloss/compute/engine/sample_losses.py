"""What every image gave at every cell, kept for the multilevel estimates."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array

LOSSES, HITS = "losses.float32", "hits.uint8"
"""The files; those of samples with several answers are called hits.int32."""
RECENT = 1 << 22
"""So many values that were read are kept for a while."""


class SampleLosses:
    """(cells, images) float32 losses and uint8 right answers, in memory or in two files.

    Files are read and written, not mapped: a full disk is then an error one can report.

    Args:
        several: whether an image (a text) has several answers, which are counted in int32.
    """

    def __init__(
        self, cells: int, images: int, folder: Path | None = None, *, several: bool = False
    ) -> None:
        answers = np.dtype(np.int32 if several else np.uint8)
        make = _InMemory if folder is None else _InFile
        place = folder or Path()
        self._losses = make(cells, images, np.dtype(np.float32), place / LOSSES)
        self._hits = make(cells, images, answers, place / f"hits.{answers}")

    def put(
        self, cell: int, first: int, losses: NDArray[np.float32], hits: NDArray[np.integer[Any]]
    ) -> None:
        """Record what the images from `first` on gave at a cell.

        Raises:
            IsolossError: if the disk is full.
        """
        self._losses.put(cell, first, losses)
        self._hits.put(cell, first, hits)

    def losses(self, cell: int, n: int) -> Array:
        """(n,) the losses of the first n images at a cell."""
        return self._losses.get(cell, n)

    def hits(self, cell: int, n: int) -> Array:
        """(n,) 1 where the answer was right."""
        return self._hits.get(cell, n)

    def losses_of(self, cells: NDArray[np.int64], n: int) -> Array:
        """(cells, n) the losses of the first n images at several cells."""
        return self._losses.get_all(cells, n)

    def hits_of(self, cells: NDArray[np.int64], n: int) -> Array:
        """(cells, n) 1 where the answer was right."""
        return self._hits.get_all(cells, n)


class BothLosses:
    """Those of two surfaces on one grid, the cells of the second counted on from the first's.

    Args:
        cells: of the grid.
    """

    def __init__(self, own: SampleLosses, other: SampleLosses, cells: int) -> None:
        self._both, self._cells = (own, other), cells

    def losses_of(self, cells: NDArray[np.int64], n: int) -> Array:
        """(cells, n) the losses of the first n images at several cells."""
        return self._of(cells, n, SampleLosses.losses_of)

    def hits_of(self, cells: NDArray[np.int64], n: int) -> Array:
        """(cells, n) 1 where the answer was right."""
        return self._of(cells, n, SampleLosses.hits_of)

    def _of(
        self,
        cells: NDArray[np.int64],
        n: int,
        read: Callable[[SampleLosses, NDArray[np.int64], int], Array],
    ) -> Array:
        found = np.empty((len(cells), n))
        for which, record in enumerate(self._both):
            mine = cells // self._cells == which
            if mine.any():
                found[mine] = read(record, cells[mine] % self._cells, n)
        return found


class _InMemory:
    def __init__(self, cells: int, images: int, dtype: np.dtype[Any], path: Path) -> None:
        self._values = np.zeros((cells, images), dtype)

    def put(self, cell: int, first: int, values: NDArray[Any]) -> None:
        self._values[cell, first : first + len(values)] = values

    def get(self, cell: int, n: int) -> Array:
        return self._values[cell, :n].astype(np.float64)

    def get_all(self, cells: NDArray[np.int64], n: int) -> Array:
        return self._values[cells, :n].astype(np.float64, order="C")


class _InFile:
    def __init__(self, cells: int, images: int, dtype: np.dtype[Any], path: Path) -> None:
        self._images, self._dtype, self._path = images, dtype, path
        self._recent: dict[int, NDArray[Any]] = {}
        self._held = 0
        try:
            path.touch()
            self._file = path.open("r+b", buffering=0)
            self._file.truncate(cells * images * dtype.itemsize)  # sparse where that can be
        except OSError as error:
            raise IsolossError(f"cannot write {path}: {error.strerror or error}") from error

    def put(self, cell: int, first: int, values: NDArray[Any]) -> None:
        content = np.ascontiguousarray(values, self._dtype).tobytes()
        self._recent.pop(cell, None)
        try:
            self._file.seek((cell * self._images + first) * self._dtype.itemsize)
            if self._file.write(content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise IsolossError(f"cannot write {self._path}: {error.strerror}") from error

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def get(self, cell: int, n: int) -> Array:
        return self._read(cell, n).astype(np.float64)

    def get_all(self, cells: NDArray[np.int64], n: int) -> Array:
        return np.stack([self._read(cell, n) for cell in cells.tolist()]).astype(np.float64)

    def _read(self, cell: int, n: int) -> NDArray[Any]:
        """The first n values of a cell; neighbours ask for them one after the other."""
        if cell not in self._recent or len(self._recent[cell]) < n:
            self._file.seek(cell * self._images * self._dtype.itemsize)
            values = np.frombuffer(self._file.read(n * self._dtype.itemsize), self._dtype)
            self._held += n
            if self._held > RECENT:
                self._recent.clear()
                self._held = n
            self._recent[cell] = values
        return self._recent[cell][:n]
