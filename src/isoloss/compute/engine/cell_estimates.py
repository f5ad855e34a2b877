"""What the images seen so far say of every cell, many cells at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isoloss.compute.engine.sample_losses import BothLosses, SampleLosses
from isoloss.compute.engine.stencils import Indices, Stencil
from isoloss.geometry.arrays import Array

# Below so many images a residual says too little about its own spread.
FEWEST = 32
# Cells are worked on together up to so many numbers: they stay in a CPU's cache.
TOGETHER = 1 << 17
ValuesOf = Callable[[Indices, int], Array]
_SUM = 0  # as PyTorch's own numbers what is done with the rows of a bag
Terms = dict[int, tuple[Array, NDArray[Any]]]
"""{n: ((cells, n) terms of each image whose means add up to the loss, (cells,) who has some)}"""


@dataclass(frozen=True)
class Stencils:
    """One stencil for every cell that has one.

    Attributes:
        cells: (cells, P) what each is interpolated from; where there are fewer, one again.
        weights: (cells, P); 0 there.
        exist: (cells,) bool.
    """

    cells: Indices
    weights: Array
    exist: NDArray[np.bool_]

    @classmethod
    def of(cls, stencils: Mapping[int, Stencil], cells: int) -> Stencils:
        """Those of so many cells."""
        most = max((len(s.cells) for s in stencils.values()), default=1)
        found = cls(
            np.zeros((cells, most), np.int64), np.zeros((cells, most)), np.zeros(cells, np.bool_)
        )
        for cell, stencil in stencils.items():
            k = len(stencil.cells)
            found.cells[cell] = stencil.cells[0]
            found.cells[cell, :k], found.weights[cell, :k] = stencil.cells, stencil.weights
            found.exist[cell] = True
        return found


class CellEstimates:
    """Estimates of all cells. What is found of a cell does not depend on which others are looked at
    with it: a run that is resumed looks at other cells together.

    Args:
        record: the losses and right answers seen so far, in the shared order.
        population: N, the number of images of which the loss is the mean.
        limit: the most images evaluated in a cell.
        stencils: the ways in which a cell may be predicted.
        finest: (cells,) bool, from which nothing is predicted.
        before: those of a surface on the same grid, of the same images in the same order, that is
            known already. Its cells follow as further ones, from which others may be predicted.

    Attributes:
        loss, accuracy, variance: (cells,) the estimates, and the variance of that of the loss.
        spread: (cells,) the variance of the cell's losses, per image.
        own: (cells,) that of its residual, or, unpredicted, of its losses.
        own_count: (cells,) images that residual was taken over.
        way: (cells,) which of the stencils it was predicted by, −1 if by none.
        count: (cells,) images seen when this was computed; 0 where nothing is known.
        predicts: (cells,) bool, whether others can be predicted from it: where its loss is finite.
        terms: {n: (cells that predict, n)}, and which of them have terms of that size.
    """

    def __init__(
        self,
        record: SampleLosses | BothLosses,
        population: int,
        limit: int,
        stencils: list[Stencils],
        finest: NDArray[np.bool_],
        before: CellEstimates | None = None,
    ) -> None:
        own = len(finest)
        if before is not None:
            finest = np.concatenate([finest, before.finest])
        n = len(finest)
        self._record, self._population, self._limit = record, population, limit
        self.stencils, self.finest = stencils, finest
        self.loss, self.accuracy, self.variance = np.zeros((3, n))
        self.spread, self.own = np.zeros((2, n))
        self.own_count, self.count, self.way = np.zeros((3, n), np.int64)
        self.predicts = np.zeros(n, np.bool_)
        self.terms: Terms = {}
        self._place = np.cumsum(~finest) - 1
        if before is not None:
            self._take_over(before, own)

    def _take_over(self, before: CellEstimates, own: int) -> None:
        """Begin with what is known of the surface before, whose cells come after one's own."""
        for name in ("loss", "accuracy", "variance", "spread", "own", "own_count", "count"):
            getattr(self, name)[own:] = getattr(before, name)[:own]
        self.way[own:], self.predicts[own:] = -1, before.predicts[:own]
        first, rows = int(self._place[own - 1]) + 1, int(self._place[-1]) + 1
        for size, (values, there) in before.terms.items():
            self.terms[size] = np.zeros((rows, size)), np.zeros(rows, np.bool_)
            for mine, theirs in zip(self.terms[size], (values, there), strict=True):
                mine[first:] = theirs

    def stale(self, cells: Indices, counts: Indices, renewed: NDArray[np.bool_]) -> Indices:
        """Those of `cells` that have seen images which, or whose parents' which, are not known.

        Args:
            counts: (cells,) images evaluated in each cell of the grid.
            renewed: (cells,) bool, whose estimates are new.
        """
        old = self.count[cells] != counts[cells]
        for stencil in self.stencils:
            old |= stencil.exist[cells] & renewed[stencil.cells[cells]].any(1)
        return cells[old & (counts[cells] > 0)]

    def renew(self, cells: Indices, counts: Indices) -> None:
        """Estimate cells of one level anew, when those of coarser ones have been."""
        for n, some in _together(cells, counts, counts):
            self._estimate(some, n)

    def _estimate(self, cells: Indices, n: int) -> None:
        own, hits = self._record.losses_of(cells, n), self._record.hits_of(cells, n)
        finite = np.isfinite(own).all(1)
        left = 1 / n - 1 / self._population
        with np.errstate(all="ignore"):
            self.loss[cells] = own.mean(1)
            spread = own.var(1, ddof=1) if n > 1 else np.full(len(cells), np.inf)
        self.accuracy[cells] = hits.mean(1)
        self.count[cells] = self.own_count[cells] = n
        self.way[cells] = -1
        self.predicts[cells] = finite
        # Whatever other images give, a mean over all of them is not finite either.
        self.spread[cells] = self.own[cells] = self.variance[cells] = 0.0
        self._forget(cells)
        cells, own, hits, spread = cells[finite], own[finite], hits[finite], spread[finite]
        rarity = np.ones(len(cells))
        for stencil in self.stencils:
            rarity = np.maximum(rarity, self._rarity(stencil, cells, np.full(len(cells), n)))
        self.spread[cells] = self.own[cells] = spread * rarity
        self.variance[cells] = self.spread[cells] * left if left > 0 else 0.0
        for way, stencil in enumerate(self.stencils):
            self._predict(way, stencil, cells, own)
        self._keep(cells, {n: (own, self.way[cells] < 0)})
        self._predict_accuracies(cells, hits)

    def _predict(self, way: int, stencil: Stencils, cells: Indices, own: Array) -> None:
        """Take the stencil's estimates of those cells of which it knows more."""
        seen = np.minimum(self._seen_by_parents(stencil, cells), own.shape[1])
        usable = stencil.exist[cells] & (self.variance[cells] > 0)
        usable &= seen >= max(min(FEWEST, self._limit), 2)
        sizes = np.maximum(seen, self._largest_terms(stencil, cells))
        for n, some in _together(np.flatnonzero(usable), seen, sizes):
            chosen = cells[some]
            residual = own[some, :n] - self._weighted(self._record.losses_of, stencil, chosen, n)
            found = residual.var(1, ddof=1)
            spread = found * self._rarity(stencil, chosen, np.full(len(chosen), n))
            left = 1 / n - 1 / self._population
            least = 0.5 * spread * left
            better = least < self.variance[chosen]
            if not better.any():
                continue
            chosen, residual, least = chosen[better], _of(residual, better), least[better]
            found, spread = found[better], spread[better]
            terms = self._combined(stencil, chosen)
            before = terms[n][0] if n in terms else 0.0
            terms[n] = residual + before, np.ones(len(chosen), np.bool_)
            means = {size: terms[size][0].mean(1) for size in sorted(terms)}
            variance = _variances(terms, means, self._population) + (spread - found) * left
            variance = np.maximum(variance, least)
            better = variance < self.variance[chosen]
            chosen = chosen[better]
            self.loss[chosen] = sum(means.values(), np.zeros(len(better)))[better]
            self.variance[chosen], self.own[chosen] = variance[better], spread[better]
            self.own_count[chosen], self.way[chosen] = n, way
            self._forget(chosen)
            kept = {size: (_of(t, better), has[better]) for size, (t, has) in terms.items()}
            self._keep(chosen, kept)

    def _predict_accuracies(self, cells: Indices, hits: Array) -> None:
        for way, stencil in enumerate(self.stencils):
            predicted, counts = np.flatnonzero(self.way[cells] == way), self.own_count[cells]
            for n, some in _together(predicted, counts, counts):
                chosen = cells[some]
                residual = hits[some, :n] - self._weighted(self._record.hits_of, stencil, chosen, n)
                coarse = np.zeros(len(chosen))
                for parents, weights in zip(
                    stencil.cells[chosen].T, stencil.weights[chosen].T, strict=True
                ):
                    coarse += weights * self.accuracy[parents]
                better = residual.var(1) < hits[some].var(1)
                found = np.clip(coarse + residual.mean(1), 0, 1)
                self.accuracy[chosen[better]] = found[better]

    def _rarity(self, stencil: Stencils, cells: Indices, seen: Indices) -> Array:
        """By how much the first images `seen` understate the spread over more of them, ≥ 1.

        All cells see the same images first, and a rare hard one may not be among them. The
        neighbours, where they have seen more, know how much wider losses spread than that.
        """
        found = np.ones(len(cells))
        more = np.where(stencil.exist[cells], self._seen_by_parents(stencil, cells), 0)
        telling = np.flatnonzero((more > seen) & (seen >= 2))
        for few, some in _together(telling, seen, more):
            n = int(more[some[0]])
            losses = self._weighted(self._record.losses_of, stencil, cells[some], n)
            first = losses[:, :few].var(1, ddof=1)
            with np.errstate(all="ignore"):
                ratio = losses.var(1, ddof=1) / first
            found[some] = np.where(first > 0, np.maximum(ratio, 1.0), 1.0)
        return found

    def _seen_by_parents(self, stencil: Stencils, cells: Indices) -> Indices:
        """(cells,) images that all of a stencil's cells have seen; 0 if one predicts nothing."""
        parents = stencil.cells[cells]
        return np.where(self.predicts[parents], self.count[parents], 0).min(1)

    def _weighted(self, values_of: ValuesOf, stencil: Stencils, cells: Indices, n: int) -> Array:
        """(cells, n) what a stencil makes of the first n values of its cells."""
        parents, which = np.unique(stencil.cells[cells], return_inverse=True)
        return _sums(values_of(parents, n), which.reshape(len(cells), -1), stencil.weights[cells])

    def _largest_terms(self, stencil: Stencils, cells: Indices) -> Indices:
        """(cells,) the most numbers in a term of a stencil's cells."""
        places = self._place[stencil.cells[cells]]
        found = np.zeros(len(cells), np.int64)
        for n, (_, there) in self.terms.items():
            found = np.where(there[places].any(1), np.maximum(found, n), found)
        return found

    def _combined(self, stencil: Stencils, cells: Indices) -> Terms:
        """The terms of a stencil's cells, weighted."""
        found: Terms = {}
        places, weights = self._place[stencil.cells[cells]], stencil.weights[cells]
        for n, (terms, there) in self.terms.items():
            have = there[places]
            if have.any():
                found[n] = (
                    _sums(terms, places, np.where(have, weights, 0.0)),
                    np.asarray(have.any(1)),
                )
        return found

    def _keep(self, cells: Indices, terms: Terms) -> None:
        kept = ~self.finest[cells]
        places = self._place[cells]
        for n, (values, have) in terms.items():
            which = kept & have
            if not which.any():
                continue
            if n not in self.terms:
                size = int(self._place[-1]) + 1
                self.terms[n] = np.zeros((size, n)), np.zeros(size, np.bool_)
            held, there = self.terms[n]
            held[places[which]], there[places[which]] = _of(values, which), True

    def _forget(self, cells: Indices) -> None:
        places = self._place[cells[~self.finest[cells]]]
        for _, there in self.terms.values():
            there[places] = False


