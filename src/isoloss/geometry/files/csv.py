"""Tables as CSV: ours, and those of others where what they mean is clear."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import write_csv
from isoloss.geometry.arrays import Array
from isoloss.geometry.files.named import (
    EXTRAS,
    named,
    names_of_surface,
    surface_of_arrays,
    surface_of_matrix,
)
from isoloss.geometry.surface import Surface, grids_of

_LARGEST = 1 << 31
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_MISSING = ("", "na", "n/a", "#n/a", "null", "none", "missing")
_ALSO_CALLED = {
    "α": "alpha", "β": "beta", "points:0": "x", "points:1": "y", "points:2": "z", "points_0": "x",
    "points_1": "y", "points_2": "z",
}  # fmt: skip
"""What ParaView calls coordinates, and Greeks α."""
_WITH_COMMA = re.compile(r"[-+]?[\d.]*,[\d.,]*(?:[eE][-+]?\d+)?")


def save_csv(surface: Surface, path: Path) -> Path:
    """One row for each grid point, β fastest: alpha, beta, then every value."""
    alpha, beta = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    columns = {"alpha": alpha, "beta": beta, **grids_of(surface)}
    rows = zip(*(c.ravel().tolist() for c in columns.values()), strict=True)
    return write_csv(path, columns, rows)


def load_csv(path: Path) -> Surface:
    """The surface or curve in a table: exactly what `save_csv` wrote; or one row for each grid
    point, in any order, under a header with x, y, z or alpha, beta, loss; or a matrix of losses,
    of which the first row and column are β and α where its corner says nothing.

    Fields are separated by commas, semicolons, tabs or spaces; where not by commas, numbers may
    have a decimal comma. An empty field, or NA, NULL or None, is NaN.

    Raises:
        IsolossError: it can be read in two ways, or in none.
    """
    rows, by_comma = _rows(_text(path))
    if len(rows) < 2:
        raise IsolossError("it has fewer than two rows")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise IsolossError(f"row {number} has {len(row)} fields, the first {len(rows[0])}")
    meta = {"title": path.stem}
    if not any(map(_is_number, rows[0])):
        names = [name.lower() for name in rows[0]]
        return _of_columns([_ALSO_CALLED.get(n, n) for n in names], rows[1:], meta)
    if not _is_number(rows[0][0]):
        table = _matrix([["nan", *rows[0][1:]], *rows[1:]])
        arrays = {"alpha": table[1:, 0], "beta": table[0, 1:], "loss": table[1:, 1:]}
        return surface_of_arrays(arrays, meta)
    if len(rows[0]) <= 3:
        raise IsolossError(
            f"its {len(rows[0])} columns have no names: a first line alpha,beta,loss says which "
            "is which"
        )
    if by_comma and not any("." in field or "e" in field.lower() for row in rows for field in row):
        raise IsolossError(
            "its numbers have no points: if they have decimal commas, separate them by semicolons"
        )
    return surface_of_matrix(_matrix(rows), meta)


def _of_columns(names: list[str], rows: list[list[str]], meta: dict[str, Any]) -> Surface:
    """The surface or curve in columns that are called by names."""
    wanted = [name for name in (*names_of_surface(names), *EXTRAS) if name in names]
    if twice := [name for name in wanted if names.count(name) > 1]:
        raise IsolossError(f"it has two columns {twice[0]}")
    columns = {name: [row[names.index(name)] for row in rows] for name in wanted}
    return surface_of_arrays(
        {n: (_whole if n == "count" else _numbers)(column) for n, column in columns.items()}, meta
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise IsolossError(f"it is larger than {_LARGEST >> 30} GB")
        content = path.read_bytes()
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error
    marked = next((encoding for bom, encoding in _BOMS if content.startswith(bom)), "utf-8")
    try:
        text = content.decode(marked)
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "\0" in text:
        raise IsolossError("it is no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _rows(text: str) -> tuple[list[list[str]], bool]:
    """The fields of each line that has some, numbers with a point; whether commas separate them.

    Lines that begin with # are left out, but one that names the columns.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    remarks = [line.lstrip("# ") for line in lines if line.startswith("#")]
    lines = [line for line in lines if not line.startswith("#")]
    if lines and (told := re.fullmatch(r"sep=(.)", lines[0])):
        lines, separators = lines[1:], told[1]
    else:
        separators = ";\t,"
    first = lines[0] if lines else ""
    separator = next((s for s in separators if s in first), None)
    if remarks and named([name.strip().lower() for name in _split(remarks[-1:], separator)[0]]):
        lines = [remarks[-1], *lines]
    rows = _split(lines, separator)
    if "," in text and (separator != "," or '"' in text):
        rows = _with_points(rows)
    return rows, separator == ","


def _split(lines: Sequence[str], separator: str | None) -> list[list[str]]:
    if separator is None:
        return [line.split() for line in lines]
    try:
        rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, strict=True)
        return [[field.strip() for field in row] for row in rows]
    except csv.Error as error:
        raise IsolossError(f"it is not readable as a table: {error}") from error


def _with_points(rows: list[list[str]]) -> list[list[str]]:
    """`rows` with decimal points in place of decimal commas."""
    commas = any(_WITH_COMMA.fullmatch(field) for row in rows for field in row)
    if not commas:
        return rows
    if any("." in field and _is_number(field) for row in rows for field in row):
        raise IsolossError("some of its numbers have decimal points, others commas")
    return [[f.replace(",", ".") if _WITH_COMMA.fullmatch(f) else f for f in row] for row in rows]


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field and field.isascii()


def _numbers(fields: Sequence[str]) -> Array:
    try:
        together = "".join(fields)
        if "_" not in together and together.isascii():
            return np.array([float(f) for f in fields], np.float64)
    except ValueError:
        pass
    filled = ["nan" if field.lower() in _MISSING else field for field in fields]
    if wrong := next((field for field in filled if not _is_number(field)), None):
        raise IsolossError(f"{wrong[:40]!r} is not a number")
    return np.array([float(field) for field in filled], np.float64)


def _whole(fields: Sequence[str]) -> NDArray[Any]:
    """Whole numbers of up to 64 bits, each of which double precision need not hold."""
    if all(re.fullmatch(r"[-+]?\d{1,18}", field) for field in fields):
        return np.array([int(field) for field in fields], np.int64)
    return _numbers(fields)


def _matrix(rows: list[list[str]]) -> Array:
    return np.stack([_numbers(row) for row in rows])
