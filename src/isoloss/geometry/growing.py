"""The surface of a running probe: a folder of memory-mapped arrays a second process can watch.

Every cell has two slots. A new result goes into the one that is not valid, and then a single byte
makes it the valid one: a kill at any instant leaves each cell as it was before or after, whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import read_json, write_atomic, write_json
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface

Cell = tuple[int, int]
_ARRAYS = ("slots", "valid")
# The values of a cell, then the sums over its samples that they were computed from, if they were.
_RECORD = [
    *((n, np.float64) for n in ("loss", "accuracy", "loss_stderr", "loss_sum", "square_sum")),
    *((n, np.int64) for n in ("hits", "count")),
]


def _record(columns: Sequence[str]) -> np.dtype[Any]:
    """What is kept of a cell of a surface with further columns."""
    return np.dtype([*_RECORD, *((name, np.float64) for name in columns)])


@dataclass(frozen=True)
class GrowingSurface:
    """A surface being computed.

    Attributes:
        alpha, beta: (A,), (B,) float64 grid coordinates.
        population: the number of samples of which the loss is the mean when all have been seen.
        classifier: whether there are right answers to count.
        slots: (A, B, 2) records, of which `valid` (A, B) uint8 says which one counts.
        columns: the names of further values of its cells.
    """

    alpha: Array
    beta: Array
    population: int
    classifier: bool
    meta: dict[str, Any]
    slots: NDArray[Any]
    valid: NDArray[np.uint8]
    columns: tuple[str, ...] = ()

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
        columns: tuple[str, ...] = (),
    ) -> GrowingSurface:
        """Lay out an empty surface in `folder`; the description comes last and marks it whole."""
        (folder / "surface.json").unlink(missing_ok=True)
        empty = cls.in_memory(alpha, beta, population, classifier, meta, columns)
        for name in _ARRAYS:
            array: NDArray[Any] = getattr(empty, name)
            write_atomic(folder / f"{name}.npy", lambda p, a=array: np.save(p, a))
        empty.describe(folder)
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
            # Read first: for writing, NumPy would make a file that was cut short as long as it was.
            slots, valid = (np.load(folder / f"{n}.npy", mmap_mode="r") for n in _ARRAYS)
            if writable:
                slots, valid = (np.load(folder / f"{n}.npy", mmap_mode="r+") for n in _ARRAYS)
            shape, columns = (len(alpha), len(beta)), tuple(described.get("columns", ()))
            fits = slots.shape == (*shape, 2) and slots.dtype == _record(columns)
            if not fits or valid.shape != shape:
                raise ValueError("arrays and grid do not fit")
            return cls(
                alpha,
                beta,
                int(described["population"]),
                bool(described["classifier"]),
                dict(described["meta"]),
                slots,
                valid,
                columns,
            )
        except (OSError, EOFError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise IsolossError(
                f"the surface in {folder} is damaged: {error}; delete that folder, and isoloss run "
                "computes it anew"
            ) from error

    @classmethod
    def in_memory(
        cls,
        alpha: Array,
        beta: Array,
        population: int,
        classifier: bool,
        meta: dict[str, Any],
        columns: tuple[str, ...] = (),
    ) -> GrowingSurface:
        """An empty surface without a folder."""
        shape = (len(alpha), len(beta))
        slots, valid = np.zeros((*shape, 2), _record(columns)), np.zeros(shape, np.uint8)
        return cls(alpha, beta, population, classifier, meta, slots, valid, columns)

    @property
    def shape(self) -> tuple[int, int]:
        """(A, B), the numbers of grid points along α and β."""
        return len(self.alpha), len(self.beta)

    @property
    def count(self) -> NDArray[np.int64]:
        """(A, B) samples seen so far; 0 means not computed."""
        return self._records()["count"]

    def add(self, cell: Cell, loss_sum: float, square_sum: float, hits: int, count: int) -> None:
        """Add sums over `count` more samples to a cell."""
        before = self.slots[cell][self.valid[cell]]
        with np.errstate(all="ignore"):
            loss_sum = float(before["loss_sum"]) + loss_sum
            square_sum = float(before["square_sum"]) + square_sum
        hits, count = int(before["hits"]) + hits, int(before["count"]) + count
        stderr = standard_error(loss_sum, square_sum, count, self.population)
        accuracy = self.accuracy(hits / count)
        self._write(cell, (loss_sum / count, accuracy, stderr, loss_sum, square_sum, hits, count))

    def put(
        self, cell: Cell, loss: float, accuracy: float, loss_stderr: float, count: int,
        *columns: float,
    ) -> None:  # fmt: skip
        """Give a cell values that were estimated elsewhere, from `count` samples."""
        self._write(cell, (loss, accuracy, loss_stderr, 0.0, 0.0, 0, count, *columns))

    def clear(self) -> None:
        """Forget all results, in place: others may have the files mapped."""
        self.slots[...] = np.zeros((), self.slots.dtype)

    def describe(self, folder: Path, **facts: Any) -> None:
        """Add to what is said of the surface in `folder`."""
        self.meta.update(facts)
        description: dict[str, Any] = {
            "alpha": list(map(float, self.alpha)),
            "beta": list(map(float, self.beta)),
            "population": self.population,
            "classifier": self.classifier,
            "meta": self.meta,
        }
        if self.columns:
            description["columns"] = list(self.columns)
        write_json(folder / "surface.json", description)

    def accuracy(self, hits: float) -> float:
        """The share of right answers, of which a sample has so many; NaN without a classifier.

        Samples may have several, as the tokens of a text.
        """
        return hits / self.meta.get("targets_per_sample", 1) if self.classifier else np.nan

    def loss_at(self, cell: Cell) -> float:
        """The loss of one cell as far as it is known."""
        return float(self.slots[cell][self.valid[cell]]["loss"])

    def snapshot(self) -> Surface:
        """The surface as far as it has been computed."""
        now = self._records()
        computed = now["count"] > 0
        loss, accuracy, stderr, *more = (
            np.where(computed, now[name], np.nan)
            for name in ("loss", "accuracy", "loss_stderr", *self.columns)
        )
        count, columns = now["count"].copy(), dict(zip(self.columns, more, strict=True))
        return Surface(
            self.alpha, self.beta, loss, accuracy, stderr, count, self.meta, columns=columns
        )

    def _records(self) -> NDArray[Any]:
        valid = np.asarray(self.valid, np.int64)[..., None]
        return np.take_along_axis(np.asarray(self.slots), valid, axis=2)[..., 0]

    def _write(self, cell: Cell, record: tuple[float | int, ...]) -> None:
        other = 1 - int(self.valid[cell])
        self.slots[(*cell, other)] = record
        self.valid[cell] = other


def standard_error(loss_sum: float, square_sum: float, n: int, population: int) -> float:
    """Of a mean over `n` samples as an estimate of the mean over `population`.

    They are drawn without replacement, hence Cochran's finite-population correction: a mean over
    the whole population has no error, whatever its spread.
    """
    if n >= population:
        return 0.0
    if n < 2:
        return float("nan")
    with np.errstate(all="ignore"):
        mean = np.float64(loss_sum) / n
        variance = np.maximum(square_sum / n - mean**2, 0) * n / (n - 1)
        return float(np.sqrt(variance / n * (1 - n / population)))
