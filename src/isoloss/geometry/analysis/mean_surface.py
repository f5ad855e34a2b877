"""Surfaces of several networks or planes as one: mean and spread, and where two sets differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.analysis.beyond_chance import ENDS, with_marks
from isoloss.geometry.analysis.difference import (
    SURFACES,
    apart_in_grid,
    difference,
    planes_differ,
)
from isoloss.geometry.analysis.ensemble import ensemble
from isoloss.geometry.analysis.quantities import of_quantity, quantities_of
from isoloss.geometry.analysis.student import quantile
from isoloss.geometry.arrays import Array
from isoloss.geometry.findings import Finding
from isoloss.geometry.surface import Surface
from isoloss.naming import first_of

_ALIKE = ("model", "data", "quantity", "difference")
_PLANE = ("plane", "cosine", "explained_variance_ratio", "axes")


def mean_surface(surfaces: Sequence[Surface]) -> Surface:
    """The mean of surfaces over one grid, cell by cell, with all their common quantities.

    `loss` and `accuracy` are means over those surfaces that have the cell; `spread` is the standard
    deviation between them; `loss_stderr` that of the mean given these networks and planes,
    √Σσ²/n, for independent samples; `count` the samples seen in all. Further columns: `surfaces`,
    how many have the cell; `between`, what of the spread is more than their own standard errors;
    `low` and `high`, the ends of the interval of 95 % of the mean over networks or planes
    (Student's t), NaN where fewer than two have the cell. Of a further quantity `q` the columns are
    `q`, `q_stderr`, `q_accuracy`, `q_spread`, `q_low` and `q_high`.

    Raises:
        IsolossError: there are fewer than two, or they differ in grid, data or quantity.
    """
    if len(surfaces) < 2:
        raise IsolossError("a mean needs two surfaces at least: give one of each network or plane")
    _require_alike(surfaces)
    mean, columns = _mean(surfaces)
    titles = dict(ENDS)
    for name, title in _common_quantities(surfaces).items():
        found, more = _mean([of_quantity(s, name) for s in surfaces])
        columns |= {name: found.loss, f"{name}_stderr": found.loss_stderr}
        if np.isfinite(found.accuracy).any():
            columns[f"{name}_accuracy"] = found.accuracy
        if found.spread is not None:
            columns[f"{name}_spread"] = found.spread
        columns |= {f"{name}_{end}": more[end] for end in ENDS}
        titles |= {name: title} | {f"{name}_{k}": f"{title}, {v}" for k, v in ENDS.items()}
    meta = _meta(surfaces) | {"mean_of": len(surfaces), "quantities": titles}
    return replace(mean, columns=columns, meta=meta)


def surface_difference(
    a: Sequence[Surface], b: Sequence[Surface], *, paired: bool = False
) -> Surface:
    """The mean of `a` less that of `b`, and at which cells they differ beyond chance.

    Over several surfaces a side chance is what networks and planes (seeds) explain: Welch's t, or
    that of the differences of pairs. Of one a side it is what samples explain: their standard
    errors, as of independent samples, which is an upper bound where both saw the same.

    `loss_stderr` is that of the difference. Columns: `low` and `high`, the ends of the interval of
    95 % of each cell by itself; `differs`, for all cells at once: 1 where `a` is higher, −1 where
    it is lower, 0 where that may be chance (`beyond_chance`); of the cells that are marked 5 % at
    most are so by chance. `meta["differs"]` says which share is marked, and how that was found.

    Args:
        paired: each of `a` belongs to that of `b` at its place: they have a seed in common.

    Raises:
        IsolossError: one side has none, one and the other several, they differ in grid, data or
            quantity, or pairs do not go up.
    """
    if not a or not b:
        raise IsolossError("a difference needs a surface at least on either side")
    if (len(a) == 1) != (len(b) == 1):
        raise IsolossError(
            "one surface beside several has no spread of its own: give several on either side, or "
            "one on each"
        )
    if paired and len(a) != len(b):
        raise IsolossError(
            f"pairs are of one surface of either side: these have {len(a)} and {len(b)}"
        )
    _require_alike([*a, *b])
    if len(a) == 1:
        return difference(a[0], b[0])
    made = difference(mean_surface(a), mean_surface(b))
    made = replace(made, meta=_meta([*a, *b]) | made.meta)
    return _of_pairs(made, a, b) if paired else made


def _of_pairs(made: Surface, a: Sequence[Surface], b: Sequence[Surface]) -> Surface:
    apart = np.stack([difference(x, y).loss for x, y in zip(a, b, strict=True)])
    with np.errstate(invalid="ignore"):
        error: Array = np.std(apart, axis=0, ddof=1) / np.sqrt(len(apart))
    freedom = np.full(made.shape, len(apart) - 1.0)
    made = replace(made, loss_stderr=error)
    return with_marks(made, error, freedom, "differences of pairs over networks or planes")


def _mean(surfaces: Sequence[Surface]) -> tuple[Surface, dict[str, Array]]:
    """The mean of the losses, and the further columns of it."""
    alone = [replace(s, spread=None, trajectories=(), columns={}) for s in surfaces]
    mean = ensemble(alone)
    computed = np.stack([s.computed for s in surfaces])
    n = computed.sum(0).astype(np.float64)
    spread = np.full(mean.shape, np.nan) if mean.spread is None else mean.spread
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        own = np.where(computed, np.stack([s.loss_stderr**2 for s in surfaces]), 0.0).sum(0) / n
        half = quantile(np.maximum(n - 1, 1)) * spread / np.sqrt(n)
        return mean, {
            "low": mean.loss - half,
            "high": mean.loss + half,
            "between": np.sqrt(np.maximum(spread**2 - own, 0.0)),
            SURFACES: n,
        }


def _require_alike(surfaces: Sequence[Surface]) -> None:
    for other in surfaces[1:]:
        if apart := apart_in_grid(surfaces[0], other):
            raise IsolossError(f"surfaces are put together on the same grid: {apart}")
    for name in ("data", "quantity"):
        named = dict.fromkeys(str(s.meta[name]) for s in surfaces if s.meta.get(name))
        if len(named) > 1:
            raise IsolossError(
                f"surfaces are put together of the same {name}: these are of {first_of([*named])}"
            )
    if len({s.is_difference for s in surfaces}) > 1:
        raise IsolossError("some of the surfaces are differences and some are not: give one kind")


def _common_quantities(surfaces: Sequence[Surface]) -> dict[str, str]:
    first, *others = map(quantities_of, surfaces)
    ends = {*ENDS, *(f"{name}_{end}" for name in first for end in ENDS)}  # of means themselves
    return {
        name: title
        for name, title in first.items()
        if name not in ends and all(name in other for other in others)
    }


def _meta(surfaces: Sequence[Surface]) -> dict[str, Any]:
    """What all have in common, and a note where they lie in different planes."""
    first, differ = surfaces[0].meta, planes_differ([*surfaces])
    meta: dict[str, Any] = {
        name: first[name]
        for name in (*_ALIKE, *(() if differ else _PLANE))
        if name in first and all(s.meta.get(name) == first[name] for s in surfaces)
    }
    if differ:
        said = (
            "the surfaces lie in different planes: the same α and β are different networks in "
            "each; what is put together is the shape around the centre"
        )
        meta["findings"] = [Finding("note", "planes", said).plain()]
    return meta
