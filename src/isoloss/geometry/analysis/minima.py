"""The local minima of a surface, each with its persistence: how deep it is up to its saddle.

Sublevel-set persistence in dimension 0 (Edelsbrunner, Letscher & Zomorodian 2002) over the grid,
where every point is a neighbour of the eight around it. Let the water rise: each minimum begins a
pool; at the lowest saddle between two pools they become one, and the shallower minimum of the two
ends there. Its persistence is the loss at that saddle less its own. This is what gudhi calls the
sublevel-set filtration of a cubical complex given by its top-dimensional cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface

Index = NDArray[np.int64]

STANDARD_ERRORS = 2.0
"""A minimum that is not this many standard errors deep may be the noise of the samples."""

MOST = 10_000
"""Pure noise on a million points has a hundred thousand minima, which tell nobody anything."""


@dataclass(frozen=True)
class Minimum:
    """A grid point lower than all around it.

    Attributes:
        index: (i, j) on the grid.
        alpha, beta, loss: where it is and how low.
        saddle: (i, j) of the point where its basin meets that of a deeper one; None where it meets
            none.
        saddle_loss: the loss there; inf where there is none.
        stderr: the standard error of the difference between the two, at the most: both were
            estimated from the same samples, so the errors partly cancel. 0 where none is known.
        at_border: whether it lies at the edge of the grid, or beside a point that has no finite
            loss, so that the real minimum may lie further out.
    """

    index: tuple[int, int]
    alpha: float
    beta: float
    loss: float
    saddle: tuple[int, int] | None
    saddle_loss: float
    stderr: float
    at_border: bool

    @property
    def persistence(self) -> float:
        """Depth up to the saddle in units of loss; inf for the deepest of all it can reach."""
        return self.saddle_loss - self.loss

    @property
    def is_within_noise(self) -> bool:
        """Whether its persistence is less than `STANDARD_ERRORS` standard errors."""
        return self.persistence < STANDARD_ERRORS * self.stderr


def relative_depths(minima: Sequence[Minimum], scale: HeightScale) -> Array:
    """(n,) the depth of each as a fraction of the displayed height, in [0, 1]; the deepest has 1.

    The pairs of minima and saddles are the same on any monotone scale, so that this is the
    persistence of the displayed surface.
    """
    ends = np.array([(m.loss, m.saddle_loss) for m in minima]).reshape(-1, 2)
    heights = scale.apply(ends)
    return np.where(np.isinf(ends[:, 1]), 1.0, heights[:, 1] - heights[:, 0])


def minima_of(surface: Surface) -> tuple[Minimum, ...]:
    """The local minima of `surface`, the most persistent first, `MOST` of them at the most.

    A plateau counts once. Points that are NaN, infinite or not computed are walls; what they
    enclose has a deepest minimum of its own, unless it is flat or a single point.
    """
    passable = surface.computed & np.isfinite(surface.loss)
    if not passable.any():
        return ()
    values, columns = surface.loss.ravel(), surface.shape[1]
    pairs = list(_pairs(surface.loss, passable))
    lows = np.array([low for low, _ in pairs], np.int64)
    rises = np.array([math.inf if s is None else values[s] - values[low] for low, s in pairs])
    errors = np.where(np.isfinite(surface.loss_stderr), surface.loss_stderr, 0.0)
    fenced = _beside_a_wall(passable)
    found: list[Minimum] = []
    deepest: Index = np.lexsort((values[lows], -rises))[:MOST]
    for low, saddle in (pairs[int(k)] for k in deepest):
        i, j = divmod(low, columns)
        meets = None if saddle is None else divmod(saddle, columns)
        found.append(
            Minimum(
                index=(i, j),
                alpha=float(surface.alpha[i]),
                beta=float(surface.beta[j]),
                loss=float(values[low]),
                saddle=meets,
                saddle_loss=math.inf if saddle is None else float(values[saddle]),
                stderr=0.0 if meets is None else math.hypot(errors[i, j], errors[meets]),
                at_border=bool(fenced[i, j]),
            )
        )
    return tuple(found)


def _pairs(loss: Array, passable: NDArray[np.bool_]) -> Iterator[tuple[int, int | None]]:
    """(minimum, saddle) as flat indices; None for a minimum that is never drowned."""
    values = loss.ravel()
    # Ranks instead of values: a total order, in which equal values have a lower and a higher one.
    order = np.argsort(np.where(passable, loss, np.inf).ravel(), kind="stable")
    rank = np.empty(values.size, np.int64)
    rank[order] = np.arange(values.size)
    rank = rank.reshape(loss.shape)
    basin = _basins(np.where(passable, rank, values.size), order)
    parent = {int(b): int(b) for b in np.unique(basin[passable])}
    highest = _highest(values, basin.ravel(), passable.ravel())

    def root(b: int) -> int:
        while parent[b] != b:
            parent[b] = b = parent[parent[b]]
        return b

    for one, other, saddle in _passes(rank, basin, passable):
        a, b = root(one), root(other)
        if a == b:
            continue
        lower, upper = min(a, b), max(a, b)  # basins are named by the rank of their minimum
        parent[upper] = lower
        highest[lower] = max(highest[lower], highest[upper])
        low, meets = int(order[upper]), int(order[saddle])
        if values[meets] > values[low]:  # else the two are one plateau
            yield low, meets
    for b in parent:
        if root(b) == b and highest[b] > values[order[b]]:
            yield int(order[b]), None


def _basins(rank: Index, order: Index) -> Index:
    """(A, B) the rank of the minimum that each point drains into, by steepest descent in rank."""
    rows, columns = rank.shape
    padded = np.pad(rank, 1, constant_values=rank.size)
    lowest = rank.copy()
    for di in (0, 1, 2):
        for dj in (0, 1, 2):
            np.minimum(lowest, padded[di : di + rows, dj : dj + columns], out=lowest)
    # next_[r] is the rank of the lowest neighbour of the point with rank r.
    flat = lowest.ravel()
    next_ = np.arange(rank.size + 1)
    next_[: rank.size] = flat[order]
    next_[next_ >= rank.size] = rank.size  # walls drain into themselves, unused
    while True:
        further = next_[next_]
        if np.array_equal(further, next_):
            break
        next_ = further
    return next_[np.minimum(rank, rank.size)]


def _passes(rank: Index, basin: Index, passable: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """(basin, basin, rank of the saddle) where two basins touch, the lowest of each pair first."""
    ends: list[Index] = []
    for here, there in _NEIGHBOURS:
        a, b = basin[here], basin[there]
        touch = (a != b) & passable[here] & passable[there]
        a, b = a[touch], b[touch]
        saddle = np.maximum(rank[here][touch], rank[there][touch])
        ends.append(np.stack([np.minimum(a, b), np.maximum(a, b), saddle]))
    one, other, saddle = np.concatenate(ends, axis=1)
    rising = np.argsort(saddle, kind="stable")
    one, other, saddle = one[rising], other[rising], saddle[rising]
    names = int(basin.max()) + 1
    lowest = np.sort(np.unique(one * names + other, return_index=True)[1])
    found = (ends[lowest].tolist() for ends in (one, other, saddle))
    return list(zip(*found, strict=True))


_ALL, _HEAD, _TAIL = slice(None), slice(None, -1), slice(1, None)
_NEIGHBOURS = (
    ((_HEAD, _ALL), (_TAIL, _ALL)),
    ((_ALL, _HEAD), (_ALL, _TAIL)),
    ((_HEAD, _HEAD), (_TAIL, _TAIL)),
    ((_HEAD, _TAIL), (_TAIL, _HEAD)),
)
"""Each of the four directions in which points have a neighbour: here and there."""


def _highest(values: Array, basin: Index, passable: NDArray[np.bool_]) -> dict[int, float]:
    """The highest value of each basin."""
    names, of = np.unique(basin[passable], return_inverse=True)
    tops = np.full(len(names), -np.inf)
    np.maximum.at(tops, of, values[passable])
    return dict(zip(names.tolist(), tops.tolist(), strict=True))


def _beside_a_wall(passable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether one of the eight neighbours is impassable or beyond the edge of the grid."""
    rows, columns = passable.shape
    padded = np.pad(passable, 1)
    inside = np.ones_like(passable)
    for di in (0, 1, 2):
        for dj in (0, 1, 2):
            inside &= padded[di : di + rows, dj : dj + columns]
    return ~inside
