"""The flight to a camera saved by name."""

from __future__ import annotations

import numpy as np

from isoloss.app.state.steps import Steps
from isoloss.app.state.view.flight import SECONDS, Flight
from isoloss.scene import Camera


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
