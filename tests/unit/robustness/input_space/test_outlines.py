"""Cuts of a plane through balls and the cube, against closed forms and brute force."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial import ConvexHull

from isoloss.robustness.input_space.outlines import clipped, cut_of_ball, cut_of_cube

SQUARE = np.array([[-2.0, -2.0], [2.0, -2.0], [2.0, 2.0], [-2.0, 2.0]])


def same_corners(found, expected):
    """Whether two polygons have the same corners in the same order, wherever they begin."""
    expected = np.asarray(expected, np.float64)
    return found.shape == expected.shape and any(
        np.allclose(np.roll(found, k, 0), expected, rtol=0, atol=1e-9) for k in range(len(found))
    )


def support(polygon, directions):
    return (directions @ np.asarray(polygon).T).max(axis=1)


def angles(n=48):
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def test_two_pixels_cut_the_linf_ball_in_a_square():
    ball = cut_of_ball(np.array([0.1, 0.0]), np.array([0.0, 0.2]), 0.1, "linf")
    assert same_corners(ball, [[-1, -0.5], [1, -0.5], [1, 0.5], [-1, 0.5]])


def test_signs_cut_the_linf_ball_in_a_diamond():
    # |α + β| ≤ 1 and |α − β| ≤ 1.
    ball = cut_of_ball(np.array([0.1, 0.1]), np.array([0.1, -0.1]), 0.1, "linf")
    assert same_corners(ball, [[1, 0], [0, 1], [-1, 0], [0, -1]])


@pytest.mark.parametrize("d", [3, 50, 3072])
def test_the_cut_of_the_linf_ball_is_what_a_linear_program_finds(d):
    rng = np.random.default_rng(d)
    delta, eta = 0.03 * rng.choice([-1, 1], d), 0.03 * rng.standard_normal(d)
    ball = cut_of_ball(delta, eta, 0.05, "linf")
    both = np.stack([delta, eta], 1)
    a, b = np.concatenate([both, -both]), np.full(2 * d, 0.05)
    for direction in angles(12):
        best = linprog(-direction, a, b, bounds=[(None, None)] * 2)
        assert support(ball, direction[None])[0] == pytest.approx(-best.fun, rel=1e-7)
    assert len(ConvexHull(ball).vertices) == len(ball)  # no corner that is none


@pytest.mark.parametrize("cosine", [0.0, 0.6, -0.9])
def test_the_cut_of_the_l2_ball_is_an_ellipse(cosine):
    delta, eta = np.array([2.0, 0, 0]), 3 * np.array([cosine, np.sqrt(1 - cosine**2), 0])
    ball = cut_of_ball(delta, eta, 0.5, "l2")
    lengths = np.linalg.norm(ball @ np.stack([delta, eta]), axis=1)
    np.testing.assert_allclose(lengths, 0.5, rtol=1e-12)
    # The extent along α of an ellipse pᵀ G p = ε², G being the Gram matrix, is ε √(G⁻¹)₁₁.
    gram = np.array([[4, 6 * cosine], [6 * cosine, 9]])
    expected = 0.5 * np.sqrt(np.linalg.inv(gram).diagonal())
    np.testing.assert_allclose(ball.max(axis=0), expected, rtol=2e-4)
    x, y = ball.T
    assert x @ np.roll(y, -1) > y @ np.roll(x, -1)  # counter-clockwise


def test_the_cube_is_cut_where_the_first_pixel_leaves_it():
    image, delta, eta = np.array([0.25, 0.5]), np.array([0.5, 0.0]), np.array([0.0, 0.5])
    found = cut_of_cube(image, delta, eta, SQUARE)
    assert same_corners(found, [[-0.5, -1], [1.5, -1], [1.5, 1], [-0.5, 1]])


def test_black_pixels_leave_of_the_plane_the_way_of_the_attack_alone():
    # Two pixels are black, and β makes one of them darker, whatever its sign.
    image, delta = np.array([0.0, 0.0, 0.5]), np.array([0.0, 0.0, 0.25])
    eta = np.array([0.1, -0.1, 0.0])
    found = cut_of_cube(image, delta, eta, SQUARE)
    assert sorted(map(tuple, found.round(12).tolist())) == [(-2, 0), (2, 0)]


def test_an_image_of_black_pixels_that_both_directions_darken_is_alone():
    found = cut_of_cube(np.zeros(4), np.array([1.0, -1, 0, 0]), np.array([0, 0, 1.0, -1]), SQUARE)
    np.testing.assert_allclose(found, np.zeros((len(found), 2)), atol=1e-12)


def test_clipping_agrees_with_every_point_of_a_grid():
    rng = np.random.default_rng(3)
    normals, bounds = rng.standard_normal((40, 2)), rng.uniform(0.3, 2, 40)
    found = clipped(SQUARE, normals, bounds)
    points = np.array(list(itertools.product(np.linspace(-2, 2, 81), repeat=2)))
    meant = (points @ normals.T <= bounds).all(axis=1)
    edges = np.roll(found, -1, 0) - found
    apart = points[:, None] - found
    given = (edges[:, 0] * apart[..., 1] - edges[:, 1] * apart[..., 0] >= 0).all(axis=1)
    assert (meant == given).all()
    assert 0 < meant.sum() < len(points)


def test_nothing_is_cut_off_by_lines_further_out():
    assert clipped(SQUARE, np.array([[1.0, 0], [0, 0]]), np.array([3.0, 0])) is not None
    assert same_corners(clipped(SQUARE, np.array([[1.0, 0], [0, 0]]), np.array([3.0, 0])), SQUARE)
