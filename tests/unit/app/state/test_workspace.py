"""The state behind the window: opening, layers, messages; no window involved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isoloss.app.state.config import RECENT, Preferences
from isoloss.app.state.messages import Messages
from isoloss.app.state.motion import APPROACH
from isoloss.app.state.opening.browse import Browser
from isoloss.app.state.opening.opener import open_all, open_path
from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.errors import IsolossError
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run
from isoloss.settings import TrainSettings


def test_opening_shows_the_newest_and_remembers_it(workspace, surface, tmp_path):
    first, second = surface.save(tmp_path / "a.ply"), surface.save(tmp_path / "b.npz")
    assert open_path(workspace, first)
    assert open_path(workspace, second)
    assert [(x.name, x not in workspace.scene.hidden) for x in workspace.scene.layers] == [
        ("a", False),
        ("b", True),
    ]
    assert workspace.selected.name == "b"
    assert Preferences.load().recent == [str(second), str(first)]


def test_opening_again_replaces(workspace, surface, tmp_path):
    path = surface.save(tmp_path / "a.ply")
    open_path(workspace, path)
    version = workspace.selected.version
    open_path(workspace, path)
    assert len(workspace.scene.layers) == 1
    assert workspace.selected.version > version


def test_a_bad_file_is_a_notification(workspace, tmp_path):
    (tmp_path / "bad.ply").write_bytes(b"ply\nnonsense")
    assert not open_path(workspace, tmp_path / "bad.ply")
    assert workspace.messages.lines[-1].level == "error"
    assert "bad.ply" in workspace.messages.lines[-1].text
    assert not workspace.scene.layers


def test_the_command_line_fails_only_if_nothing_opens(workspace, surface, tmp_path):
    good = surface.save(tmp_path / "a.ply")
    with pytest.raises(IsolossError, match=r"missing\.ply"):
        open_all(workspace, [tmp_path / "missing.ply"])
    open_all(workspace, [tmp_path / "missing.ply", good])
    assert len(workspace.scene.layers) == 1
    assert workspace.messages.lines[-1].level == "error"


def test_removing_selects_another(workspace, surface, tmp_path):
    for name in ("a.ply", "b.ply"):
        open_path(workspace, surface.save(tmp_path / name))
    workspace.remove(workspace.selected)
    assert workspace.selected.name == "a"
    workspace.remove(workspace.selected)
    assert workspace.selected is None


def test_each_trajectory_can_be_hidden(workspace, surface, tmp_path):
    for name in ("a-trajectory", "a-trajectory-adam"):
        path = Trajectory(*np.zeros((6, 3)))
        save_trajectory_ply(path, tmp_path / f"{name}.ply", surface)
    open_path(workspace, surface.save(tmp_path / "a.ply"))
    layer = workspace.selected

    def shown():
        return [workspace.is_trajectory_shown(layer, k) for k in range(2)]

    assert [t.name for t in layer.trajectories] == ["", "adam"]
    assert shown() == [True, True]
    workspace.toggle_trajectory(layer, 1)
    assert shown() == [True, False]
    assert [k for k, _ in layer.shown_trajectories] == [0]
    workspace.change(trajectory=False)
    assert shown() == [False, False]
    workspace.toggle_trajectory(layer, 1)
    assert shown() == [True, True]


def test_a_surface_that_changes_moves_to_its_new_shape(workspace, surface, tmp_path):
    open_path(workspace, surface.save(tmp_path / "a.ply"))
    layer = workspace.selected
    layer.mesh(layer.automatic_scale())
    assert not workspace.move(0.0)
    layer.become(surface)
    assert workspace.move(100.0)  # a long sleep is no jump
    assert layer.approach == 0.25
    assert workspace.move(100.0 + APPROACH / 10)
    assert layer.approach == pytest.approx(0.35)
    frames = [workspace.move(100.0 + k * APPROACH / 5) for k in range(1, 10)]
    assert frames.index(False) <= 4
    assert not any(frames[frames.index(False) :])
    assert layer.approach == 1
    layer.become(surface)
    workspace.approach.seconds = 0.0  # on a machine too slow for it
    assert not workspace.move()


def test_a_curve_opens_beside_the_scene(workspace, surface, curve, tmp_path):
    open_path(workspace, surface.save(tmp_path / "a.ply"))
    selected, camera = workspace.selected, workspace.scene.camera
    open_path(workspace, curve.save(tmp_path / "c.npz"))
    open_path(workspace, curve.save(tmp_path / "d" / "curve.npz"))
    open_path(workspace, tmp_path / "c.npz")
    assert [c.name for c in workspace.curves.open] == ["c", "d"]
    assert workspace.curves.shown.name == "c"
    assert workspace.scene.layers == [selected]
    assert (selected not in workspace.scene.hidden, workspace.selected, workspace.scene.camera) == (
        True,
        selected,
        camera,
    )
    workspace.close_curve(workspace.curves.shown)
    assert workspace.curves.shown.name == "d"
    workspace.close_curve(workspace.curves.shown)
    assert workspace.curves.shown is None


def test_the_scale_of_a_curve_is_logarithmic_where_it_spans_decades(curve):
    steep = OpenCurve("steep", replace(curve, loss=10.0 ** (3 * curve.loss)))
    assert steep.is_log
    steep.log = False
    assert not steep.is_log
    flat = OpenCurve("flat", curve, log=True)
    assert not flat.is_log  # it has a zero


def test_messages_fade_and_do_not_repeat():
    messages = Messages()
    messages.say("one")
    messages.say("cannot read\nx", "error")
    messages.say("one")
    assert [m.text for m in messages.shown] == ["Cannot read x", "one"]
    messages.fade(messages.shown[0].time + 1000)
    assert messages.shown == []
    assert len(messages.lines) == 3


def test_errors_leave_paths_as_they_are(workspace, tmp_path):
    (tmp_path / "s").mkdir()
    open_path(workspace, tmp_path / "s")
    assert workspace.messages.lines[-1].text.startswith("s is not a run folder")
    twice = Path(f"a.ply{tmp_path}/b.ply")
    open_path(workspace, tmp_path / twice)
    assert workspace.messages.lines[-1].text == f"There is no file or folder {twice}"


def test_damaged_preferences_give_the_defaults(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path))
    for content in ("", "[]", '{"theme": 3, "font_scale": "x"}', '{"theme": "pink"}'):
        (tmp_path / "preferences.json").write_text(content)
        assert Preferences.load() == Preferences()
    preferences = Preferences(theme="light")
    for k in range(RECENT + 3):
        preferences.remember(Path(f"/x/{k}.ply"))
    assert len(Preferences.load().recent) == RECENT
    assert Preferences.load().theme == "light"


def test_the_browser_lists_what_can_be_opened(tmp_path, surface):
    surface.save(tmp_path / "b.ply")
    (tmp_path / "b-trajectory.ply").write_text("")
    (tmp_path / ".hidden.ply").write_text("")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder").mkdir()
    Run.create(tmp_path / "a-run", TrainSettings())
    browser = Browser(tmp_path, (".ply",))
    browser.refresh()
    assert [(e.path.name, e.kind) for e in browser.entries] == [
        ("folder", "folder"),
        ("a-run", "run"),
        ("b.ply", "file"),
    ]
    assert browser.type_path("folder") is None
    assert browser.folder == tmp_path / "folder"
    browser.enter(tmp_path)
    assert browser.type_path("a-run") == tmp_path / "a-run"
    browser.enter(tmp_path / "gone")
    assert browser.problem
    assert browser.entries == []


def test_a_config_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "file" / "below"))
    Preferences(theme="light").save()
    assert Preferences.load() == Preferences()


def test_checkpoints_that_are_opened_are_told_what_can_be_done_with_them(
    workspace, surface, tmp_path
):
    for path in ("one.pt", "many/epoch_1.ckpt", "published/model.safetensors"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"")
        for named in {path, path.split("/")[0]}:
            assert not open_path(workspace, tmp_path / named)
            said = workspace.messages.lines[-1].text
            assert said.startswith(f"{named} holds tensors, no surface: probe a network")
    assert not open_path(workspace, tmp_path / "none.pt")
    assert workspace.messages.lines[-1].text == "There is no file or folder none.pt"
    surface.save(tmp_path / "many" / "surface.ply")
    assert open_path(workspace, tmp_path / "many")


def test_close_all_returns_to_one_viewport_and_undo_brings_all_back(opened):
    document = opened.document
    document.arrange(4)
    document.activate(2)
    before = document.state()
    opened.close_all()
    assert (document.layers, document.arrangement, document.active) == ([], 1, 0)
    document.restore(before)
    assert (len(document.layers), document.arrangement) == (2, 4)


def test_the_selected_layer_is_moved_and_seen_through(opened):
    a, b = opened.document.layers
    opened.selected = b
    opened.move_selected(1)
    assert opened.document.layers == [a, b], "there is nothing behind it"
    opened.move_selected(-1)
    opened.set_opacity(0.5)
    assert opened.document.layers == [b, a]
    assert (a.opacity, b.opacity) == (1.0, 0.5)
    opened.selected = None
    opened.move_selected(-1)
    opened.set_opacity(0.1)
    assert (opened.document.layers, b.opacity) == ([b, a], 0.5)
