"""The local minima of a surface, each with its persistence: how deep it is up to its saddle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.analysis.merge_tree import NOWHERE, merge_tree
from isoloss.geometry.arrays import Array
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label

STANDARD_ERRORS = 2.0
"""A minimum that is not this many standard errors deep may be the noise of the samples."""

LEAST_DEPTH = 0.01
"""Of the displayed height: minima that are less deep are no basins, unless asked for."""

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
        into: (i, j) of the deeper minimum whose basin it meets at the saddle; None where it meets
            none.
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
    into: tuple[int, int] | None = None

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


@dataclass(frozen=True)
class Basins:
    """How many minima are as deep as asked for.

    Attributes:
        certain: deeper than the noise too; the deepest of all they reach always are.
        doubtful: within the noise.
        shallower: those less deep than asked for.
    """

    certain: int
    doubtful: int
    shallower: int

    def in_words(self, least: float) -> str:
        """ "3 deeper than 1 % of the height, 4 more within the noise, 12 shallower"."""
        total = self.certain + self.doubtful + self.shallower
        count = f"{self.certain:,}" + (" or more" if total >= MOST else "")
        words = [f"{count} deeper than {number_label(100 * least, 2)} % of the height"]
        words += [f"{self.doubtful:,} more within the noise"] * bool(self.doubtful)
        words += [f"{self.shallower:,} shallower"] * bool(self.shallower)
        return ", ".join(words)


def basins_among(
    minima: Sequence[Minimum], scale: HeightScale, least: float = LEAST_DEPTH
) -> Basins:
    """How many of `minima` are at least `least` deep, a fraction of the height `scale` displays."""
    deep = relative_depths(minima, scale) >= least
    doubtful = np.array([m.is_within_noise for m in minima], np.bool_)
    return Basins(int((deep & ~doubtful).sum()), int((deep & doubtful).sum()), int((~deep).sum()))


def in_tree_order(minima: Sequence[Minimum]) -> list[Minimum]:
    """The minima of one surface as its merge tree is drawn, one below the other: below each those
    that merge into it, the first to end nearest to it, each with its own below it.

    Between one and that which it merges into there are none that are still there where it ends:
    lines from saddles to the deeper minima cross nothing. One whose deeper minimum is not among
    `minima` stands by itself.
    """
    known = {minimum.index for minimum in minima}
    merging: dict[tuple[int, int] | None, list[Minimum]] = {}
    for minimum in sorted(minima, key=lambda m: (m.saddle_loss, m.loss, m.index), reverse=True):
        deeper = minimum.into if minimum.into in known else None
        merging.setdefault(deeper, []).append(minimum)
    order: list[Minimum] = []
    left = merging.get(None, [])
    while left:
        order.append(left.pop())
        left += merging.get(order[-1].index, [])
    return order


def minima_of(surface: Surface) -> tuple[Minimum, ...]:
    """The local minima of `surface`, the most persistent first, `MOST` of them at the most.

    A plateau counts once. Points that are NaN, infinite or not computed are walls; what they
    enclose has a deepest minimum of its own, unless it is flat or a single point. Before each comes
    the one that it merges into.
    """
    passable = surface.computed & np.isfinite(surface.loss)
    tree = merge_tree(surface.loss, passable)
    losses, columns = surface.loss.ravel(), surface.shape[1]
    meets = tree.saddle != NOWHERE
    top = np.where(meets, losses[tree.saddle], np.inf)
    errors = np.where(np.isfinite(surface.loss_stderr), surface.loss_stderr, 0.0).ravel()
    error = np.where(meets, np.hypot(errors[tree.minimum], errors[tree.saddle]), 0.0)
    fenced = _beside_a_wall(passable).ravel()

    def found(k: int) -> Minimum:
        low, saddle, into = int(tree.minimum[k]), int(tree.saddle[k]), int(tree.into[k])
        i, j = divmod(low, columns)
        return Minimum(
            index=(i, j),
            alpha=float(surface.alpha[i]),
            beta=float(surface.beta[j]),
            loss=float(losses[low]),
            saddle=divmod(saddle, columns) if meets[k] else None,
            saddle_loss=float(top[k]),
            stderr=float(error[k]),
            at_border=bool(fenced[low]),
            into=divmod(int(tree.minimum[into]), columns) if meets[k] else None,
        )

    # Of equally deep ones the lowest comes first.
    deepest = np.argsort(losses[tree.minimum] - top, kind="stable")[:MOST]
    return tuple(map(found, deepest.tolist()))


def _beside_a_wall(passable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether one of the eight neighbours is impassable or beyond the edge of the grid."""
    rows, columns = passable.shape
    padded = np.pad(passable, 1)
    inside = np.ones_like(passable)
    for di in (0, 1, 2):
        for dj in (0, 1, 2):
            inside &= padded[di : di + rows, dj : dj + columns]
    return ~inside
