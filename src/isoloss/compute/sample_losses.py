"""What every image gave at every cell, kept for the multilevel estimates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError

Array = NDArray[np.float64]


class SampleLosses:
    """(cells, images) float32 losses and uint8 right answers, in memory or in two files.

    Files grow as they are written to, by ordinary writes: a full disk is an error one can report,
    which a mapped file's is not.
    """

    def __init__(self, cells: int, images: int, folder: Path | None = None) -> None:
        self._images = images
        self._paths = None if folder is None else (folder / "losses.float32", folder / "hits.uint8")
        if self._paths is None:
            self._losses = np.zeros((cells, images), np.float32)
            self._hits = np.zeros((cells, images), np.uint8)
            return
        for path, kind in zip(self._paths, (np.float32, np.uint8), strict=True):
            size = cells * images * np.dtype(kind).itemsize
            with path.open("ab") as file:
                file.truncate(size)  # sparse where the file system can
        self._losses, self._hits = (
            np.memmap(path, kind, "r", shape=(cells, images))
            for path, kind in zip(self._paths, (np.float32, np.uint8), strict=True)
        )

    def put(
        self, cell: int, first: int, losses: NDArray[np.float32], hits: NDArray[np.uint8]
    ) -> None:
        """Record what the images from `first` on gave at a cell.

        Raises:
            IsolossError: if the disk is full.
        """
        if self._paths is None:
            self._losses[cell, first : first + len(losses)] = losses
            self._hits[cell, first : first + len(hits)] = hits
            return
        place = cell * self._images + first
        for path, values in zip(self._paths, (losses, hits), strict=True):
            try:
                with path.open("r+b", buffering=0) as file:
                    file.seek(place * values.itemsize)
                    file.write(values.tobytes())
            except OSError as error:
                raise IsolossError(f"cannot write {path}: {error.strerror or error}") from error

    def losses(self, cell: int, n: int) -> Array:
        """(n,) the losses of the first n images at a cell."""
        return np.asarray(self._losses[cell, :n], np.float64)

    def hits(self, cell: int, n: int) -> Array:
        """(n,) 1 where the answer was right."""
        return np.asarray(self._hits[cell, :n], np.float64)

    def weighted(self, cells: NDArray[np.int64], weights: Array, n: int) -> Array:
        """(n,) Σ_k weights[k] · losses(cells[k], n)."""
        return weights @ np.asarray(self._losses[cells, :n], np.float64)

    def weighted_hits(self, cells: NDArray[np.int64], weights: Array, n: int) -> Array:
        """(n,) Σ_k weights[k] · hits(cells[k], n)."""
        return weights @ np.asarray(self._hits[cells, :n], np.float64)
