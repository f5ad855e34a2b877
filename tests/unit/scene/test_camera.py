"""The camera against closed forms of look-at and perspective."""

import math

import numpy as np
import pytest

from isoloss.scene.camera import FIELD_OF_VIEW, Camera

SIZE = (800, 500)
POINTS = np.random.default_rng(1).uniform(-1, 1, (20, 3))
BOX = np.array([(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-0.28, 0.9)])
CAMERAS = [
    Camera(),
    Camera(azimuth=130, elevation=-20, distance=3, target=(0.3, -0.2, 0.5)),
    Camera(orthographic=True),
    Camera().axis_view(7),
]


def look_at(eye, target, up):
    """The textbook matrix of gluLookAt."""
    forward = target - eye
    forward = forward / np.linalg.norm(forward)
    side = np.cross(forward, up)
    side = side / np.linalg.norm(side)
    upward = np.cross(side, forward)
    matrix = np.eye(4)
    matrix[0, :3], matrix[1, :3], matrix[2, :3] = side, upward, -forward
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


@pytest.mark.parametrize("camera", CAMERAS[:3])
def test_the_view_is_look_at(camera):
    expected = look_at(camera.eye, np.array(camera.target), np.array([0, 0, 1.0]))
    np.testing.assert_allclose(camera.view(), expected, atol=1e-6)


def test_the_projection_is_the_perspective_of_the_textbook():
    matrix = Camera().projection(SIZE)
    f = 1 / math.tan(math.radians(FIELD_OF_VIEW) / 2)
    near, far = Camera().depth_range()
    np.testing.assert_allclose(matrix[1, 1], f, rtol=1e-6)
    np.testing.assert_allclose(matrix[0, 0], f * 500 / 800, rtol=1e-6)
    np.testing.assert_allclose(matrix[2, 2], (far + near) / (near - far), rtol=1e-6)
    np.testing.assert_allclose(matrix[2, 3], 2 * far * near / (near - far), rtol=1e-6)
    assert matrix[3].tolist() == [0, 0, -1, 0]


@pytest.mark.parametrize("camera", CAMERAS)
def test_pixels_agree_with_the_matrices(camera):
    clip = np.column_stack([POINTS, np.ones(20)]) @ (camera.projection(SIZE) @ camera.view()).T
    ndc = clip[:, :3] / clip[:, 3:]
    expected = np.column_stack([(ndc[:, 0] + 1) * 400, (1 - ndc[:, 1]) * 250])
    np.testing.assert_allclose(camera.to_pixels(POINTS, SIZE)[:, :2], expected, atol=1e-3)
    assert (np.abs(ndc[:, 2]) < 1).all()


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_ray_through_a_pixel_meets_the_point_seen_there(camera):
    for point, (x, y, _) in zip(POINTS, camera.to_pixels(POINTS, SIZE), strict=True):
        ray = camera.ray(x, y, SIZE)
        assert np.linalg.norm(ray.direction) == pytest.approx(1)
        assert np.linalg.norm(np.cross(point - ray.origin, ray.direction)) < 1e-9


@pytest.mark.parametrize("camera", CAMERAS)
def test_zooming_keeps_what_is_under_the_cursor(camera):
    at = (612.0, 170.0)
    ray = camera.ray(*at, SIZE)
    back = -camera.axes[2]
    t = np.dot(np.array(camera.target) - ray.origin, back) / np.dot(ray.direction, back)
    under = ray.origin + t * ray.direction
    for factor in (1.3, 0.7):
        moved = camera.zoom(factor, at, SIZE)
        assert moved.distance == pytest.approx(camera.distance / factor)
        np.testing.assert_allclose(moved.to_pixels(under[None], SIZE)[0, :2], at, atol=1e-6)


@pytest.mark.parametrize("camera", CAMERAS)
def test_panning_moves_the_target_with_the_hand(camera):
    target = np.array([camera.target])
    before = camera.to_pixels(target, SIZE)[0]
    after = camera.pan(40, -25, SIZE).to_pixels(target, SIZE)[0]
    np.testing.assert_allclose(after[:2] - before[:2], [40, -25], atol=1e-6)


def test_orbiting_keeps_the_target_and_stops_at_the_poles():
    camera = Camera()
    turned = camera.orbit(100, -40)
    assert turned.target == camera.target
    assert np.linalg.norm(turned.eye - turned.target) == pytest.approx(camera.distance)
    assert camera.orbit(0, 10_000).elevation == 90
    assert camera.orbit(0, -10_000).elevation == -90
    assert -180 <= camera.orbit(123_456, 0).azimuth < 180


def test_a_drag_to_the_right_turns_the_front_to_the_right():
    camera = Camera(azimuth=0, elevation=20)
    front = np.array([[0.0, -1.0, 0.0]])
    assert camera.orbit(30, 0).to_pixels(front, SIZE)[0, 0] > 400


def test_axis_views_look_along_the_axes():
    moved = Camera(target=(0.1, 0.2, 0.3))
    directions = {1: (0, -1, 0), 3: (1, 0, 0), 7: (0, 0, 1)}
    for key, direction in directions.items():
        view = moved.axis_view(key)
        np.testing.assert_allclose(view.axes[2], direction, atol=1e-12)
        assert view.target == moved.target
    assert moved.axis_view(7).orthographic
    # From the top α grows to the right and β upwards.
    x, y, _ = moved.axis_view(7).to_pixels(np.array([[0, 0, 0], [1, 1, 0.0]]), SIZE).T
    assert x[1] > x[0]
    assert y[1] < y[0]


def test_reset_keeps_the_projection():
    assert Camera(azimuth=3, distance=1, orthographic=True).reset() == Camera(orthographic=True)


@pytest.mark.parametrize("size", [(1600, 1000), (500, 900), (900, 300)])
def test_the_whole_box_is_in_the_first_view(size):
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-0.22, 0.9)])
    x, y, _ = Camera().to_pixels(corners, size).T
    assert ((x > 0) & (x < size[0])).all()
    assert ((y > 0) & (y < size[1])).all()


@pytest.mark.parametrize("size", [(900, 560), (500, 900), (1600, 1000)])
@pytest.mark.parametrize("orthographic", [False, True])
def test_a_fitting_camera_sees_the_whole_box_and_is_no_farther_than_needed(size, orthographic):
    for azimuth, elevation in ((135.0, 75.0), (45.0, 50.0), (0.0, 89.0), (-32.0, 29.0)):
        camera = Camera(azimuth, elevation, distance=2.0, orthographic=orthographic)
        places = camera.fitting(size, BOX).to_pixels(BOX, size)[:, :2]
        beside = np.abs(2 * places / size - 1)
        assert beside.max() == pytest.approx(0.9)
    far = Camera(distance=40.0, orthographic=orthographic)
    assert far.fitting(size, BOX) == far