def _of(rows: Array, chosen: NDArray[np.bool_]) -> Array:
    """Those rows; no copy where they are all."""
    return rows if chosen.all() else rows[chosen]


def _sums(values: Array, which: Indices, weights: Array) -> Array:
    """(cells, n) the sums of rows of `values` (rows, n), each with its weight; (cells, P) those."""
    index, rows, factors = (torch.from_numpy(of) for of in (which, values, weights))
    begin = torch.arange(0, which.size, which.shape[1])
    found = torch.embedding_bag(
        rows, index.view(-1), begin, mode=_SUM, per_sample_weights=factors.view(-1)
    )
    return found[0].numpy()


def _together(items: Indices, kinds: Indices, sizes: Indices) -> Iterator[tuple[int, Indices]]:
    """Items of one kind and size, as many as are worked on at once, with their kind.

    Args:
        kinds, sizes: of every item there is, by its number; a size is that of one item's numbers.
    """
    both = kinds[items] * (1 + sizes.max(initial=0)) + sizes[items]
    for one in np.unique(both):
        alike = items[both == one]
        kind, size = int(kinds[alike[0]]), int(sizes[alike[0]])
        step = max(TOGETHER // max(size, 1), 1)
        for first in range(0, len(alike), step):
            yield kind, alike[first : first + step]


def _variances(terms: Terms, means: Mapping[int, Array], population: int) -> Array:
    """(cells,) of sums of means of terms over prefixes of one random order without replacement."""
    sizes = sorted(terms)
    centred = {n: terms[n][0] - means[n][:, None] for n in sizes}
    total = np.zeros(len(means[sizes[0]]))
    for b, large in enumerate(sizes):
        left = 1 / large - 1 / population
        if left <= 0:
            continue
        for small in sizes[: b + 1]:
            covariance = (centred[small] * terms[large][0][:, :small]).sum(1) / (small - 1)
            total += (1 if small == large else 2) * covariance * left
    return total
