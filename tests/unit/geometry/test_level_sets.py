"""Contours against circles and straight lines."""

import numpy as np
import pytest

from isoloss.geometry.level_sets import LevelSets

AXIS = np.linspace(-2, 2, 161)
CONE = np.hypot(AXIS[:, None], AXIS[None, :])


def lines(level, alpha=AXIS, beta=AXIS, values=CONE):
    found = LevelSets(alpha, beta, values).at(level)
    return np.split(found.points, found.first)[1:]


def is_closed(line):
    return (line[0] == line[-1]).all()


@pytest.mark.parametrize("radius", [0.3, 1.0, 1.7])
def test_the_contour_of_a_cone_is_a_circle(radius):
    (line,) = lines(radius)
    assert is_closed(line)
    np.testing.assert_allclose(np.hypot(*line.T), radius, atol=2e-3)
    length = np.hypot(*np.diff(line, axis=0).T).sum()
    assert length == pytest.approx(2 * np.pi * radius, rel=2e-3)


def test_alpha_comes_first():
    values = np.broadcast_to(np.arange(5.0)[:, None], (5, 3))
    (line,) = lines(1.5, np.arange(5.0), np.array([0.0, 1, 5]), values)
    np.testing.assert_allclose(line[:, 0], 1.5)
    assert sorted(line[[0, -1], 1]) == [0, 5]


def test_contours_stop_at_holes():
    holed = CONE.copy()
    holed[80:, 78:83] = np.nan
    holed[0, 0] = np.inf
    (line,) = lines(1.0, values=holed)
    assert not is_closed(line)
    assert np.isfinite(line).all()


@pytest.mark.parametrize("shortest", [1e-3, 0.1])
def test_a_level_that_is_not_crossed_has_no_line(shortest):
    for sets in (LevelSets(AXIS, AXIS, CONE), LevelSets(AXIS[:1], AXIS, CONE[:1])):
        found = sets.at(9.0).thinned(shortest)
        assert len(found.points) == len(found.first) == 0
        assert [len(ends) for ends in found.segments] == [0, 0]


def test_thinned_lines_keep_their_ends_and_nothing_that_is_closer():
    waves = np.cos(3 * AXIS[:, None]) * np.cos(2 * AXIS[None, :])
    whole = LevelSets(AXIS, AXIS, waves).at(0.5)
    thin = whole.thinned(0.2)
    assert len(whole.first) == len(thin.first) > 3
    assert len(thin.points) < len(whole.points) / 5
    both = [np.split(x.points, x.first)[1:] for x in (whole, thin)]
    for line, rest in zip(*both, strict=True):
        assert (line[[0, -1]] == rest[[0, -1]]).all()
        index = [int(np.flatnonzero((line == point).all(axis=1))[0]) for point in rest[:-1]]
        along = np.append(0.0, np.cumsum(np.hypot(*np.diff(line, axis=0).T)))
        # One point in each stretch of 0.2: the first, as far as there is one.
        assert (np.diff(np.floor(along[index] / 0.2 + 1e-9)) >= 1).all()


def test_segments_join_the_points_of_a_line_and_no_two_lines():
    waves = np.cos(3 * AXIS[:, None]) * np.cos(2 * AXIS[None, :])
    found = LevelSets(AXIS, AXIS, waves).at(0.5)
    start, end = found.segments
    assert len(start) == len(found.points) - len(found.first)
    step = AXIS[1] - AXIS[0]
    assert np.hypot(*(end - start).T).max() <= np.hypot(step, step)


def height_on(alpha, beta, values, points):
    """Of the two triangles of each cell, whose diagonal joins (i, j) and (i + 1, j + 1)."""
    i = np.clip(np.searchsorted(alpha, points[:, 0], "right") - 1, 0, len(alpha) - 2)
    j = np.clip(np.searchsorted(beta, points[:, 1], "right") - 1, 0, len(beta) - 2)
    u = (points[:, 0] - alpha[i]) / (alpha[i + 1] - alpha[i])
    v = (points[:, 1] - beta[j]) / (beta[j + 1] - beta[j])
    a, b, c, d = values[i, j], values[i + 1, j], values[i + 1, j + 1], values[i, j + 1]
    return np.where(u >= v, a + u * (b - a) + v * (c - b), a + v * (d - a) + u * (c - d))


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (9, 9), (30, 17)])
def test_lines_lie_on_the_triangles_whatever_the_saddles(shape):
    rng = np.random.default_rng(4)
    for _ in range(20):
        values = rng.random(shape)
        alpha, beta = (np.sort(rng.random(n)) for n in shape)
        found = LevelSets(alpha, beta, values).at(0.5)
        for fraction in (0.0, 0.3, 0.5, 1.0):
            start, end = found.segments
            on_them = height_on(alpha, beta, values, start + fraction * (end - start))
            np.testing.assert_allclose(on_them, 0.5, atol=1e-7)
        # Every edge of the grid that the level crosses has a point.
        above = values > 0.5
        crossed = (above[1:] != above[:-1]).sum() + (above[:, 1:] != above[:, :-1]).sum()
        crossed += (above[1:, 1:] != above[:-1, :-1]).sum()
        assert len(np.unique(np.round(found.points, 12), axis=0)) == crossed


def test_a_level_at_the_height_of_grid_points_makes_no_spikes():
    axis = np.arange(9.0)
    values = np.hypot(axis[:, None] - 4, axis[None, :] - 4)
    found = LevelSets(axis, axis, values).at(3.0)
    assert np.abs(np.hypot(*(found.points - 4).T) - 3).max() < 0.25


def test_saddles_whose_corner_lies_at_the_level_keep_their_lines_apart():
    """Where of two pieces in a cell one is a point, nothing is joined to another cell's."""
    axis = np.arange(30.0)
    values = np.random.default_rng(3).integers(0, 5, (30, 30)).astype(float)
    start, end = LevelSets(axis, axis, values).at(2.0).segments
    assert len(start) > 400
    assert np.abs(end - start).max() < 1 + 1e-9
