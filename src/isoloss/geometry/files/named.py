"""A surface from arrays that are called by their names: ours, and what others call them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.geometry.files.exact import counts, reals
from isoloss.geometry.files.grids import surface_of_grids, surface_of_points
from isoloss.geometry.surface import Surface
from isoloss.naming import first_of

Kind = TypeVar("Kind")
AXES = (("alpha", "beta"), ("x", "y"), ("xcoordinates", "ycoordinates"))
"""What the coordinates are called."""
VALUES = ("loss", "z", "train_loss", "test_loss")
"""What the losses are called; where there are several, the first."""
EXTRAS = ("accuracy", "loss_stderr", "count", "spread")
"""What else is ours, where coordinates and loss have our names."""
NAMES = (*(name for pair in AXES for name in pair), *VALUES, *EXTRAS)
"""All of them."""
UNNAMED = "the file says no coordinates: α and β are the numbers of its rows and columns, from 0"
"""What is said of a surface that is a matrix and nothing else."""


def named(names: Collection[str]) -> tuple[str, str | None, str] | None:
    """Which of `names` are the coordinates and the losses; the second coordinate is None where
    there is none, as of a curve. None where coordinates or losses are missing."""
    loss = next((name for name in VALUES if name in names), None)
    for alpha, beta in AXES:
        if loss is not None and alpha in names and (beta in names or loss != "z"):
            return alpha, beta if beta in names else None, loss
    return None


def by_our_names(arrays: Mapping[str, Kind]) -> dict[str, Kind]:
    """`arrays` with names in lower case where that makes them ours: X, Y and Z are x, y and z."""
    lower = {name: name.lower() for name in arrays}
    renamed = {n: low for n, low in lower.items() if low in NAMES and low not in arrays}
    return {renamed.get(name, name): array for name, array in arrays.items()}


def names_of_surface(names: Collection[str]) -> tuple[str, str | None, str]:
    """As `named`.

    Raises:
        IsolossError: saying what there is, if coordinates or losses are missing.
    """
    chosen = named(names)
    if chosen is None:
        there = first_of([name[:40] for name in names if name]) if any(names) else "nothing"
        raise IsolossError(f"it has no alpha, beta and loss (or x, y and z), but {there}")
    return chosen


def columns_of(
    arrays: Mapping[str, NDArray[Any]],
    chosen: tuple[str, str | None, str],
    further: Collection[str] = (),
) -> dict[str, NDArray[Any]]:
    """The values of `Surface` in `arrays`, exactly, by our names, and its `further` columns."""
    columns: dict[str, NDArray[Any]] = {"loss": reals(arrays[chosen[2]], chosen[2])}
    if chosen[0] == "alpha" and chosen[2] == "loss":
        for name in (*EXTRAS, *further):
            if name in arrays:
                columns[name] = (counts if name == "count" else reals)(arrays[name], name)
    return columns


def surface_of_arrays(
    arrays: Mapping[str, NDArray[Any]], meta: dict[str, Any], further: Collection[str] = ()
) -> Surface:
    """The surface or curve in arrays by name: a grid over two axes, or points in any order.

    `loss[i, j]` belongs to `alpha[i]`, `beta[j]`; axes may run downwards, and be rows or columns.
    Coordinates of the losses' own shape are those of each point.

    Args:
        further: the names of columns that are the surface's own.

    Raises:
        IsolossError: if names or shapes say something else.
    """
    chosen = names_of_surface(arrays)
    columns = columns_of(arrays, chosen, further)
    loss = columns["loss"]
    alpha = reals(arrays[chosen[0]], chosen[0])
    beta = np.zeros(1) if chosen[1] is None else reals(arrays[chosen[1]], chosen[1])
    for name in ("spread", *further):
        if columns.get(name, loss).shape != loss.shape:
            del columns[name]  # An extra that does not fit must not cost the surface.
    for name, values in columns.items():
        if values.shape != loss.shape:
            raise IsolossError(f"{name} has shape {values.shape}, {chosen[2]} has {loss.shape}")
    if alpha.shape == beta.shape == loss.shape and alpha.size > 1:
        flat = {name: values.ravel() for name, values in columns.items()}
        return surface_of_points(alpha.ravel(), beta.ravel(), flat, meta)
    alpha, beta = _axis(alpha), _axis(beta)
    if chosen[1] is None and _axis(loss).ndim == 1:
        columns = {name: values.reshape(-1, 1) for name, values in columns.items()}
        loss = columns["loss"]
    if alpha.ndim != 1 or beta.ndim != 1 or loss.shape != (len(alpha), len(beta)):
        axes = f"{chosen[0]} {alpha.shape}" + (f" and {chosen[1]} {beta.shape}" * bool(chosen[1]))
        raise IsolossError(f"{chosen[2]} has shape {loss.shape}, which does not fit {axes}")
    if chosen[0] != "alpha" and len(alpha) == len(beta):
        said = f"{chosen[2]}[i, j] is taken to belong to {chosen[0]}[i] and {chosen[1]}[j]"
        meta = with_note(meta, "axes", f"{said}: transpose it if it does not")
    rows, beside = np.argsort(alpha, kind="stable"), np.argsort(beta, kind="stable")
    grids = {name: values[np.ix_(rows, beside)] for name, values in columns.items()}
    return surface_of_grids(alpha[rows], beta[beside], grids, meta)


def _axis(values: Array) -> Array:
    """`values` along one axis, where they are a row or a column."""
    return values.ravel() if values.size == max(values.shape, default=0) else values


def surface_of_matrix(losses: NDArray[Any], meta: dict[str, Any]) -> Surface:
    """The surface of losses (A, B), or the curve of (A,), over the numbers of rows and columns.

    Raises:
        IsolossError: it has more axes, or three columns that may as well be points.
    """
    loss = reals(losses, "the array")
    if loss.ndim == 1:
        loss = loss[:, None]
    if loss.ndim != 2:
        raise IsolossError(f"its array has shape {losses.shape}: a surface has rows and columns")
    if _may_be_points(loss):
        raise IsolossError(
            f"its {len(loss)} rows of three may be points of a grid or losses: save points as x, y "
            "and z of an .npz"
        )
    rows, columns = (np.arange(n, dtype=np.float64) for n in loss.shape)
    return Surface.from_loss(rows, columns, loss, **with_note(meta, "axes", UNNAMED))


def _may_be_points(values: Array) -> bool:
    if values.shape[1] != 3:
        return False
    try:
        surface = surface_of_points(values[:, 0], values[:, 1], {"loss": values[:, 2]}, {})
    except IsolossError:
        return False
    return min(surface.shape) > 1


def with_note(meta: dict[str, Any], what: str, message: str) -> dict[str, Any]:
    """`meta` with a note for who looks at the surface, as its finding."""
    return {**meta, "findings": [{"level": "note", "what": what, "message": message}]}
