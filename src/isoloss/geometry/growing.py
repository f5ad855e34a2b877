"""The surface of a running probe: a folder of arrays that a second process can read meanwhile.

Every cell has two slots. A new result goes into the one that is not valid, and then a single byte
makes it the valid one: a kill at any instant leaves each cell as it was before or after, whole.
Who computes has the arrays mapped. Who watches reads them anew each time: a mapping of a file that
somebody cuts short would end the process.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import read_json, write_atomic, write_json
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface
from isoloss.paths import exists

Cell = tuple[int, int]
_ARRAYS = ("valid", "slots")
"""In the order in which they are read: what becomes valid after that is not looked at."""
# Headers of arrays are read as Python's own words.
_DAMAGE = (
    OSError, EOFError, KeyError, TypeError, ValueError, OverflowError, SyntaxError, TokenError,
)  # fmt: skip
# The values of a cell, then the sums over its samples that they were computed from, if they were.
_RECORD = np.dtype(
    [(name, np.float64) for name in ("loss", "accuracy", "loss_stderr", "loss_sum", "square_sum")]
    + [(name, np.int64) for name in ("hits", "count")]
)


@dataclass(frozen=True)
class GrowingSurface:
    """A surface being computed.

    Attributes:
        alpha, beta: (A,), (B,) float64 grid coordinates.
        population: the number of samples of which the loss is the mean when all have been seen.
        classifier: whether there are right answers to count.
        slots: (A, B, 2) records, of which `valid` (A, B) uint8 says which one counts.
    """

    alpha: Array
    beta: Array
    population: int
    classifier: bool
    meta: dict[str, Any]
    slots: NDArray[Any]
    valid: NDArray[np.uint8]

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether `folder` holds a growing surface."""
        return exists(folder / "surface.json")

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
        (folder / "surface.json").unlink(missing_ok=True)
        shape = (len(alpha), len(beta))
        for name, empty in (
            ("slots", np.zeros((*shape, 2), _RECORD)),
            ("valid", np.zeros(shape, np.uint8)),
        ):
            write_atomic(folder / f"{name}.npy", lambda p, a=empty: np.save(p, a))
        cls.in_memory(alpha, beta, population, classifier, meta).describe(folder)
        return cls.open(folder, writable=True)

    @classmethod
    def open(cls, folder: Path, *, writable: bool = False) -> GrowingSurface:
        """The surface in `folder` as it is now; if `writable`, one whose changes go to its files.

        Raises:
            IsolossError: if it is missing or damaged.
        """
        described = read_json(folder / "surface.json")
        try:
            alpha = np.array(described["alpha"], np.float64)
            beta = np.array(described["beta"], np.float64)
            shape = (len(alpha), len(beta))
            valid, slots = (_read(folder / f"{n}.npy") for n in _ARRAYS)
            fit = slots.shape == (*shape, 2) and slots.dtype == _RECORD and valid.shape == shape
            if not fit or valid.dtype != np.uint8 or valid.max(initial=0) > 1:
                raise ValueError("arrays and grid do not fit")
            if slots["count"].min(initial=0) < 0:
                raise ValueError("counts are negative")
            if writable:  # NumPy would make a file that was cut short as long as it was
                valid, slots = (np.load(folder / f"{n}.npy", mmap_mode="r+") for n in _ARRAYS)
            return cls(
                alpha,
                beta,
                int(described["population"]),
                bool(described["classifier"]),
                dict(described["meta"]),
                slots,
                valid,
            )
        except _DAMAGE as error:
            raise IsolossError(
                f"the surface in {folder} is damaged: its description and its arrays do not go "
                "together; delete that folder, and isoloss run computes it anew"
            ) from error

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
        shape = (len(alpha), len(beta))
        slots, valid = np.zeros((*shape, 2), _RECORD), np.zeros(shape, np.uint8)
        return cls(alpha, beta, population, classifier, meta, slots, valid)

    @property
    def shape(self) -> tuple[int, int]:
        """(A, B), the numbers of grid points along α and β."""
        return len(self.alpha), len(self.beta)

    @property
    def count(self) -> NDArray[np.int64]:
        """(A, B) samples seen so far; 0 means not computed."""
        return self._now("count")

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

    def put(self, cell: Cell, loss: float, accuracy: float, loss_stderr: float, count: int) -> None:
        """Give a cell values that were estimated elsewhere, from `count` samples."""
        self._write(cell, (loss, accuracy, loss_stderr, 0.0, 0.0, 0, count))

    def clear(self) -> None:
        """Forget all results, in place: others may have the files mapped."""
        self.slots[...] = np.zeros((), _RECORD)

    def describe(self, folder: Path, **facts: Any) -> None:
        """Add to what is said of the surface in `folder`."""
        self.meta.update(facts)
        description = {
            "alpha": list(map(float, self.alpha)),
            "beta": list(map(float, self.beta)),
            "population": self.population,
            "classifier": self.classifier,
            "meta": self.meta,
        }
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
        count = self._now("count")
        with np.errstate(invalid="ignore"):  # a NaN that would warn wherever it is used warns here
            loss, accuracy, stderr = (
                np.where(count > 0, self._now(name), np.nan) * 1.0
                for name in ("loss", "accuracy", "loss_stderr")
            )
        return Surface(self.alpha, self.beta, loss, accuracy, stderr, count, self.meta)

    def _now(self, name: str) -> NDArray[Any]:
        both = np.asarray(self.slots[name])
        return np.where(np.asarray(self.valid, np.bool_), both[..., 1], both[..., 0])

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


def _read(path: Path) -> NDArray[Any]:
    """A whole array; memory is taken for what is there, not for what the header promises."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a damaged header says is looked at, and refused
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if is_fortran:
            raise ValueError("another order")
        return np.frombuffer(file.read(), dtype).reshape(shape)
