"""The surface of a running probe: a folder of arrays that a second process can read meanwhile.

Every cell has two slots. A new result goes into the one that is not valid, and then a single byte
makes it the valid one: a kill at any instant leaves each cell as it was before or after, whole.
Who computes has the arrays mapped. Who watches reads them anew each time: a mapping of a file that
somebody cuts short would end the process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import read_json, write_atomic, write_json
from isoloss.geometry.array_file import read_array
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface
from isoloss.paths import exists

Cell = tuple[int, int]
NO_QUANTITIES: Mapping[str, int] = MappingProxyType({})
_ARRAYS = ("valid", "slots")
"""In the order in which they are read: what becomes valid after that is not looked at."""
_DAMAGE = (
    IsolossError, OSError, AttributeError, KeyError, TypeError, ValueError, OverflowError,
)  # fmt: skip
# The values of a cell, then the sums over its samples that they were computed from, if they were.
_RECORD = [
    *((n, np.float64) for n in ("loss", "accuracy", "loss_stderr", "loss_sum", "square_sum")),
    *((n, np.int64) for n in ("hits", "count")),
]
_SUMS = [
    ("loss_sum", np.float64), ("square_sum", np.float64), ("hits", np.int64), ("count", np.int64)
]  # fmt: skip
Sums = tuple[float, float, int, int]
"""Of a cell's samples: of their losses, of the losses' squares, of right answers, their number."""


def _record(columns: Sequence[str], quantities: Sequence[str]) -> np.dtype[Any]:
    """What is kept of a cell of a surface with further columns, and sums of further quantities."""
    sums = [(f"{q}_{name}", kind) for q in quantities for name, kind in _SUMS]
    return np.dtype([*_RECORD, *((name, np.float64) for name in columns), *sums])


@dataclass(frozen=True)
class GrowingSurface:
    """A surface being computed.

    Attributes:
        alpha, beta: (A,), (B,) float64 grid coordinates.
        population: the number of samples of which the loss is the mean when all have been seen.
        classifier: whether there are right answers to count.
        slots: (A, B, 2) records, of which `valid` (A, B) uint8 says which one counts.
        columns: the names of further values of its cells.
        quantities: {name: population} of further losses of its samples, whose sums are kept as
            those of the loss are.
    """

    alpha: Array
    beta: Array
    population: int
    classifier: bool
    meta: dict[str, Any]
    slots: NDArray[Any]
    valid: NDArray[np.uint8]
    columns: tuple[str, ...] = ()
    quantities: dict[str, int] = field(default_factory=dict[str, int])

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
        columns: tuple[str, ...] = (),
        quantities: Mapping[str, int] = NO_QUANTITIES,
    ) -> GrowingSurface:
        """Lay out an empty surface in `folder`; the description comes last and marks it whole."""
        (folder / "surface.json").unlink(missing_ok=True)
        empty = cls.in_memory(alpha, beta, population, classifier, meta, columns, quantities)
        for name in _ARRAYS:
            array: NDArray[Any] = getattr(empty, name)
            write_atomic(folder / f"{name}.npy", lambda p, a=array: np.save(p, a))
        empty.describe(folder)
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
            shape, columns = (len(alpha), len(beta)), tuple(described.get("columns", ()))
            quantities = {str(q): int(n) for q, n in described.get("quantities", {}).items()}
            valid, slots = (_read(folder / f"{n}.npy") for n in _ARRAYS)
            fit = slots.shape == (*shape, 2) and slots.dtype == _record(columns, [*quantities])
            fit = fit and valid.shape == shape and valid.dtype == np.uint8
            if not fit or not slots.flags.c_contiguous or valid.max(initial=0) > 1:
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
                columns,
                quantities,
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
        columns: tuple[str, ...] = (),
        quantities: Mapping[str, int] = NO_QUANTITIES,
    ) -> GrowingSurface:
        """An empty surface without a folder."""
        shape = (len(alpha), len(beta))
        slots = np.zeros((*shape, 2), _record(columns, [*quantities]))
        valid = np.zeros(shape, np.uint8)
        return cls(
            alpha, beta, population, classifier, meta, slots, valid, columns, dict(quantities)
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(A, B), the numbers of grid points along α and β."""
        return len(self.alpha), len(self.beta)

    @property
    def count(self) -> NDArray[np.int64]:
        """(A, B) samples seen so far; 0 means not computed."""
        return self._now("count")

    def add(
        self, cell: Cell, loss_sum: float, square_sum: float, hits: int, count: int, *more: Sums
    ) -> None:
        """Add sums over `count` more samples to a cell.

        Args:
            more: those of each further quantity.
        """
        before = self.slots[cell][self.valid[cell]]
        own = loss_sum, square_sum, hits, count
        loss_sum, square_sum, hits, count = _added(before, "", own)
        stderr = standard_error(loss_sum, square_sum, count, self.population)
        accuracy = self.accuracy(hits / count)
        values = loss_sum / count, accuracy, stderr, loss_sum, square_sum, hits, count
        further = zip(self.quantities, more, strict=True)
        self._write(cell, (*values, *(s for q, sums in further for s in _added(before, q, sums))))

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
        if self.quantities:
            description["quantities"] = self.quantities
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
            loss, accuracy, stderr, *more = (
                np.where(count > 0, self._now(name), np.nan) * 1.0
                for name in ("loss", "accuracy", "loss_stderr", *self.columns)
            )
        columns = dict(zip(self.columns, more, strict=True))
        for name, population in self.quantities.items():
            columns |= self._quantity(name, population)
        return Surface(
            self.alpha, self.beta, loss, accuracy, stderr, count, self.meta, columns=columns
        )

    def _quantity(self, name: str, population: int) -> dict[str, Array]:
        """The columns of a quantity: its mean, its standard error, the share of right answers."""
        loss_sum, square_sum, hits, count = (self._now(f"{name}_{of}") for of, _ in _SUMS)
        with np.errstate(all="ignore"):
            mean = np.where(count > 0, loss_sum / count, np.nan)
            share = np.where(count > 0, hits / count, np.nan)
            errors = standard_errors(loss_sum, square_sum, count, population)
        found = {name: mean, f"{name}_stderr": np.where(count > 0, errors, np.nan)}
        if self.classifier:
            found[f"{name}_accuracy"] = share / self.meta.get("targets_per_sample", 1)
        return found

    def _now(self, name: str) -> NDArray[Any]:
        both = np.asarray(self.slots[name])
        return np.where(np.asarray(self.valid, np.bool_), both[..., 1], both[..., 0])

    def _write(self, cell: Cell, record: tuple[float | int, ...]) -> None:
        other = 1 - int(self.valid[cell])
        self.slots[(*cell, other)] = record
        self.valid[cell] = other


