"""Pins: where they are put, what they tell, how a click becomes one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.app.state.view.pinning import Pinning, pin_at
from isoloss.geometry.analysis.difference import difference
from isoloss.geometry.surface import Surface
from isoloss.scene import Camera, Marker, Scene, SurfaceLayer, pick_scene
from isoloss.scene.pins import drawn_markers, measured, measurements, pin, pins_of, unpin_all

AXIS = np.linspace(-1, 1, 5)
SIZE = (400, 300)


@pytest.fixture
def scene():
    loss = 1 + AXIS[:, None] ** 2 + AXIS[None, :] ** 2
    surface = Surface(
        AXIS, AXIS, loss, np.full((5, 5), 0.875), 0.02 * loss, np.full((5, 5), 64, np.int64)
    )
    return Scene([SurfaceLayer("bowl", surface)], camera=Camera(elevation=90, orthographic=True))


def pixel(scene, alpha, beta):
    """Where a point of the bowl is, seen from the top."""
    place = scene.frame().place(alpha, beta, 1 + alpha**2 + beta**2)
    x, y, _ = scene.camera.to_pixels(place[None], SIZE)[0]
    return float(x), float(y)


def hit_at(scene, alpha, beta):
    return pick_scene(scene, scene.camera.ray(*pixel(scene, alpha, beta), SIZE))


def test_a_pin_is_a_measured_point(scene):
    (layer,) = scene.layers
    hit = hit_at(scene, 0.4, -0.9)
    assert measured(hit) == (3, 0)
    layer.surface.count[3, 0] = 0
    layer.surface.loss[4, 0] = np.nan
    assert measured(hit) in ((2, 0), (3, 1)), "a neighbour that has a loss"
    layer.surface.count[:] = 0
    assert measured(hit) is None


def test_what_a_pin_tells_follows_the_surface(scene):
    (layer,) = scene.layers
    minimum = Marker(0, 0, 1, "a minimum")
    layer.markers = (minimum,)
    pin(layer, (3, 0))
    pin(layer, (3, 0))
    assert len(pins_of(layer)) == 1, "one pin a point"
    kept, drawn = drawn_markers(layer)
    assert kept is minimum
    assert drawn.label.split("\n") == ["α 0.5, β −1", "loss 2.25 ± 0.045", "accuracy 87.5 %"]
    layer.surface.loss[3, 0], layer.surface.loss_stderr[3, 0] = np.inf, 0
    assert drawn_markers(layer)[1].label.split("\n")[1] == "loss ∞"
    version = layer.version
    unpin_all([layer])
    assert layer.markers == (minimum,)
    assert layer.version > version


def test_what_is_told_of_a_difference_has_a_sign(scene):
    (layer,) = scene.layers
    lower = replace(layer.surface, loss=layer.surface.loss - 1, accuracy=np.full((5, 5), 0.9))
    measured = dict(measurements(difference(lower, layer.surface), (2, 2)))
    assert measured["Δ accuracy"] == "+2.5 points"
    assert measured["Δ loss"].startswith("−1 ±")
    assert measured["beyond chance"] == "yes"
    assert dict(measurements(difference(layer.surface, layer.surface), (2, 2))) == {
        "Δ loss": "0 ± 0.028",
        "Δ accuracy": "+0.0 points",
        "95 % interval": "−0.055 to 0.055",
        "beyond chance": "no",
    }
    layer.surface.columns["differs"] = np.ones((5, 5))  # of a file of somebody else's
    assert ("differs", "1") in measurements(layer.surface, (2, 2))


def test_a_click_waits_until_it_cannot_be_half_of_a_double_click(scene):
    (layer,) = scene.layers
    pinning, at = Pinning(), pixel(scene, 0.5, -0.5)

    def click():
        pinning.click(scene, at, SIZE, hit_at(scene, 0.5, -0.5), due=0.3)

    click()
    assert not pinning.update(scene, 0.2)
    pinning.forget()
    assert not pinning.update(scene, 1.0)
    assert not layer.markers
    click()
    assert pinning.update(scene, 0.31)
    assert not pinning.update(scene, 0.4)
    (made,) = pins_of(layer)
    assert (made.alpha, made.beta, made.loss) == (0.5, -0.5, 1.5)
    click()  # on it again: it goes
    assert pinning.update(scene, 0.4)
    assert not layer.markers


def test_the_nearest_pin_in_reach_is_meant(scene):
    (layer,) = scene.layers
    pin(layer, (2, 2))
    near = pin(layer, (3, 2))
    x, y = pixel(scene, 0.5, 0)
    assert pin_at(scene, (x - 6, y), SIZE, 8) == (layer, near)
    assert pin_at(scene, (x - 9, y), SIZE, 8) is None
    pinning = Pinning()
    pinning.click(scene, (x, y), SIZE, None, due=0)
    scene.layers.clear()
    assert pinning.update(scene, 0), "the layer may have gone meanwhile"
