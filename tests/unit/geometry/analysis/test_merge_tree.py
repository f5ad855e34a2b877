"""Merge trees against brute force: the components of the sublevel sets at every level."""

import math

import numpy as np
import pytest
from scipy import ndimage

from isoloss.geometry.analysis.merge_tree import NOWHERE, merge_tree
from isoloss.geometry.analysis.minima import in_tree_order, minima_of
from isoloss.geometry.surface import Surface

EIGHT = np.ones((3, 3), bool)
Merge = tuple[float, float, float]


def surface_of(loss: np.ndarray) -> Surface:
    return Surface.from_loss(np.arange(loss.shape[0]), np.arange(loss.shape[1]), loss)


def by_brute_force(loss: np.ndarray) -> list[Merge]:
    """(birth, death, birth of what it merged into), level by level; all finite values differ."""
    alive: set[tuple[int, int]] = set()
    merges: list[Merge] = []
    for level in np.unique(loss[np.isfinite(loss)]):
        labels, count = ndimage.label(np.isfinite(loss) & (loss <= level), EIGHT)
        (new,) = np.argwhere(loss == level)
        alive.add(tuple(new))
        for name in range(1, count + 1):
            born = sorted((p for p in alive if labels[p] == name), key=lambda p: loss[p])
            for late in born[1:]:
                alive.discard(late)
                if loss[late] < level:  # else it is no minimum, but has just been reached
                    merges.append((loss[late], level, loss[born[0]]))
    rooms, count = ndimage.label(np.isfinite(loss), EIGHT)
    lone = {k + 1 for k in range(count) if (rooms == k + 1).sum() == 1}
    merges += [(loss[p], math.inf, math.nan) for p in alive if rooms[p] not in lone]
    return sorted(merges)


def found_in(loss: np.ndarray) -> list[Merge]:
    tree, flat = merge_tree(loss, np.isfinite(loss)), loss.ravel()
    ends = [math.inf if s == NOWHERE else flat[s] for s in tree.saddle]
    deeper = [math.nan if k == NOWHERE else flat[tree.minimum[k]] for k in tree.into]
    return sorted(zip(flat[tree.minimum], ends, deeper, strict=True))


@pytest.mark.parametrize("shape", [(5, 6), (9, 4), (1, 12), (12, 1)])
def test_the_tree_is_that_of_the_sublevel_sets_at_every_level(shape: tuple[int, int]) -> None:
    for seed in range(75):
        rng = np.random.default_rng(seed)
        loss = rng.permutation(math.prod(shape)).reshape(shape).astype(float)
        if seed % 3 == 0:
            loss[rng.random(shape) < 0.25] = rng.choice([np.nan, np.inf, -np.inf])
        found, expected = found_in(loss), by_brute_force(loss)
        np.testing.assert_array_equal(np.array(found), np.array(expected))


def test_ties_end_the_same_way_and_persistence_does_not_depend_on_how_they_are_told() -> None:
    def depths(values: np.ndarray) -> list[tuple[float, float]]:
        return sorted((m.loss, m.saddle_loss) for m in minima_of(surface_of(values)))

    for seed in range(20):
        loss = np.floor(4 * np.random.default_rng(seed).random((9, 7)))
        same = depths(loss)
        assert all(depths(each) == same for each in (loss[::-1], loss[:, ::-1], loss.T))
        assert depths(3 * loss + 2) == [(3 * a + 2, 3 * b + 2) for a, b in same]


def test_of_two_equally_deep_minima_the_first_row_by_row_stays() -> None:
    first, second = minima_of(surface_of(np.array([[2.0, 0, 1, 0, 2]])))
    assert (first.index, first.saddle) == ((0, 1), None)
    assert (second.index, second.saddle, second.into) == ((0, 3), (0, 2), (0, 1))


def test_an_egg_crate_has_a_basin_for_each_period_and_all_are_as_deep() -> None:
    periods = 3
    t = np.linspace(0, periods, 24 * periods, endpoint=False)
    wave = np.sin(2 * np.pi * t)
    found = minima_of(surface_of(wave[:, None] * wave))
    deep = [m for m in found if m.persistence > 0.5]
    # sin·sin is −1 twice in each period square, and all saddles lie at 0.
    assert len(deep) == 2 * periods**2
    assert all(m.loss == pytest.approx(-1, abs=0.02) for m in deep)
    finite = [m.persistence for m in deep if m.saddle]
    assert finite == pytest.approx([1.0] * len(finite), abs=0.02)
    assert len(finite) == len(deep) - 1


def test_a_drawn_tree_crosses_nothing() -> None:
    for seed in range(20):
        found = minima_of(surface_of(np.random.default_rng(seed).random((14, 14))))
        deep = found[: 4 + seed]  # the most persistent alone are a tree too
        order = in_tree_order(deep)
        assert sorted(m.index for m in order) == sorted(m.index for m in deep)
        row = {m.index: k for k, m in enumerate(order)}
        for m in order:
            if m.into is not None:
                between = order[row[m.into] + 1 : row[m.index]]
                assert row[m.into] < row[m.index]
                assert all(other.saddle_loss <= m.saddle_loss for other in between)