def _added(before: Any, quantity: str, sums: Sums) -> Sums:
    """What a record holds of a quantity, and these sums; of the loss where it has no name."""
    held = (before[f"{quantity}_{name}" if quantity else name] for name, _ in _SUMS)
    with np.errstate(all="ignore"):
        loss_sum, square_sum, hits, count = (a + b for a, b in zip(held, sums, strict=True))
    return float(loss_sum), float(square_sum), int(hits), int(count)


def standard_error(loss_sum: float, square_sum: float, n: int, population: int) -> float:
    """Of a mean over `n` samples as an estimate of the mean over `population`.

    They are drawn without replacement, hence Cochran's finite-population correction: a mean over
    the whole population has no error, whatever its spread.
    """
    if n >= population:
        return 0.0
    return float(standard_errors(loss_sum, square_sum, n, population))


def standard_errors(loss_sum: Any, square_sum: Any, n: Any, population: int) -> Any:
    """`standard_error` of each of several means."""
    with np.errstate(all="ignore"):
        mean = np.float64(loss_sum) / n
        variance = np.maximum(square_sum / n - mean**2, 0) * n / (n - 1)
        errors = np.sqrt(variance / n * np.maximum(1 - n / population, 0))
    return np.where(n >= population, 0.0, np.where(n < 2, np.nan, errors))


def _read(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        return read_array(file, path.name)
