"""Sessions in the window: saved, opened, damaged, and what a crash leaves."""

from __future__ import annotations

import json
import math
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest

from isoloss.app.state.config import Preferences
from isoloss.app.state.opening.opener import load, open_all, open_path
from isoloss.app.state.session.session_keeper import EVERY
from isoloss.app.state.session.session_words import in_words
from isoloss.app.state.steps import Steps
from isoloss.app.state.workspace import Workspace
from isoloss.errors import IsolossError
from isoloss.events import Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.run import Run
from isoloss.scene import Camera
from isoloss.settings import ProbeSettings, TrainSettings

AXIS = np.linspace(-1, 1, 5)


def rest(steps, now):
    steps.watch(now, held=False, wheel=False)


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
    warnings = [m.text for m in opened.messages.lines if m.level == "warning"]
    assert warnings == ["Left out of s: layer a: there is no file or folder a.ply"]
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


def test_a_crash_leaves_its_session_to_the_next_window(opened, tmp_path):
    session, look = opened.session, opened.change
    session.last_path().parent.mkdir(parents=True, exist_ok=True)
    assert not session.keep_running(0, busy=True)
    assert session.keep_running(1, busy=False)
    assert not session.keep_running(100, busy=False), "nothing has changed"
    look(contours=False)
    assert not session.keep_running(101 - 100 + EVERY - 1, busy=False)
    assert not session.keep_running(200, busy=True)
    assert session.keep_running(200, busy=False)
    opened.remove(opened.document.layers[0])
    assert session.keep_running(201, busy=False), "a layer less is kept at once"
    assert not session.last_path().exists(), "that of the window before stays until a crash"

    # kill -9; the next window
    other = Workspace(tmp_path, Preferences())
    assert other.session.recover()
    assert not other.session.recover()
    assert open_path(other, session.last_path(), remember=False)
    assert [x.name for x in other.document.layers] == ["b"]
    assert not other.appearance.contours
    assert other.session.name == ""


def test_a_window_that_is_closed_leaves_nothing_to_recover(opened, tmp_path):
    opened.session.keep_running(0, busy=False)
    assert opened.session.running_path().exists()
    other = Workspace(tmp_path, Preferences())
    open_path(other, tmp_path / "b.ply")
    other.session.keep_running(0, busy=False)
    opened.session.keep()  # what the other window has written since is not ours to remove
    assert other.session.running_path().exists()
    other.session.keep()
    assert not other.session.running_path().exists()
    assert other.session.last_path().exists()


def test_a_folder_that_cannot_be_written_is_tried_no_more_than_once(opened):
    calls = []

    def refuse(*_):
        calls.append(1)
        raise IsolossError("disk full")

    opened.session.write = refuse
    for now in range(10):
        assert not opened.session.keep_running(now, busy=False)
    assert len(calls) == 1
    assert not opened.messages.lines or opened.messages.lines[-1].level != "error"


def test_a_session_of_a_file_that_is_gone_is_saved_with_a_word(opened, tmp_path):
    (tmp_path / "a.ply").unlink()
    assert opened.session.save(tmp_path / "s.isoloss")
    warnings = [m.text for m in opened.messages.lines if m.level == "warning"]
    assert warnings == ["Session s will come back without a: there is no file a.ply"]


def test_fields_are_told_in_words(opened, tmp_path):
    opened.scene.appearance = replace(opened.appearance, color_range=(0.0, 1e38))
    assert not opened.session.save(tmp_path / "s.isoloss")
    text = opened.messages.lines[-1].text
    assert "colour range of viewport 1 must be a number from -1e+30 to 1e+30" in text
    assert in_words("/x/layers.ply: views[1].camera.target[0] must") == (
        "/x/layers.ply: target of viewport 2 must"
    )
    assert in_words("layers[0].source is missing") == "file of layer 1 is missing"


