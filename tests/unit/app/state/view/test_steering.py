"""What keys do to the view: a step is a drag, and the middle is what is pointed at."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.app.state.config import Preferences
from isoloss.app.state.opening.opener import open_path
from isoloss.app.state.view.steering import STEP, Steering
from isoloss.app.state.workspace import Workspace
from isoloss.geometry.surface import Surface
from isoloss.scene.pins import pins_of

AXIS = np.linspace(-1, 1, 5)
SIZE = (400, 300)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    made = Workspace(tmp_path, Preferences())
    loss = 1 + (AXIS[:, None] - 0.5) ** 2 + AXIS**2
    open_path(made, Surface.from_loss(AXIS, AXIS, loss).save(tmp_path / "bowl.ply"))
    return made


@pytest.fixture
def steering(workspace):
    return Steering(workspace, lambda: SIZE)


def pinned(workspace):
    return [(m.alpha, m.beta) for m in pins_of(workspace.selected)]


def test_steps_are_drags(workspace, steering):
    scene, first = workspace.scene, workspace.scene.camera
    steering.orbit(-1, 0)
    assert scene.camera == first.orbit(-STEP, 0)
    steering.orbit(1, 0)
    assert scene.camera == first
    steering.pan(0, 1)
    moved = scene.camera.to_pixels(np.array([first.target]), SIZE)[0]
    assert moved[0] == pytest.approx(200)
    assert moved[1] == pytest.approx(150 + 2 * STEP)
    steering.zoom(2)
    assert scene.camera.distance == first.distance / 2


def test_the_middle_is_pinned_unpinned_and_centred_on(workspace, steering):
    workspace.set_camera(workspace.scene.camera.axis_view(7))
    steering.pin_middle()
    assert pinned(workspace) == [(0, 0)]
    steering.pin_middle()
    assert pinned(workspace) == []
    steering.pan(-1, 0)
    steering.recentre()
    x, y, z = workspace.scene.camera.target
    assert x > 0
    assert y == pytest.approx(0)
    assert z != pytest.approx(0.13)


def test_the_minimum_is_pinned_once(workspace, steering):
    assert steering.has_minimum
    for _ in range(2):
        steering.pin_minimum()
        assert pinned(workspace) == [(0.5, 0)]


def test_beside_the_surface_there_is_nothing_to_pin(workspace, steering):
    steering.pan(40, 0)
    before = workspace.scene.camera
    for act in (steering.pin_middle, steering.recentre):
        workspace.messages.lines.clear()
        act()
        assert workspace.messages.lines[-1].text == "There is no surface in the middle of the view"
    assert workspace.scene.camera == before
    assert pinned(workspace) == []
