"""The merge tree of a grid of values: which of its minima there are, and where each ends.

Sublevel-set persistence in dimension 0 (Edelsbrunner, Letscher & Zomorodian 2002) over the grid,
where every point is a neighbour of the eight around it. Let the water rise: each minimum begins a
pool; at the lowest saddle between two pools they become one, and the shallower minimum of the two
ends there (the elder rule). This is what gudhi calls the sublevel-set filtration of a cubical
complex given by its top-dimensional cells.

Equal values are told apart by their place: the one that comes first, row by row, is the lower one.
So a plateau is one minimum, and ties end the same way on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array

Index = NDArray[np.int64]

NOWHERE = -1
"""Stands for the saddle, and the deeper minimum, of one that meets none."""


@dataclass(frozen=True)
class MergeTree:
    """The minima of a grid, the lowest first, as flat indices; plateaus and lone points have none.

    Attributes:
        minimum: (n,) where each is.
        saddle: (n,) where its pool becomes one with that of a lower minimum; `NOWHERE` for the
            lowest of all that can be reached from it.
        into: (n,) the place in these arrays of that lower minimum; `NOWHERE` likewise.
    """

    minimum: Index
    saddle: Index
    into: Index


def merge_tree(values: Array, passable: NDArray[np.bool_]) -> MergeTree:
    """The merge tree of `values` (A, B).

    Args:
        passable: (A, B) where there is a finite value; all other points are walls.
    """
    flat, is_inside = values.ravel(), passable.ravel()
    drains = _drains(values, passable)
    minima = np.flatnonzero((drains == np.arange(len(flat))) & is_inside)
    minima = minima[np.argsort(flat[minima], kind="stable")]
    name = np.full(len(flat), NOWHERE, np.int32)
    name[minima] = np.arange(len(minima))
    basin = np.where(is_inside, name[drains], NOWHERE)
    tree = _elder_rule(minima, *_passes(flat, basin.reshape(values.shape), len(minima)))
    return _without_plateaus(flat, tree, basin)


def _drains(values: Array, passable: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(A·B,) the point at which steepest descent from each ends, as flat indices."""
    rows, columns = values.shape
    padded = np.pad(np.where(passable, values, np.inf), 1, constant_values=np.inf)
    lowest = np.full(values.shape, np.inf)
    step = np.zeros(values.shape, np.int32)
    for di, dj in np.ndindex(3, 3):  # of equal ones the first stays
        there = padded[di : di + rows, dj : dj + columns]
        np.copyto(step, (di - 1) * columns + dj - 1, where=there < lowest)
        np.minimum(lowest, there, out=lowest)
    return _followed(np.arange(values.size, dtype=np.int32) + np.where(passable, step, 0).ravel())


def _passes(flat: Array, basin: NDArray[np.int32], count: int) -> tuple[Index, Index, Index]:
    """(basin, basin, saddle) where two basins touch, once for each pair, the lowest first."""
    places = np.arange(flat.size).reshape(basin.shape)
    found: list[Index] = []
    for here, there in _NEIGHBOURS:
        a, b = basin[here], basin[there]
        touch = np.flatnonzero((a != b) & (a != NOWHERE) & (b != NOWHERE))
        first, second = places[here].ravel()[touch], places[there].ravel()[touch]
        higher = np.where(flat[first] > flat[second], first, second)  # of equal ones the later
        found.append(np.stack([a.ravel()[touch], b.ravel()[touch], higher], dtype=np.int64))
    one, other, saddle = np.concatenate(found, axis=1)
    rising = np.lexsort((saddle, flat[saddle]))
    one, other = np.minimum(one, other)[rising], np.maximum(one, other)[rising]
    lowest = np.unique(one * count + other, return_index=True)[1]
    lowest.sort()
    return one[lowest], other[lowest], saddle[rising][lowest]


def _elder_rule(minima: Index, one: Index, other: Index, saddle: Index) -> MergeTree:
    """Which minimum ends at which pass; basins are named from the lowest on."""
    ends, into = np.full((2, len(minima)), NOWHERE, np.int64)
    pool = list(range(len(minima)))

    def lowest_of(basin: int) -> int:
        while pool[basin] != basin:
            pool[basin] = basin = pool[pool[basin]]
        return basin

    for a, b, at in zip(one.tolist(), other.tolist(), saddle.tolist(), strict=True):
        elder, younger = lowest_of(a), lowest_of(b)
        if elder != younger:
            elder, younger = min(elder, younger), max(elder, younger)
            pool[younger] = elder
            ends[younger], into[younger] = at, elder
    # Several that meet in one point all merge into the lowest.
    while (on := (into != NOWHERE) & (ends[into] == ends)).any():
        into[on] = into[into[on]]
    return MergeTree(minima, ends, into)


def _without_plateaus(flat: Array, tree: MergeTree, basin: NDArray[np.int32]) -> MergeTree:
    """Without the minima that end as high as they began: parts of a plateau, and what is flat."""
    lowest = _followed(np.where(tree.into == NOWHERE, np.arange(len(tree.into)), tree.into))
    inside = np.flatnonzero(basin != NOWHERE)
    reached = lowest[basin[inside]]
    is_sloped = np.zeros(len(tree.minimum), np.bool_)
    is_sloped[reached[flat[inside] > flat[tree.minimum[reached]]]] = True
    rises = flat[tree.saddle] > flat[tree.minimum]
    stays = np.where(tree.into == NOWHERE, is_sloped, rises)
    place = np.append(np.cumsum(stays) - 1, NOWHERE)
    return MergeTree(tree.minimum[stays], tree.saddle[stays], place[tree.into[stays]])


def _followed(steps: NDArray[Any]) -> NDArray[Any]:
    """Where one ends who goes on from each place to that which it names, until one names itself."""
    while True:
        further = steps[steps]
        if np.array_equal(further, steps):
            return steps
        steps = further


_ALL, _HEAD, _TAIL = slice(None), slice(None, -1), slice(1, None)
_NEIGHBOURS = (
    ((_HEAD, _ALL), (_TAIL, _ALL)),
    ((_ALL, _HEAD), (_ALL, _TAIL)),
    ((_HEAD, _HEAD), (_TAIL, _TAIL)),
    ((_HEAD, _TAIL), (_TAIL, _HEAD)),
)
"""Each of the four directions in which points have a neighbour: here and there."""
