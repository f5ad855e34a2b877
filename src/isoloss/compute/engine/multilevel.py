"""Multilevel probing: finer cells are predicted image by image from their coarser neighbours.

The loss of one image changes smoothly over the plane. With one random order of the images for all
cells, a cell's coarser neighbours predict its loss on each image, I(x) = Σ_k w_k ℓ_k(x), and only
the residual has to be sampled:

    L̂ = Σ_k w_k L̂_k + mean over the first n images of [ℓ(x) − I(x)]

is unbiased, and its error is the residual's. This is the multilevel Monte Carlo idea (Giles 2008)
with interpolation over the plane as the coupling. Unrolled, L̂ is a sum of means of per-image terms
over prefixes of the one order, so its variance follows from their covariances,

    V = Σ_a Σ_b S_ab (1/max(n_a, n_b) − 1/N),

with Cochran's correction for drawing without replacement from N images.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isoloss.compute.engine.sample_losses import SampleLosses
from isoloss.geometry.arrays import Array

Indices = NDArray[np.int64]
# The error that is kept below the tolerance is so many standard errors.
Z = 3.0
COARSEST = 4
# The coarsest cells may use up this fraction of the variance allowed, each finer level half of what
# is left: the finer inherit the coarser's errors.
BASE, KEEP = 0.45, 0.5
FIRST_LOOK, PILOT = 16, 32
# Below so many images a residual says too little about its own spread.
FEWEST = 32
MOST_GROWTH = 4
# A fraction of the variance allowed that is too small to be worth anything.
NEGLIGIBLE = 0.03


@dataclass(frozen=True)
class Stencil:
    """The cells a finer one is interpolated from, by index into the flattened grid."""

    cells: Indices
    weights: Array


@dataclass
class _CellEstimate:
    """What is known of a cell.

    Attributes:
        terms: {n: (n,)} per-image terms whose means add up to the loss; None where it is not
            finite, and nothing can be predicted from it.
        spread: the variance of the cell's losses, per image.
        own: that of its residual, or, unpredicted, of its losses.
        own_count: images that residual was taken over.
        stencil: what it was predicted from, None if it was not.
        count: images seen when this was computed.
    """

    loss: float
    accuracy: float
    variance: float
    terms: dict[int, Array] | None
    spread: float
    own: float
    own_count: int
    stencil: Stencil | None
    count: int


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


class Multilevel:
    """Estimates every cell from what has been evaluated, and says what to evaluate next.

    Args:
        record: the losses and right answers seen so far, in the shared order.
        population: N, the number of images of which the loss is the mean.
        limit: the most images evaluated in a cell.
        tolerance: the error allowed, as a fraction of the surface's range.
        cut: the first place at or after n images where the order can be cut.
    """

    def __init__(
        self,
        alpha: Array,
        beta: Array,
        record: SampleLosses,
        population: int,
        limit: int,
        tolerance: float,
        cut: Callable[[int], int] = lambda n: n,
    ) -> None:
        self.shape = (len(alpha), len(beta))
        self._record = record
        self._population = population
        self._limit = limit
        self._tolerance = tolerance
        self._cut = cut
        self._levels = levels(self.shape)
        grids = [stencils(alpha, beta, points) for points in (2, 4)]
        self._stencils = {c: [g[c] for g in grids] for c in grids[0]}
        self._known: dict[int, _CellEstimate] = {}

    def estimates(self, counts: Indices) -> Iterator[tuple[int, float, float, float]]:
        """(cell, loss, accuracy, standard error) of the cells whose estimate is new.

        Args:
            counts: (cells,) images evaluated in each.
        """
        renewed = set[int]()
        for depth, level in enumerate(self._levels):
            last = depth == len(self._levels) - 1
            for cell in map(int, level):
                if counts[cell] == 0 or self._is_current(cell, int(counts[cell]), renewed):
                    continue
                renewed.add(cell)
                known = self._estimate(cell, int(counts[cell]))
                if last:
                    known.terms = None if known.terms is None else {}
                self._known[cell] = known
                yield cell, known.loss, known.accuracy, float(np.sqrt(known.variance))

    def next_round(self, counts: Indices) -> list[tuple[int, int]]:
        """(cell, images to have) of the cells that need more; empty when all are good enough.

        Call it when `estimates` has been brought up to date. The answer depends on nothing but
        what has been evaluated, so that work goes on after a kill as it would have without.
        """
        allowed = self._allowed_variance()
        for depth, level in enumerate(self._levels):
            last = depth == len(self._levels) - 1
            fraction = 1.0 if last else 1 - (1 - BASE) * KEEP**depth
            wanted: dict[int, int] = {}
            for cell in map(int, level):
                self._want(cell, fraction * allowed, counts, wanted, first=depth == 0)
            more = {c: n for c, n in wanted.items() if n > counts[c]}
            if more:
                return [(c, more[c]) for lvl in self._levels for c in map(int, lvl) if c in more]
        return []

    def expected(self, counts: Indices) -> int:
        """A guess at the images that all cells together will have taken."""
        allowed = self._allowed_variance()
        total = float(counts.sum()) + PILOT * int((counts == 0).sum())
        for cell, known in self._known.items():
            if known.variance > allowed > 0 and np.isfinite(known.own):
                needed = 1 / (0.5 * allowed / known.own + 1 / self._population)
                total += max(min(needed, self._limit) - float(counts[cell]), 0.0)
        return int(min(total, self._limit * counts.size))

    def _allowed_variance(self) -> float:
        losses = np.array([k.loss for k in self._known.values()])
        finite = losses[np.isfinite(losses)]
        spread = float(np.ptp(finite)) if len(finite) else 0.0
        return (self._tolerance * spread / Z) ** 2

    def _is_current(self, cell: int, count: int, renewed: set[int]) -> bool:
        known = self._known.get(cell)
        if known is None or known.count != count:
            return False
        return not any(renewed.intersection(s.cells.tolist()) for s in self._stencils.get(cell, []))

    def _estimate(self, cell: int, count: int) -> _CellEstimate:
        own = self._record.losses(cell, count)
        hits = self._record.hits(cell, count)
        if not np.isfinite(own).all():
            # Whatever the other images give, the mean over all of them is not finite either.
            with np.errstate(all="ignore"):
                loss = float(own.mean())
            return _CellEstimate(loss, hits.mean(), 0.0, None, 0.0, 0.0, count, None, count)
        left = 1 / count - 1 / self._population
        spread = float(own.var(ddof=1)) if count > 1 else np.inf
        spread *= max((self._rarity(s, count) for s in self._stencils.get(cell, [])), default=1.0)
        best = _CellEstimate(
            own.mean(), hits.mean(), spread * left if left > 0 else 0.0, {count: own}, spread,
            spread, count, None, count,
        )  # fmt: skip
        for stencil in self._stencils.get(cell, []):
            predicted = self._predict(cell, own, stencil) if best.variance > 0 else None
            if predicted is not None and predicted.variance < best.variance:
                best = replace(predicted, spread=spread)
        if best.stencil is not None:
            best.accuracy = self._predict_accuracy(hits, best)
        return best

    def _predict(self, cell: int, own: Array, stencil: Stencil) -> _CellEstimate | None:
        """The estimate from a stencil; None where it cannot be had."""
        parents = [self._known.get(int(c)) for c in stencil.cells]
        n = min([len(own), *(0 if p is None or p.terms is None else p.count for p in parents)])
        if n < max(min(FEWEST, self._limit), 2):
            return None
        interpolated = self._record.weighted(stencil.cells, stencil.weights, n)
        residual = own[:n] - interpolated
        terms: dict[int, Array] = {n: residual.copy()}
        for parent, weight in zip(parents, stencil.weights, strict=True):
            assert parent is not None
            assert parent.terms is not None
            for size, term in parent.terms.items():
                terms[size] = terms[size] + weight * term if size in terms else weight * term
        seen = float(residual.var(ddof=1))
        spread = seen * self._rarity(stencil, n)
        left = 1 / n - 1 / self._population
        return _CellEstimate(
            float(sum(term.mean() for term in terms.values())),
            np.nan,
            max(_variance(terms, self._population) + (spread - seen) * left, 0.5 * spread * left),
            terms,
            np.nan,
            spread,
            n,
            stencil,
            len(own),
        )

    def _rarity(self, stencil: Stencil, n: int) -> float:
        """By how much the first n images understate the spread over more of them, ≥ 1.

        All cells see the same images first, and a rare hard one may not be among them. The
        neighbours, where they have seen more, know how much wider losses spread than that.
        """
        parents = [self._known.get(int(c)) for c in stencil.cells]
        known = [p.count for p in parents if p is not None and p.terms is not None]
        more = min(known) if len(known) == len(parents) else 0
        if more <= n or n < 2:
            return 1.0
        losses = self._record.weighted(stencil.cells, stencil.weights, more)
        first = float(losses[:n].var(ddof=1))
        return max(float(losses.var(ddof=1)) / first, 1.0) if first > 0 else 1.0

    def _predict_accuracy(self, hits: Array, estimate: _CellEstimate) -> float:
        assert estimate.stencil is not None
        stencil, n = estimate.stencil, estimate.own_count
        interpolated = self._record.weighted_hits(stencil.cells, stencil.weights, n)
        residual = hits[:n] - interpolated
        if residual.var() >= hits.var():
            return float(hits.mean())
        coarse = sum(
            w * self._known[int(c)].accuracy
            for c, w in zip(stencil.cells, stencil.weights, strict=True)
        )
        return float(np.clip(coarse + residual.mean(), 0, 1))

    def _want(
        self, cell: int, allowed: float, counts: Indices, wanted: dict[int, int], *, first: bool
    ) -> None:
        """Enter into `wanted` what brings the variance of `cell` below `allowed`."""
        count = int(counts[cell])
        if count < min(PILOT, self._limit):
            self._ask({cell: FIRST_LOOK if first and count == 0 else PILOT}, counts, wanted)
            return
        if self._known[cell].variance > allowed and count < self._limit:
            ways = self._ways(cell, allowed, counts)
            cheapest = min(ways, key=lambda way: sum(n - counts[c] for c, n in way.items()))
            self._ask(cheapest, counts, wanted)

    def _ways(self, cell: int, allowed: float, counts: Indices) -> list[dict[int, float]]:
        """The ways to a variance of `allowed`: {cell: images to have}, each with some to add."""
        known, count = self._known[cell], float(counts[cell])
        ways = [{cell: max(self._needed(known.spread, allowed), count + 1)}]
        if known.stencil is None:
            return ways
        parents = [int(c) for c in known.stencil.cells]
        own_part = known.own * (1 / known.own_count - 1 / self._population)
        room = allowed - max(known.variance - own_part, 0.0)
        if room > NEGLIGIBLE * allowed:
            # A residual is known as far as the cells are that it is the difference to.
            n = max(self._needed(known.own, room), known.own_count + 1)
            behind = {c: n for c in parents if counts[c] < n}
            ways.append({**behind, cell: max(n, count)})
        else:
            better = {c: float(counts[c]) + 1 for c in parents if counts[c] < self._limit}
            if better:
                ways.append(better)
        return ways

    def _needed(self, spread: float, variance: float) -> float:
        """Images from which a mean has that variance, if one of them has the variance `spread`."""
        if variance <= 0:
            return float(self._limit)
        return min(1 / (variance / max(spread, 1e-300) + 1 / self._population), self._limit)

    def _ask(self, way: dict[int, float], counts: Indices, wanted: dict[int, int]) -> None:
        for cell, n in way.items():
            # Not all at once: how much is needed is itself an estimate.
            reachable = min(n, max(MOST_GROWTH * int(counts[cell]), PILOT), self._limit)
            rung = self._cut(next(r for r in self._ladder if r >= reachable))
            wanted[cell] = max(wanted.get(cell, 0), min(rung, self._limit))

    @cached_property
    def _ladder(self) -> list[int]:
        """Counts that are asked for: 16, 32, 48, 64, 96, …, so that few sizes occur."""
        rungs = [FIRST_LOOK]
        n = PILOT
        while rungs[-1] < self._limit:
            rungs += [n, n * 3 // 2]
            n *= 2
        return [r for r in rungs if r < self._limit] + [self._limit]


def _variance(terms: dict[int, Array], population: int) -> float:
    """Of a sum of means of terms over prefixes of one random order without replacement."""
    sizes = sorted(terms)
    total = 0.0
    for b, large in enumerate(sizes):
        left = 1 / large - 1 / population
        if left <= 0:
            continue
        for small in sizes[: b + 1]:
            x, y = terms[small], terms[large][:small]
            covariance = float(np.dot(x - x.mean(), y)) / (small - 1)
            total += (1 if small == large else 2) * covariance * left
    return total
