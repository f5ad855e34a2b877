"""A surface from grids of values, or from points in any order that form one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import GRIDS, Surface

_ROUNDING = 1e-5
"""The most that rounding moves a coordinate, as a fraction of the largest."""
_CLEAR = 50.0
"""How many times the steps of a grid are as large as what rounding has left between its points."""
_NO_GRID = "its {} points do not form a grid, in which each α has every β"


def surface_of_grids(
    alpha: Array, beta: Array, grids: Mapping[str, NDArray[Any]], meta: dict[str, Any]
) -> Surface:
    """The surface with the values (A, B) in `grids`, of which all but the loss may be missing; by
    names that are not its own they are its further columns."""
    loss = grids["loss"]
    return Surface(
        alpha,
        beta,
        loss,
        grids.get("accuracy", np.full(loss.shape, np.nan)),
        grids.get("loss_stderr", np.zeros(loss.shape)),
        grids.get("count", np.ones(loss.shape, np.int64)),
        meta,
        grids.get("spread"),
        columns={name: v for name, v in grids.items() if name not in (*GRIDS, "spread")},
    )


def surface_of_points(
    alpha: Array, beta: Array, columns: Mapping[str, NDArray[Any]], meta: dict[str, Any]
) -> Surface:
    """The surface of points (n,), row by row or in any order.

    Coordinates that differ by rounding are one; points that are there twice count once.

    Args:
        alpha, beta: (n,) coordinates.
        columns: (n,) the values of `Surface` by name; all but the loss may be missing.
        meta: of the surface.

    Raises:
        IsolossError: if they do not form a grid, or points at one place have different values.
    """
    if not (np.isfinite(alpha).all() and np.isfinite(beta).all()):
        raise IsolossError("some of its points have coordinates that are not numbers")
    if axes := _axes_in_order(alpha, beta):
        shape = (len(axes[0]), len(axes[1]))
        return surface_of_grids(*axes, {n: v.reshape(shape) for n, v in columns.items()}, meta)
    if turned := _axes_in_order(beta, alpha):
        beside, rows = turned
        shape = (len(beside), len(rows))
        grids = {name: values.reshape(shape).T for name, values in columns.items()}
        return surface_of_grids(rows, beside, grids, meta)
    rows, beside, order = _axes(alpha, beta, columns)
    return surface_of_grids(rows, beside, {n: v[order] for n, v in columns.items()}, meta)


def _axes_in_order(alpha: Array, beta: Array) -> tuple[Array, Array] | None:
    """The axes of points that lie row by row, β fastest; None where they do not.

    A million points are checked in milliseconds, sorted in a quarter of a second.
    """
    columns = int(np.argmax(alpha != alpha[0])) if len(alpha) else 0
    if columns == 0 or len(alpha) % columns:
        return None
    rows_alpha, rows_beta = alpha.reshape(-1, columns), beta.reshape(-1, columns)
    rows, beside = rows_alpha[:, 0].copy(), rows_beta[0].copy()
    ascending = bool((np.diff(rows) > 0).all() and (np.diff(beside) > 0).all())
    regular = ascending and (rows_alpha == rows[:, None]).all() and (rows_beta == beside).all()
    return (rows, beside) if regular else None


def _axes(
    alpha: Array, beta: Array, columns: Mapping[str, NDArray[Any]]
) -> tuple[Array, Array, NDArray[np.intp]]:
    """The axes of points in any order, and (A, B) which point lies in each cell."""
    rows, row = np.unique(alpha, return_inverse=True)
    beside, column = np.unique(beta, return_inverse=True)
    place = row * len(beside) + column
    _, first, again = np.unique(place, return_index=True, return_inverse=True)
    if len(rows) * len(beside) != len(first):
        rows, row = _without_rounding(alpha[first])
        beside, column = _without_rounding(beta[first])
        place = row * len(beside) + column
    else:
        place = place[first]
    # Two columns that are truly there would leave two points in a cell.
    if len(rows) * len(beside) != len(first) or np.bincount(place).max(initial=1) > 1:
        raise IsolossError(_NO_GRID.format(f"{len(alpha):,}"))
    if len(first) < len(alpha):
        _check_agreement(columns, first[again])
    order = np.empty(len(first), np.intp)
    order[place] = first
    return rows, beside, order.reshape(len(rows), len(beside))


def _check_agreement(columns: Mapping[str, NDArray[Any]], first: NDArray[np.intp]) -> None:
    for name, values in columns.items():
        if not np.array_equal(values[first], values, equal_nan=values.dtype.kind == "f"):
            raise IsolossError(f"two of its points lie at one place and differ in their {name}")


def _without_rounding(values: Array) -> tuple[Array, NDArray[np.intp]]:
    """The coordinates that `values` are but for rounding, ascending, and which of them each is.

    Neighbours are one where they are nearer to each other than rounding takes them, and a grid's
    steps are far larger. Each is then what most of its points say.
    """
    known, which, often = np.unique(values, return_inverse=True, return_counts=True)
    with np.errstate(over="ignore"):
        gaps = np.diff(known)
    ordered = np.sort(gaps)
    small = ordered[:-1][
        (ordered[:-1] <= _ROUNDING * np.abs(known).max(initial=0.0))
        & (ordered[:-1] * _CLEAR <= ordered[1:])
    ]
    begins = np.concatenate([[True], gaps > small.max(initial=0.0)])
    group = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(known)) - 1
    if len(starts) > 1 and (known[ends] - known[starts]).max() * _CLEAR > gaps[begins[1:]].min():
        return known, which
    most = np.lexsort((-often, group))[starts]
    return known[most], group[which]
