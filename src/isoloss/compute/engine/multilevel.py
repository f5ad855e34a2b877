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

A surface around one checkpoint predicts that around another likewise, cell by cell: as it is, or by
what coarser neighbours have left unexplained of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from isoloss.compute.engine.cell_estimates import CellEstimates, Stencils
from isoloss.compute.engine.sample_losses import BothLosses, SampleLosses
from isoloss.compute.engine.stencils import Indices, levels, stencils, stencils_through
from isoloss.geometry.arrays import Array

# The error that is kept below the tolerance is so many standard errors.
Z = 3.0
# The coarsest cells may use up this fraction of the variance allowed, each finer level half of what
# is left: the finer inherit the coarser's errors.
BASE, KEEP = 0.45, 0.5
FIRST_LOOK, PILOT = 16, 32
MOST_GROWTH = 4
# A fraction of the variance allowed that is too small to be worth anything.
NEGLIGIBLE = 0.03


class Multilevel:
    """Estimates every cell from what has been evaluated, and says what to evaluate next.

    Args:
        record: the losses and right answers seen so far, in the shared order.
        population: N, the number of images of which the loss is the mean.
        limit: the most images evaluated in a cell.
        tolerance: the error allowed, as a fraction of the surface's range.
        cut: the first place at or after n images where the order can be cut.
        before: another surface on the same grid, of the same images in the same order.
        strict: the variance is kept below so much of what is allowed; less than 1 for a surface
            that predicts another.
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
        before: Multilevel | None = None,
        strict: float = 1.0,
    ) -> None:
        self.shape = (len(alpha), len(beta))
        self._record = record
        self._strict = strict
        self._population = population
        self._limit = limit
        self._tolerance = tolerance
        self._cut = cut
        self._levels = levels(self.shape)
        self._finest = np.zeros(len(alpha) * len(beta), np.bool_)
        self._finest[self._levels[-1]] = True
        own = len(self._finest)
        found = [stencils(alpha, beta, points) for points in (2, 4)]
        if before is None:
            ways = [Stencils.of(each, own) for each in found]
            silent = self._finest & (strict == 1.0)
            self._known = CellEstimates(record, population, limit, ways, silent)
            return
        found += stencils_through(found[1], ~before._known.finest[:own])
        ways = [Stencils.of(each, 2 * own) for each in found]
        both = BothLosses(record, before._record, own)
        self._known = CellEstimates(both, population, limit, ways, self._finest, before._known)

    def estimates(self, counts: Indices) -> Iterator[tuple[int, float, float, float]]:
        """(cell, loss, accuracy, standard error) of the cells whose estimate is new.

        Args:
            counts: (cells,) images evaluated in each.
        """
        known = self._known
        renewed = np.zeros(known.count.size, np.bool_)
        counts = np.concatenate([counts, known.count[counts.size :]])
        for level in self._levels:
            stale = known.stale(level, counts, renewed)
            known.renew(stale, counts)
            renewed[stale] = True
            found = known.loss[stale], known.accuracy[stale], np.sqrt(known.variance[stale])
            yield from zip(*(of.tolist() for of in (stale, *found)), strict=True)

    def next_round(self, counts: Indices) -> list[tuple[int, int]]:
        """(cell, images to have) of the cells that need more; empty when all are good enough.

        Call it when `estimates` has been brought up to date. The answer depends on nothing but
        what has been evaluated, so that work goes on after a kill as it would have without.
        """
        allowed = self._allowed_variance()
        for depth, level in enumerate(self._levels):
            last = depth == len(self._levels) - 1
            fraction = self._strict * (1.0 if last else 1 - (1 - BASE) * KEEP**depth)
            lacking = counts[level] < min(PILOT, self._limit)
            lacking |= self._known.variance[level] > fraction * allowed
            wanted: dict[int, int] = {}
            for cell in level[lacking].tolist():
                self._want(cell, fraction * allowed, counts, wanted, first=depth == 0)
            more = {c: n for c, n in wanted.items() if n > counts[c]}
            if more:
                return [(c, more[c]) for lvl in self._levels for c in map(int, lvl) if c in more]
        return []

    def expected(self, counts: Indices) -> int:
        """A guess at the images that all cells together will have taken."""
        allowed, known = self._allowed_variance(), self._known
        total = float(counts.sum()) + PILOT * int((counts == 0).sum())
        if allowed > 0:
            own = slice(counts.size)
            vague = (known.variance[own] > allowed) & np.isfinite(known.own[own])
            more = np.flatnonzero(vague)
            with np.errstate(divide="ignore"):
                needed = 1 / (0.5 * allowed / known.own[more] + 1 / self._population)
            total += np.maximum(np.minimum(needed, self._limit) - counts[more], 0).sum()
        return int(min(total, self._limit * counts.size))

    def _allowed_variance(self) -> float:
        own = slice(self._finest.size)
        losses = self._known.loss[own][self._known.count[own] > 0]
        finite = losses[np.isfinite(losses)]
        spread = float(np.ptp(finite)) if len(finite) else 0.0
        return (self._tolerance * spread / Z) ** 2

    def _want(
        self, cell: int, allowed: float, counts: Indices, wanted: dict[int, int], *, first: bool
    ) -> None:
        """Enter into `wanted` what brings the variance of `cell`, which is larger or has not been
        looked at, below `allowed`."""
        count = int(counts[cell])
        if count < min(PILOT, self._limit):
            self._ask({cell: FIRST_LOOK if first and count == 0 else PILOT}, counts, wanted)
            return
        if count < self._limit:
            ways = self._ways(cell, allowed, counts)
            cheapest = min(ways, key=lambda way: sum(n - counts[c] for c, n in way.items()))
            self._ask(cheapest, counts, wanted)

    def _ways(self, cell: int, allowed: float, counts: Indices) -> list[dict[int, float]]:
        """The ways to a variance of `allowed`: {cell: images to have}, each with some to add."""
        known, count = self._known, float(counts[cell])
        ways = [{cell: max(self._needed(known.spread[cell], allowed), count + 1)}]
        if known.way[cell] < 0:
            return ways
        stencil, own_count = known.stencils[known.way[cell]], int(known.own_count[cell])
        parents = [c for c in stencil.cells[cell].tolist() if c < counts.size]
        of_others = stencil.cells[cell][stencil.cells[cell] >= counts.size]
        most = int(known.count[of_others].min(initial=self._limit))
        own_part = known.own[cell] * (1 / own_count - 1 / self._population)
        room = allowed - max(known.variance[cell] - own_part, 0.0)
        if room > NEGLIGIBLE * allowed:
            # A residual is known as far as the cells are that it is the difference to.
            n = max(self._needed(known.own[cell], room), own_count + 1)
            behind = {c: n for c in parents if counts[c] < n}
            if n <= most:
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
            rung = self._cut(self._ladder[bisect_left(self._ladder, reachable)])
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
