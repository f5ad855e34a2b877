"""The surface of a running probe: a folder of memory-mapped arrays a second process can watch.

Every cell owns one slot in each array. The writer fills a cell's sums first and its count last, so
that a count above 0 says that the cell is whole; a kill in between costs that one cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import read_json, write_atomic, write_json
from isoloss.geometry.surface import Array, Surface

_ARRAYS = {"loss_sum": np.float64, "square_sum": np.float64, "hits": np.int64, "count": np.int64}


@dataclass(frozen=True)
class GrowingSurface:
    """A surface being computed: sums over samples in each cell.

    Attributes:
        alpha, beta: (A,), (B,) float64 grid coordinates.
        population: the number of samples of which the loss is the mean when all have been seen.
        classifier: whether `hits` counts right answers.
        loss_sum, square_sum: (A, B) float64, sums of the per-sample losses and of their squares.
        hits, count: (A, B) int64, right answers and samples seen.
    """

    alpha: Array
    beta: Array
    population: int
    classifier: bool
    meta: dict[str, Any]
    loss_sum: Array
    square_sum: Array
    hits: NDArray[np.int64]
    count: NDArray[np.int64]

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether `folder` holds a growing surface."""
        return (folder / "surface.json").exists()

    @classmethod
    def create(
        cls,
        folder: Path,
        alpha: Array,
        beta: Array,
        population: int,
        classifier: bool,
        meta: dict[str, Any],
    ) -> GrowingSurface:
        """Lay out an empty surface in `folder`; the description comes last and marks it whole."""
        shape = (len(alpha), len(beta))
        for name, dtype in _ARRAYS.items():
            empty = np.zeros(shape, dtype)
            write_atomic(folder / f"{name}.npy", lambda p, a=empty: np.save(p, a))
        description = {
            "alpha": list(map(float, alpha)),
            "beta": list(map(float, beta)),
            "population": population,
            "classifier": classifier,
            "meta": meta,
        }
        write_json(folder / "surface.json", description)
        return cls.open(folder, writable=True)

    @classmethod
    def open(cls, folder: Path, *, writable: bool = False) -> GrowingSurface:
        """Map the surface in `folder`.

        Raises:
            IsolossError: if it is missing or damaged.
        """
        described = read_json(folder / "surface.json")
        try:
            alpha = np.array(described["alpha"], np.float64)
            beta = np.array(described["beta"], np.float64)
            mode = "r+" if writable else "r"
            arrays = {n: np.load(folder / f"{n}.npy", mmap_mode=mode) for n in _ARRAYS}
            if any(a.shape != (len(alpha), len(beta)) for a in arrays.values()):
                raise ValueError("arrays and grid differ in shape")
            return cls(
                alpha,
                beta,
                int(described["population"]),
                bool(described["classifier"]),
                dict(described["meta"]),
                **arrays,
            )
        except (OSError, EOFError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise IsolossError(f"the surface in {folder} is damaged: {error}") from error

    @classmethod
    def in_memory(
        cls,
        alpha: Array,
        beta: Array,
        population: int,
        classifier: bool,
        meta: dict[str, Any],
    ) -> GrowingSurface:
        """An empty surface without a folder."""
        arrays: dict[str, Any] = {
            n: np.zeros((len(alpha), len(beta)), d) for n, d in _ARRAYS.items()
        }
        return cls(alpha, beta, population, classifier, meta, **arrays)

    def put(
        self, cell: tuple[int, int], loss_sum: float, square_sum: float, hits: int, count: int
    ) -> None:
        """Record a cell's result; from then on it counts as computed."""
        self.loss_sum[cell] = loss_sum
        self.square_sum[cell] = square_sum
        self.hits[cell] = hits
        self.count[cell] = count

    def snapshot(self) -> Surface:
        """The surface as far as it has been computed."""
        count = np.array(self.count)
        computed = count > 0
        n = np.maximum(count, 1)
        with np.errstate(invalid="ignore", over="ignore"):
            mean = self.loss_sum / n
            variance = np.maximum(self.square_sum / n - mean**2, 0) * n / np.maximum(n - 1, 1)
            # Drawn without replacement, hence Cochran's finite-population correction: a mean over
            # the whole population has no error, whatever its spread.
            unseen = 1 - np.minimum(n / self.population, 1)
            stderr = np.sqrt(variance / n * unseen)
        stderr[unseen == 0] = 0.0
        stderr[(n == 1) & (unseen > 0)] = np.nan
        accuracy = self.hits / n if self.classifier else np.full(mean.shape, np.nan)
        return Surface(
            self.alpha,
            self.beta,
            np.where(computed, mean, np.nan),
            np.where(computed, accuracy, np.nan),
            np.where(computed, stderr, np.nan),
            count,
            self.meta,
        )
