"""Contours against circles and straight lines."""

import numpy as np
import pytest

from isoloss.geometry.contours import contour_lines, nice_levels
from isoloss.geometry.height import HeightScale

AXIS = np.linspace(-2, 2, 161)
CONE = np.hypot(AXIS[:, None], AXIS[None, :])


@pytest.mark.parametrize("radius", [0.3, 1.0, 1.7])
def test_the_contour_of_a_cone_is_a_circle(radius):
    (line,) = contour_lines(AXIS, AXIS, CONE, [radius])
    assert line.is_closed
    assert line.level == radius
    np.testing.assert_allclose(np.hypot(*line.points.T), radius, atol=2e-3)
    length = np.hypot(*np.diff(line.points, axis=0).T).sum()
    assert length == pytest.approx(2 * np.pi * radius, rel=2e-3)


def test_alpha_comes_first():
    values = np.broadcast_to(np.arange(5.0)[:, None], (5, 3))
    (line,) = contour_lines(np.arange(5.0), np.array([0.0, 1, 5]), values, [1.5])
    np.testing.assert_allclose(line.points[:, 0], 1.5)
    assert sorted(line.points[[0, -1], 1]) == [0, 5]
    assert not line.is_closed


def test_contours_stop_at_holes():
    holed = CONE.copy()
    holed[80:, 78:83] = np.nan
    holed[0, 0] = np.inf
    (line,) = contour_lines(AXIS, AXIS, holed, [1.0])
    assert not line.is_closed
    assert np.isfinite(line.points).all()


def test_a_level_that_is_not_crossed_has_no_line():
    assert contour_lines(AXIS, AXIS, CONE, [9.0, -1.0]) == []
    assert contour_lines(AXIS[:1], AXIS, CONE[:1], [1.0]) == []


def test_levels_are_evenly_spaced_as_displayed():
    assert nice_levels(HeightScale("linear", 0, 10), 4).tolist() == pytest.approx([2, 4, 6, 8])
    assert nice_levels(HeightScale("log", 0.01, 100), 3).tolist() == pytest.approx([0.1, 1, 10])
