"""Undo, saved views, sessions and commands as the window uses them; no window involved."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from isoloss.app.actions.all_actions import all_actions
from isoloss.app.dialogs.saved_views_dialog import forget_view, rename_view, save_view
from isoloss.app.parts import Parts
from isoloss.app.state.config import Preferences
from isoloss.app.state.flight import SECONDS, Flight
from isoloss.app.state.opener import load, open_all, open_path
from isoloss.app.state.steps import SETTLE, STILL, Steps
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.command_palette import matching, misfit
from isoloss.app.ui.keyboard import keys_of
from isoloss.errors import IsolossError
from isoloss.events import Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.run import Run
from isoloss.scene import Camera
from isoloss.scene.camera_path import between, ease
from isoloss.settings import ProbeSettings

AXIS = np.linspace(-1, 1, 5)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    return Workspace(tmp_path, Preferences())


@pytest.fixture
def surface():
    return Surface.from_loss(AXIS, AXIS, AXIS[:, None] ** 2 + AXIS**2 + 1)


@pytest.fixture
def opened(workspace, surface, tmp_path):
    for name in ("a.ply", "b.ply"):
        open_path(workspace, surface.save(tmp_path / name))
    return workspace


# -- undo ------------------------------------------------------------------------------------


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


# -- saved views -----------------------------------------------------------------------------


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


# -- sessions --------------------------------------------------------------------------------


def test_a_session_brings_back_layers_and_curves(opened, surface, tmp_path):
    curve = Surface.from_loss(AXIS, np.zeros(1), AXIS[:, None] ** 2 + 1)
    open_path(opened, curve.save(tmp_path / "c.npz"))
    opened.change(contours=False, theme="light")
    opened.set_camera(Camera(azimuth=9))
    session = opened.session
    assert (session.name, session.has_changed) == ("", False)
    assert session.save(tmp_path / "s.isoloss")
    assert (session.name, session.has_changed) == ("s", False)
    opened.set_camera(Camera(azimuth=10))
    assert session.has_changed
    opened.set_camera(Camera(azimuth=9))
    assert not session.has_changed
    opened.close_all()
    assert (session.name, session.has_content) == ("", False)
    assert opened.selected is None
    opened.change(contours=True, theme="dark")
    assert open_path(opened, tmp_path / "s.isoloss")
    assert [x.name for x in opened.scene.layers] == ["a", "b"]
    assert [x.name for x in opened.scene.shown] == ["b"]
    assert [x.name for x in opened.curves.open] == ["c"]
    assert opened.selected.name == "b"
    assert opened.scene.camera.azimuth == 9
    assert (opened.appearance.contours, opened.appearance.theme) == (False, "light")
    assert (session.name, session.has_changed) == ("s", False)
    assert opened.preferences.recent[0] == str(tmp_path / "s.isoloss")
    other = Workspace(tmp_path, Preferences())
    open_all(other, [tmp_path / "a.ply", tmp_path / "s.isoloss"])
    assert other.document.state().views[0].camera == opened.scene.camera
    assert [x.name for x in other.scene.shown] == ["a", "b"]


def test_undo_brings_back_what_a_session_took_the_place_of(opened, tmp_path):
    opened.session.save(tmp_path / "s.isoloss")
    opened.remove(opened.selected)
    steps = Steps(opened)
    before = opened.document.state()
    open_path(opened, tmp_path / "s.isoloss")
    rest(steps, 0)
    assert len(opened.document.layers) == 2
    steps.undo()
    assert opened.document.state() == before
    assert opened.selected in opened.document.layers


def test_what_a_session_misses_is_told(opened, tmp_path):
    opened.session.save(tmp_path / "s.isoloss")
    (tmp_path / "a.ply").unlink()
    opened.close_all()
    assert open_path(opened, tmp_path / "s.isoloss")
    assert [x.name for x in opened.document.layers] == ["b"]
    told = [m.text for m in opened.messages.lines if m.level == "warning"]
    assert told == ["Left out of s: layer a: there is no file or run folder a.ply"]
    assert opened.session.has_changed
    before = opened.document.state()
    (tmp_path / "b.ply").unlink()
    assert not open_path(opened, tmp_path / "s.isoloss")
    assert opened.messages.lines[-1].level == "error"
    assert opened.document.state() == before


def test_the_last_session_is_kept_where_the_next_window_finds_it(opened, tmp_path):
    opened.session.keep()
    path = opened.session.last_path()
    assert path.is_relative_to(tmp_path / "config")
    other = Workspace(tmp_path, Preferences())
    other.session.keep()  # nothing is open: nothing is lost
    assert open_path(other, path, remember=False)
    assert [x.name for x in other.document.layers] == ["a", "b"]
    assert (other.session.name, other.preferences.recent) == ("", [])


def test_a_session_that_cannot_be_written_is_a_notification(opened, tmp_path):
    assert not opened.session.save(tmp_path / "a.ply" / "s.isoloss")
    assert opened.messages.lines[-1].level == "error"
    assert opened.session.name == ""


def test_a_session_follows_the_run_that_grows_its_surface(workspace, surface, tmp_path):
    run = Run.create(tmp_path / "runs" / "p", ProbeSettings(source=tmp_path / "net"))
    run.emit(Started(1))
    growing = GrowingSurface.create(run.growing_path, AXIS, AXIS, 10, True, {})
    growing.put((0, 0), 2.0, 0.5, 0.3, 4)
    open_path(workspace, run.folder)
    workspace.session.save(tmp_path / "s.isoloss")
    other = Workspace(tmp_path, Preferences())
    open_path(other, tmp_path / "s.isoloss")
    (layer,) = other.document.layers
    growing.put((2, 2), 5.0, 0.5, 0.3, 4)
    (live,) = other.live
    live.update(time.monotonic() + 100)
    assert layer.surface.loss[2, 2] == 5.0
    assert not other.session.has_changed


def test_a_hostile_session_leaves_the_window_as_it_was(opened, tmp_path):
    opened.session.save(tmp_path / "s.isoloss")
    plain = json.loads((tmp_path / "s.isoloss").read_text(encoding="utf-8"))
    plain["views"][0]["camera"]["distance"] = math.nan
    (tmp_path / "s.isoloss").write_text(json.dumps(plain))
    before = opened.document.state()
    with pytest.raises(IsolossError, match="distance"):
        load(opened, tmp_path / "s.isoloss")
    assert opened.document.state() == before


# -- commands --------------------------------------------------------------------------------


@pytest.fixture
def parts(opened):
    for _ in range(12):
        save_view(opened.document)
    return Parts(opened, all_actions)


def test_no_two_commands_share_an_id_or_a_shortcut(parts):
    for counted in (
        Counter(a.id for a in parts.actions),
        Counter(frozenset(a.shortcut.split("+")) for a in parts.actions if a.shortcut),
    ):
        assert max(counted.values()) == 1, counted.most_common(3)
    keys = [keys_of(a.shortcut) for a in parts.actions if a.shortcut]
    assert len(set(keys)) == len(keys)


def test_each_command_is_in_one_menu_and_in_the_palette(parts):
    with_menu = [a for a in parts.actions if a.menu]
    assert matching(parts.actions, "") == with_menu
    for action in with_menu:
        assert action in matching(parts.actions, action.label)
    # The menus group what follows each other: a menu that came twice would be drawn twice.
    submenus = [menu for menu, _ in itertools.groupby(a.menu for a in with_menu) if "/" in menu]
    tops = [top for top, _ in itertools.groupby(a.menu.split("/")[0] for a in with_menu)]
    for names in (submenus, tops):
        assert len(set(names)) == len(names)
    for action in parts.actions:
        if not action.menu:  # a second key for what a menu has
            assert any(a.label == action.label for a in with_menu)


def test_the_menu_says_what_would_be_undone(parts):
    undo = parts.action("undo")
    assert (undo.label, undo.is_possible()) == ("Undo", False)
    parts.workspace.change(contours=False)
    rest(parts.steps, 0)
    assert (parts.action("undo").label, parts.action("undo").is_possible()) == (
        "Undo contours",
        True,
    )
    parts.action("undo").run()
    assert parts.workspace.appearance.contours
    assert parts.action("redo").label == "Redo contours"
    parts.action("redo").run()
    assert not parts.workspace.appearance.contours


def test_saved_views_are_commands(parts):
    parts.workspace.set_camera(Camera(azimuth=42))
    parts.action("save-view").run()
    first, last = parts.action("saved-view-1"), parts.action("saved-view-13")
    assert (first.label, first.shortcut, last.label, last.shortcut) == (
        "View 1",
        "Alt+1",
        "View 13",
        "",
    )
    parts.workspace.set_camera(Camera(azimuth=1))
    last.run()
    parts.flight.go_on(0)
    parts.flight.go_on(1)
    assert parts.workspace.scene.camera.azimuth == 42


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("undo", "undo"),
        ("svw", "save-view"),
        ("session", "save-session"),
        ("pict", "save-picture"),
        ("view top", "view-top"),
        ("lst sess", "restore-last"),
        ("TEXTURE next", "next-texture"),
        ("wirefr tex", "texture-wireframe"),
    ],
)
def test_the_palette_finds_what_is_typed_in_haste(parts, typed, first):
    found = [a.id for a in matching(parts.actions, typed)]
    assert found[0] == first or first in found[:2], found[:4]


def test_fits_are_ordered():
    fits = [misfit("con", label, menu) for label, menu in (
        ("Contours", "Scene"), ("Floor contours", ""), ("Second", "x"), ("Other", "Contours"),
        ("Cut of one", "Scene"),
    )]  # fmt: skip
    assert fits == [0, 1, 2, 3, 4]
    assert misfit("con", "Noc", "") is None
    assert misfit("", "anything") == 0
    assert misfit("a(b", "a(b") == 0
