"""Undo and redo as the window uses them: what is one step, and what is none."""

from __future__ import annotations

import time

import numpy as np

from isoloss.app.state.opening.opener import open_path
from isoloss.app.state.steps import SETTLE, STILL, Steps
from isoloss.events import Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.run import Run
from isoloss.scene import Camera
from isoloss.settings import ProbeSettings

AXIS = np.linspace(-1, 1, 5)


def rest(steps, now):
    steps.watch(now, held=False, wheel=False)


def test_a_held_button_and_a_burst_of_the_wheel_are_one_step_each(opened):
    steps, scene = Steps(opened), opened.scene
    for k in range(5):
        scene.camera = scene.camera.orbit(10, 0)
        steps.watch(0.1 * k, held=True, wheel=False)
    assert not steps.undoes
    rest(steps, 0.5)
    orbited = scene.camera
    for k in range(6):
        scene.camera = scene.camera.zoom(1.1)
        steps.watch(1 + k * 0.5 * SETTLE, held=False, wheel=True)
        rest(steps, 1 + (k + 0.4) * 0.5 * SETTLE)
    for _ in range(STILL - 2):
        rest(steps, 10)
    assert scene.camera != orbited
    scene.camera = scene.camera.zoom(1.1)  # on a slow machine, the next notch
    steps.watch(10, held=False, wheel=True)
    for _ in range(STILL):
        assert steps.undoes == "camera"
        rest(steps, 20)
    steps.undo()
    assert scene.camera == orbited
    steps.undo()
    assert scene.camera == Camera()
    assert not steps.undoes
    steps.redo()
    assert scene.camera == orbited


def test_undo_at_once_takes_back_what_has_just_been_done(opened):
    steps, scene = Steps(opened), opened.scene
    scene.camera = scene.camera.zoom(1.1)
    steps.watch(0, held=False, wheel=True)
    steps.undo()
    assert scene.camera == Camera()
    steps.redo()
    assert scene.camera == Camera().zoom(1.1)


def test_what_links_carry_over_is_part_of_the_step(opened):
    steps, document = Steps(opened), opened.document
    document.arrange(2)
    rest(steps, 0)
    document.view.camera = Camera(azimuth=5)
    rest(steps, 1)
    assert document.views[1].camera.azimuth == 5
    rest(steps, 2)
    steps.undo()
    assert [v.camera for v in document.shown_views] == [Camera(), Camera()]
    assert document.arrangement == 2


def test_playing_is_one_step_whatever_is_done_meanwhile(opened):
    steps, scene = Steps(opened), opened.scene
    steps.is_playing = lambda: True
    for k in range(1, 4):
        opened.change(epoch=float(k))
        rest(steps, k)
    assert not steps.undoes
    opened.change(contours=False)
    rest(steps, 5)
    assert steps.undoes == "contours"
    steps.is_playing = lambda: False
    rest(steps, 6)
    assert steps.undoes == "epoch"
    steps.undo()
    assert (scene.appearance.epoch, scene.appearance.contours) == (None, False)
    steps.undo()
    assert scene.appearance.contours


def test_undo_selects_what_there_is_and_follows_what_grows(workspace, surface, tmp_path):
    run = Run.create(tmp_path / "runs" / "p", ProbeSettings(source=tmp_path / "net"))
    run.emit(Started(1))
    growing = GrowingSurface.create(run.growing_path, AXIS, AXIS, 10, True, {})
    growing.put((0, 0), 2.0, 0.5, 0.3, 4)
    open_path(workspace, surface.save(tmp_path / "a.ply"))
    steps = Steps(workspace)
    open_path(workspace, run.folder)
    (a, p), live = workspace.document.layers, workspace.live
    rest(steps, 0)
    assert workspace.selected is p
    steps.undo()
    assert workspace.document.layers == [a]
    assert workspace.selected is a
    assert workspace.live == []
    workspace.update()
    assert workspace.document.layers == [a], "a closed layer came back by itself"
    steps.redo()
    assert workspace.document.layers == [a, p]
    assert [x.layer for x in workspace.live] == [p]
    growing.put((0, 1), 3.0, 0.5, 0.3, 4)
    live = workspace.live[0]
    assert live.update(time.monotonic() + 100)
    assert p.surface.loss[0, 1] == 3.0


def test_undo_and_redo_select_what_was_selected(opened):
    a, b = opened.document.layers
    steps = Steps(opened)
    opened.show_difference(b, a)
    made = opened.selected
    rest(steps, 0)
    steps.undo()
    assert opened.selected is b
    steps.redo()
    assert opened.selected is made
    opened.change(contours=False)
    rest(steps, 1)
    opened.selected = a
    rest(steps, 2)
    assert steps.undoes == "contours", "to select is no step"
    steps.undo()
    assert opened.selected is a, "where no layer comes or goes the choice stays"
    rest(steps, 3)
    opened.remove(a)
    rest(steps, 4)
    steps.undo()
    assert opened.selected is a


def test_where_all_was_closed_the_next_is_seen_whole_and_from_the_front(opened, surface, tmp_path):
    steps = Steps(opened)
    opened.set_camera(Camera(azimuth=77, orthographic=True))
    opened.change(epoch=3.0)
    rest(steps, 0)
    opened.remove(opened.selected)
    assert opened.appearance.epoch == 3.0
    opened.close_all()
    opened.playing = False
    rest(steps, 1)
    assert (opened.scene.camera, opened.appearance.epoch) == (Camera(orthographic=True), None)
    steps.undo()
    assert (opened.scene.camera.azimuth, opened.appearance.epoch) == (77, 3.0)


def test_a_layer_that_a_job_opens_stays_when_the_camera_goes_back(workspace, surface, tmp_path):
    open_path(workspace, surface.save(tmp_path / "a.ply"))
    steps = Steps(workspace)
    workspace.set_camera(Camera(azimuth=1))
    rest(steps, 0)
    run = Run.create(tmp_path / "runs" / "p", ProbeSettings(source=tmp_path / "net"))
    run.emit(Started(1))
    growing = GrowingSurface.create(run.growing_path, AXIS, AXIS, 10, True, {})
    growing.put((0, 0), 2.0, 0.5, 0.3, 4)
    workspace.show_surface(workspace.runs.follow(run))
    steps.take_in(workspace.update)
    assert [x.name for x in workspace.document.layers] == ["a", "p"]
    assert steps.undoes == "camera"
    steps.undo()
    assert workspace.scene.camera == Camera()
    assert [x.name for x in workspace.scene.shown] == ["p"]
    assert not steps.undoes
