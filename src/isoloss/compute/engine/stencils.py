"""Which coarser cells of a grid predict a finer one, and with which weights."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array

Indices = NDArray[np.int64]
COARSEST = 4


@dataclass(frozen=True)
class Stencil:
    """The cells a finer one is interpolated from, by index into the flattened grid."""

    cells: Indices
    weights: Array


def levels(shape: tuple[int, int]) -> list[Indices]:
    """The cells of an (A, B) grid from coarse to fine, by flat index: 4 × 4 of them spread over the
    whole grid first, then those that halve the gaps, until all are there."""
    seen = np.zeros(shape, bool)
    found: list[Indices] = []
    for lines in _lines(shape):
        level = np.zeros(shape, bool)
        level[np.ix_(*lines)] = True
        found.append(np.flatnonzero(level & ~seen))
        seen |= level
    return found


def stencils(alpha: Array, beta: Array, points: int) -> dict[int, Stencil]:
    """For every cell but the coarsest, the tensor product of Lagrange interpolations through at
    most `points` lines of the next coarser level in each direction: 2 is bilinear, 4 bicubic."""
    shape = (len(alpha), len(beta))
    found: dict[int, Stencil] = {}
    seen = set[int](levels(shape)[0].tolist())
    for coarse, fine in itertools.pairwise(_lines(shape)):
        rows_of = {int(i): _lagrange(alpha, coarse[0], int(i), points) for i in fine[0]}
        columns_of = {int(j): _lagrange(beta, coarse[1], int(j), points) for j in fine[1]}
        for (i, (rows, u)), (j, (columns, v)) in itertools.product(
            rows_of.items(), columns_of.items()
        ):
            index = i * shape[1] + j
            if index not in seen:
                seen.add(index)
                cells = (rows[:, None] * shape[1] + columns).ravel()
                found[index] = Stencil(cells, np.outer(u, v).ravel())
    return found


def stencils_through(
    spatial: dict[int, Stencil], predict: NDArray[np.bool_]
) -> list[dict[int, Stencil]]:
    """The ways in which another surface on the same grid predicts the cells of one: by its own cell
    there; and by what `spatial` stencils make of the neighbours, and leave of that cell.

    Args:
        predict: (cells,) bool, which of the other surface's cells others can be predicted from.
            They are counted on from where those of the grid end.
    """
    cells = len(predict)
    same = {int(c): Stencil(np.array([c + cells]), np.ones(1)) for c in np.flatnonzero(predict)}
    rest: dict[int, Stencil] = {}
    for c, near in spatial.items():
        if predict[c] and predict[near.cells].all():
            others = np.concatenate([near.cells, [c + cells], near.cells + cells])
            rest[c] = Stencil(others, np.concatenate([near.weights, [1.0], -near.weights]))
    return [same, rest]


def _lines(shape: tuple[int, int]) -> list[tuple[Indices, Indices]]:
    """The rows and columns of each level, those of the coarser ones among them."""
    now = [np.unique(np.linspace(0, n - 1, COARSEST).round().astype(np.int64)) for n in shape]
    found = [(now[0], now[1])]
    while any(len(lines) < n for lines, n in zip(now, shape, strict=True)):
        now = [np.union1d(lines, (lines[:-1] + lines[1:]) // 2) for lines in now]
        found.append((now[0], now[1]))
    return found


def _lagrange(axis: Array, lines: Indices, target: int, points: int) -> tuple[Indices, Array]:
    """The nearest `points` of `lines` around `target` and their interpolation weights there."""
    if target in lines:
        return np.array([target]), np.ones(1)
    points = min(points, len(lines))
    after = int(np.searchsorted(lines, target))
    first = min(max(after - points // 2, 0), len(lines) - points)
    nodes = lines[first : first + points]
    x, knots = axis[target], axis[nodes]
    weights = np.ones(points)
    for k in range(points):
        others = np.delete(knots, k)
        weights[k] = np.prod((x - others) / (knots[k] - others))
    return nodes, weights