@pytest.fixture
def trainings(tmp_path):
    """The folders of three training runs, in the library that a workspace lists."""
    return [Run.create(tmp_path / "runs" / n, TrainSettings(seed=k)).folder
            for k, n in enumerate("xyz")]  # fmt: skip


def names_compared(workspace):
    workspace.runs.library.scan()
    workspace.comparison.update(0.0)
    return list(workspace.comparison.shown.comparison.names)


def test_a_session_brings_back_what_is_compared_and_how(trainings, tmp_path):
    first = Workspace(tmp_path, Preferences())
    first.runs.library.scan()
    comparison, session = first.comparison, first.session
    comparison.compare(e for e in first.runs.library.entries if e.folder != trainings[1])
    comparison.toggle(first.runs.library.of(trainings[2]))
    comparison.change(smooth=0.9, log=True, parts=("test",), along="step", by="worst")
    comparison.chart = "loss"
    assert session.has_content
    assert session.save(tmp_path / "s.isoloss")
    assert not session.has_changed
    comparison.change(smooth=0.5)
    assert session.has_changed
    comparison.change(smooth=0.9)
    assert not session.has_changed
    seen = comparison.view
    first.close_all()
    assert not session.has_content
    other = Workspace(tmp_path, Preferences())  # which has not listed its runs yet
    assert open_path(other, tmp_path / "s.isoloss")
    assert names_compared(other) == ["x", "z"]
    assert other.comparison.hidden == {trainings[2]}
    assert (other.comparison.view, other.comparison.chart) == (seen, "loss")
    assert not other.session.has_changed


def test_what_is_compared_by_a_tag_and_what_is_gone_comes_back_so_far(trainings, tmp_path):
    first = Workspace(tmp_path, Preferences())
    first.comparison.compare_tag("sweep")
    assert first.session.save(tmp_path / "tag.isoloss")
    first.runs.library.scan()
    first.comparison.compare(first.runs.library.entries)
    assert first.session.save(tmp_path / "all.isoloss")
    shutil.rmtree(trainings[0])
    other = Workspace(tmp_path, Preferences())
    assert open_path(other, tmp_path / "all.isoloss")
    (line,) = [m.text for m in other.messages.lines if m.level == "warning"]
    assert line.startswith("Left out of all: run x: there is no file or folder")
    assert names_compared(other) == ["y", "z"]
    assert open_path(other, tmp_path / "tag.isoloss")
    assert other.comparison.tag == "sweep"
    shutil.rmtree(trainings[1])
    shutil.rmtree(trainings[2])
    assert not open_path(other, tmp_path / "all.isoloss")
    assert other.comparison.tag == "sweep", "what was open stays"


def test_a_session_from_before_comparisons_compares_nothing(opened, trainings, tmp_path):
    assert opened.session.save(tmp_path / "s.isoloss")
    content = json.loads((tmp_path / "s.isoloss").read_text())
    assert content.pop("comparison") is None
    (tmp_path / "s.isoloss").write_text(json.dumps(content))
    opened.comparison.compare_tag("sweep")
    assert open_path(opened, tmp_path / "s.isoloss")
    assert not opened.comparison.is_of_any
    assert [layer.name for layer in opened.scene.layers] == ["a", "b"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("smooth", 1.0, "comparison.smooth must be a number from 0 to 0.98"),
        ("parts", ["both"], "comparison.parts must be of test, train"),
        ("runs", [{"name": "x"}], "file of run of the comparison 1 is missing"),
        ("along", "years", "comparison.along must be one of epoch, step, time"),
    ],
)
def test_a_comparison_that_means_nothing_is_refused(opened, tmp_path, field, value, words):
    opened.comparison.compare_tag("sweep")
    assert opened.session.save(tmp_path / "s.isoloss")
    content = json.loads((tmp_path / "s.isoloss").read_text())
    content["comparison"][field] = value
    (tmp_path / "s.isoloss").write_text(json.dumps(content))
    assert not open_path(opened, tmp_path / "s.isoloss")
    assert words in opened.messages.lines[-1].text
