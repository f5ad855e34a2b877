"""Cameras saved by name, and the flight to one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.app.dialogs.saved_views_dialog import forget_view, rename_view, save_view
from isoloss.app.state.flight import SECONDS, Flight
from isoloss.app.state.steps import Steps
from isoloss.scene import Camera
from isoloss.scene.camera_path import between, ease

AXIS = np.linspace(-1, 1, 5)


def rest(steps, now):
    steps.watch(now, held=False, wheel=False)


def test_a_flight_starts_and_ends_where_it_should(workspace):
    scene, end, flight = workspace.scene, Camera(azimuth=120, distance=3.0), Flight()
    flight.set_out(scene, end)
    assert flight.is_under_way
    assert flight.go_on(0.0)
    assert scene.camera == Camera()
    way = []
    for k in range(1, 11):
        flight.go_on(SECONDS * k / 10)
        way.append(scene.camera.azimuth)
    assert scene.camera == end
    assert not flight.is_under_way
    assert not flight.go_on(99.0)
    turns = np.diff([Camera().azimuth, *way])
    assert (turns > 0).all()
    assert turns[0] < turns[5] > turns[-1]  # it sets off and arrives at rest


def test_a_hand_ends_a_flight(workspace):
    scene, flight = workspace.scene, Flight()
    flight.set_out(scene, Camera(azimuth=120))
    flight.go_on(0.0)
    flight.go_on(SECONDS / 2)
    scene.camera = held = scene.camera.orbit(5, 5)
    assert not flight.go_on(SECONDS)
    assert scene.camera == held
    flight.set_out(scene, Camera(azimuth=7), smoothly=False)
    assert scene.camera == Camera(azimuth=7)
    assert not flight.is_under_way


def test_a_flight_is_one_step(opened):
    steps, flight = Steps(opened), Flight()
    steps.under_way.append(lambda: flight.is_under_way)
    flight.set_out(opened.scene, Camera(azimuth=120))
    for k in range(12):
        flight.go_on(k * SECONDS / 10)
        rest(steps, k * SECONDS / 10)
    steps.undo()
    assert opened.scene.camera == Camera()
    assert not steps.undoes


def test_views_are_saved_renamed_and_forgotten(workspace):
    document = workspace.document
    for azimuth in (1, 2, 3):
        workspace.set_camera(Camera(azimuth=azimuth))
        save_view(document)
    rename_view(document, 0, "From the left")
    forget_view(document, 1)
    save_view(document)
    told = [(v.name, v.camera.azimuth) for v in document.saved_views]
    assert told == [("From the left", 1), ("View 3", 3), ("View 1", 3)]


def test_between_two_cameras():
    a = Camera(azimuth=170, elevation=10, target=(0, 0, 0), distance=1)
    b = Camera(azimuth=-170, elevation=30, target=(1, 2, 4), distance=16, orthographic=True)
    assert (between(a, b, 0), between(a, b, 1)) == (a, b)
    assert (between(a, b, -3), between(a, b, 7)) == (a, b)
    middle = between(a, b, 0.5)
    assert abs(middle.azimuth) == pytest.approx(180)
    assert (middle.elevation, middle.target) == (20, (0.5, 1, 2))
    assert middle.distance == pytest.approx(4)
    assert [between(a, b, t).orthographic for t in (0.1, 0.49, 0.51, 0.9)] == [0, 0, 1, 1]
    # The eye moves by equal steps of 10° in all, and never past an end.
    way = [between(a, b, k / 40).azimuth % 360 for k in range(41)]
    assert np.diff(way) == pytest.approx(0.5)
    chance = np.random.default_rng(0)
    for _ in range(50):
        a, b = (replace(a, azimuth=float(chance.uniform(-180, 180))) for _ in range(2))
        half = between(a, b, 0.5)
        turns = [abs((half.azimuth - x.azimuth + 180) % 360 - 180) for x in (a, b)]
        assert turns[0] == pytest.approx(turns[1])
        assert turns[0] <= 90 + 1e-9
    assert [ease(t) for t in (-1, 0, 0.5, 1, 2)] == [0, 0, 0.5, 1, 1]
