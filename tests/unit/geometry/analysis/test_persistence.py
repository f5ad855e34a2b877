"""Persistence where values are equal, against the ranks that define it."""

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from isoloss.geometry.analysis.merge_tree import NOWHERE, merge_tree

EIGHT = np.ones((3, 3))


def by_ranks(values):
    """How many components begin at one level and end at another: differences of how many of a
    sublevel set are still apart in a higher one (Edelsbrunner, Letscher, Zomorodian 2002)."""
    inside = np.isfinite(values)
    levels = [-np.inf, *np.unique(values[inside]), np.inf]

    def apart(low, high):
        labels, _ = ndimage.label(inside & (values <= high), EIGHT)
        return len(np.unique(labels[inside & (values <= low)]))

    found = Counter()
    for k, birth in enumerate(levels[1:-1], 1):
        before = levels[k - 1]
        for m in range(k + 1, len(levels) - 1):
            death, sooner = levels[m], levels[m - 1]
            found[birth, death] = (
                apart(birth, sooner) - apart(birth, death)
                - apart(before, sooner) + apart(before, death)
            )  # fmt: skip
        rooms, count = ndimage.label(inside, EIGHT)
        sloped = [r for r in range(1, count + 1) if np.ptp(values[rooms == r]) > 0]
        found[birth, np.inf] = sum(values[rooms == r].min() == birth for r in sloped)
    return +found


def by_tree(values):
    tree, flat = merge_tree(values, np.isfinite(values)), values.ravel()
    ends = [np.inf if s == NOWHERE else flat[s] for s in tree.saddle]
    return Counter(zip(flat[tree.minimum].tolist(), ends, strict=True))


@pytest.mark.parametrize("levels", [2, 3, 6])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_of_plateaus_and_holes_as_many_begin_and_end_at_each_level(levels, missing):
    rng = np.random.default_rng(levels)
    for shape in [(7, 6), (1, 15), (15, 1), (2, 9)] * 3:
        values = rng.integers(0, levels, shape).astype(float)
        holes = rng.random(shape) < missing
        values[holes] = rng.choice([np.nan, np.inf, -np.inf], holes.sum())
        assert by_tree(values) == by_ranks(values)


@pytest.mark.parametrize(
    "values", [np.zeros((3, 4)), np.full((3, 3), np.nan), np.array([[1.0]]), np.eye(1, 5)]
)
def test_of_what_has_no_minimum_or_hardly_any(values):
    assert by_tree(values) == by_ranks(values)
