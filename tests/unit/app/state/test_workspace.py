"""The state behind the window: opening, layers, runs, messages; no window involved."""

from __future__ import annotations

import itertools
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from isoloss.app.panels.jobs_panel import status_text
from isoloss.app.state.config import RECENT, Preferences
from isoloss.app.state.forms.trained import all_trained, data_of
from isoloss.app.state.messages import Messages
from isoloss.app.state.motion import APPROACH
from isoloss.app.state.opening.browse import Browser
from isoloss.app.state.opening.opener import open_all, open_path, show_again
from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.app.state.workspace import Workspace
from isoloss.errors import IsolossError
from isoloss.events import Done, Failed, Log, Metric, Paused, Progress, Started
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.files.reading import load
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.jobs.follow import can_resume
from isoloss.run import Run
from isoloss.settings import ImportSettings, ProbeSettings, TrainSettings


class StandIn:
    """A job that does nothing, and whose end the test decides."""

    def __init__(self, folders):
        self.folders, self.exit_code, self.cancelled, self.pid = folders, None, False, 0

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    return Workspace(tmp_path, Preferences(), StandIn)


@pytest.fixture
def surface():
    x = np.linspace(-1, 1, 5)
    return Surface.from_loss(x, x, x[:, None] ** 2 + x**2, model="net")


LATER = itertools.count(1e9, 100)


def look(workspace):
    """Let the workspace look, however short ago it last did."""
    workspace.update(next(LATER))


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


@pytest.mark.parametrize("gone", ["", "inner", "inner/most"])
def test_a_deleted_folder_of_the_window_is_left_for_the_nearest_that_is_there(
    tmp_path, monkeypatch, gone
):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    folder = tmp_path / "work" / "inner" / "most"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    workspace = Workspace(folder, Preferences(), StandIn)
    workspace.start(Path("runs/a"), TrainSettings())
    shutil.rmtree(tmp_path / "work" / gone)
    look(workspace)
    there = (tmp_path / "work" / gone).parent
    assert (Path.cwd(), workspace.folder) == (there, there)
    assert [m.text for m in workspace.messages.lines if "is gone: paths" in m.text] == [
        f"The folder {folder} is gone: paths are seen from {there} now"
    ]
    look(workspace)
    assert workspace.start(Path("b"), TrainSettings())
    assert Run.open(there / "b").settings == TrainSettings()
    assert workspace.session.save(Path("s.isoloss"))
    assert not open_path(workspace, Path("x.ply"))


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


def test_a_started_run_is_followed_to_its_end(workspace, tmp_path):
    assert workspace.start(tmp_path / "runs" / "t", TrainSettings(epochs=2))
    followed = workspace.runs.selected
    assert followed.is_active
    assert followed.job.folders == [tmp_path / "runs" / "t"]
    run = followed.run
    for event in (Started(1, "cpu"), Metric(0.5, 0.1, 2.0, 0.3), Log("hello"), Done(1.5)):
        run.emit(event)
    look(workspace)
    assert followed.status == "done"
    assert [m.train_loss for m in followed.metrics] == [2.0]
    texts = [m.text for m in workspace.messages.lines]
    assert "t hello" in texts
    assert "t is done" in texts


def test_a_folder_with_another_run_is_refused(workspace, tmp_path):
    folder = tmp_path / "runs" / "t"
    assert workspace.start(folder, TrainSettings(epochs=2))
    assert not workspace.start(folder, TrainSettings(epochs=3))
    assert workspace.messages.lines[-1].level == "error"


def test_a_killed_job_fails_with_one_line(workspace, tmp_path):
    workspace.start(tmp_path / "runs" / "t", TrainSettings())
    followed = workspace.runs.selected
    followed.run.emit(Started(1))
    look(workspace)
    followed.job.exit_code = -9
    look(workspace)
    assert followed.status == "failed"
    assert "killed" in workspace.messages.lines[-1].text
    workspace.resume(followed)
    assert followed.is_active
    assert followed.failure == ""


def test_cancel_asks_the_job(workspace, tmp_path):
    workspace.start(tmp_path / "runs" / "t", TrainSettings())
    followed = workspace.runs.selected
    workspace.runs.cancel(followed)
    assert followed.job.cancelled
    followed.run.emit(Started(1))
    followed.run.emit(Paused())
    look(workspace)
    assert followed.status == "paused"


def test_cancelled_before_it_began_is_paused(workspace, tmp_path):
    workspace.start(tmp_path / "runs" / "t", TrainSettings())
    followed = workspace.runs.selected
    workspace.runs.cancel(followed)
    followed.job.exit_code = -15
    look(workspace)
    assert followed.status == "paused"
    assert followed.failure == ""


def test_a_job_of_an_earlier_window_can_be_cancelled(workspace, tmp_path):
    run = Run.create(tmp_path / "runs" / "t", TrainSettings())
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom isoloss.run import Run\n"
        "with Run.open(Path(sys.argv[1])).lock():\n    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(run.folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        run.emit(Started(process.pid, "cpu"))
        look(workspace)
        followed = workspace.runs.of(run.folder)
        assert followed is not None
        assert followed.status == "running"
        workspace.runs.cancel(followed)
        assert process.wait(20) != 0
        look(workspace)
        assert followed.status == "paused"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_runs_in_the_folder_are_listed_and_those_at_work_followed(workspace, tmp_path):
    Run.create(tmp_path / "runs" / "a", TrainSettings()).emit(Done(1.0))
    held = Run.create(tmp_path / "runs" / "held", TrainSettings())
    held.emit(Started(1))
    broken = tmp_path / "runs" / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    with held.lock():
        look(workspace)
        assert [f.run.name for f in workspace.runs.followed] == ["held"]
    listed = {entry.name: entry.state for entry in workspace.table.shown}
    assert listed == {"a": "done", "held": "running", "broken": "damaged"}
    assert {entry.name for entry in workspace.runs.trained} == {"a", "held"}
    workspace.runs.forget(workspace.runs.followed[0])
    look(workspace)
    assert workspace.runs.followed == []


def test_runs_of_further_folders_are_listed_in_the_next_window_too(workspace, tmp_path):
    Run.create(tmp_path / "cluster" / "far", TrainSettings()).emit(Done(1.0))
    assert not workspace.list_folder(Path("gone"))
    assert "no folder" in workspace.messages.lines[-1].text
    assert workspace.list_folder(Path("cluster"))
    assert workspace.list_folder(Path("cluster"))
    assert [entry.name for entry in workspace.table.shown] == ["far"]
    later = Workspace(tmp_path, Preferences.load(), StandIn)
    look(later)
    assert [entry.name for entry in later.table.shown] == ["far"]
    later.unlist_folder(tmp_path / "cluster")
    assert later.table.shown == []
    assert Preferences.load().libraries == []


def test_a_run_of_the_library_can_be_selected(workspace, tmp_path):
    run = Run.create(tmp_path / "runs" / "a", TrainSettings())
    run.emit(Metric(1, 0.1, 2.0, 0.3))
    run.emit(Done(1.0))
    look(workspace)
    selected = workspace.runs.select(run.folder)
    assert selected.metrics[0].train_loss == 2.0
    assert workspace.runs.selected is selected
    assert workspace.runs.select(run.folder) is selected
    assert workspace.runs.followed == []
    (run.folder / "run.json").write_text("{")
    assert workspace.runs.select(tmp_path / "runs" / "b") is None
    assert workspace.messages.lines[-1].level == "error"
    assert workspace.runs.selected is selected


def test_one_run_at_a_time_and_the_next_when_it_has_ended(workspace, tmp_path):
    runs = workspace.runs
    for name in "abc":
        assert workspace.start(tmp_path / "runs" / name, TrainSettings())
    a, b, c = (runs.of(tmp_path / "runs" / name) for name in "abc")
    assert [f.is_active for f in (a, b, c)] == [True, False, False]
    assert [runs.place(f) for f in (a, b, c)] == [None, 0, 1]
    runs.queue.move(c.run.folder, 0)
    a.run.emit(Done(1.0))
    look(workspace)
    assert [f.is_active for f in (b, c)] == [False, True]
    runs.start_now(b)
    assert [f.is_active for f in (b, c)] == [True, True]
    assert runs.place(b) is None


def test_a_run_that_waits_is_cancelled_by_taking_it_off_the_queue(workspace, tmp_path):
    for name in "ab":
        workspace.start(tmp_path / "runs" / name, TrainSettings())
    waiting = workspace.runs.of(tmp_path / "runs" / "b")
    workspace.runs.cancel(waiting)
    assert workspace.runs.place(waiting) is None
    assert not waiting.is_active
    assert can_resume(waiting)
    workspace.resume(waiting)
    assert workspace.runs.place(waiting) == 0


def test_a_run_is_resumed_as_soon_as_it_is_paused(workspace, tmp_path):
    """Its process has said so, and has not ended yet, or nobody has noticed."""
    workspace.start(tmp_path / "runs" / "t", TrainSettings())
    followed = workspace.runs.selected
    job = followed.job
    followed.run.emit(Started(1))
    followed.run.emit(Paused())
    look(workspace)
    with followed.run.lock():
        workspace.resume(followed)
        assert workspace.runs.place(followed) == 0
    job.exit_code = 130
    look(workspace)
    assert followed.is_active
    assert followed.job is not job


def test_the_next_window_goes_on_with_the_queue(workspace, tmp_path):
    for name in "ab":
        workspace.start(tmp_path / "runs" / name, TrainSettings())
    workspace.runs.of(tmp_path / "runs" / "a").run.emit(Done(1.0))
    workspace.runs.queue.ended(tmp_path / "runs" / "a")
    later = Workspace(tmp_path, Preferences(), StandIn)
    look(later)
    assert later.runs.of(tmp_path / "runs" / "b").is_active
    assert later.runs.queue.waiting == ()


def test_a_surface_grows_in_place_and_is_finished(workspace, surface, tmp_path):
    folder = tmp_path / "runs" / "p"
    workspace.start(folder, ProbeSettings(source=tmp_path / "net"))
    run = workspace.runs.selected.run
    run.emit(Started(1))
    look(workspace)
    assert workspace.scene.layers == []
    growing = GrowingSurface.create(
        run.growing_path, surface.alpha, surface.beta, 10, True, {"model": "net"}
    )
    look(workspace)
    assert workspace.scene.layers == []
    growing.put((0, 0), 2.0, 0.5, 0.3, 4)
    look(workspace)
    (layer,) = workspace.scene.layers
    assert layer.surface.computed.sum() == 1
    assert layer.surface.loss[0, 0] == 2.0
    version = layer.version
    look(workspace)
    assert layer.version == version
    growing.put((0, 1), 3.0, 0.5, 0.3, 4)
    look(workspace)
    assert layer.version > version
    assert layer.surface.computed.sum() == 2
    version = layer.version
    growing.put((0, 1), 3.5, 0.6, 0.1, 8)  # the same cell, only sharper
    look(workspace)
    assert layer.version > version
    assert layer.surface.loss[0, 1] == 3.5
    assert layer.surface.count[0, 1] == 8
    surface.save(run.surface_path)
    run.emit(Done(1.0))
    look(workspace)
    assert workspace.scene.layers == [layer]
    assert layer.surface.is_complete
    np.testing.assert_array_equal(layer.surface.loss, surface.loss)


def test_runs_that_are_resumed_together_share_one_job(workspace, tmp_path):
    runs = [
        Run.create(tmp_path / "demo" / "train", TrainSettings()),
        Run.create(tmp_path / "demo" / "pca", ProbeSettings(source=tmp_path / "demo" / "train")),
    ]
    workspace.resume_and_show(runs)
    followed = [workspace.runs.of(r.folder) for r in runs]
    assert followed[0].job is followed[1].job
    assert all(f.is_active for f in followed)
    assert workspace.runs.selected is followed[0]
    runs[0].emit(Failed("no data"))
    runs[1].emit(Failed("not begun"))
    look(workspace)
    assert [f.status for f in followed] == ["failed", "failed"]


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


@pytest.fixture
def curve():
    x = np.linspace(-1, 1, 9)
    return Surface.from_loss(x, np.zeros(1), x[:, None] ** 2, plane="line", model="net")


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


def test_a_curve_grows_and_is_finished(workspace, curve, tmp_path):
    folder = tmp_path / "runs" / "line"
    workspace.start(folder, ProbeSettings(source=tmp_path / "net", plane="line"))
    run = workspace.runs.selected.run
    run.emit(Started(1))
    growing = GrowingSurface.create(run.growing_path, curve.alpha, curve.beta, 10, True, {})
    look(workspace)
    assert workspace.curves.open == []
    growing.put((0, 0), 2.0, 0.5, 0.1, 3)
    look(workspace)
    (opened,) = workspace.curves.open
    assert workspace.scene.layers == []
    assert opened.curve.alpha.tolist() == [-1.0]
    version = opened.version
    growing.put((8, 0), 3.0, 0.5, 0.1, 3)
    look(workspace)
    assert opened.version > version
    assert opened.curve.loss.tolist() == [2.0, 3.0]
    curve.save(folder / "curve.npz")
    run.emit(Done(1.0))
    look(workspace)
    assert workspace.curves.open == [opened]
    np.testing.assert_array_equal(opened.curve.loss, curve.loss[:, 0])
    open_path(workspace, curve.save(tmp_path / "other.npz"))
    open_path(workspace, folder)
    assert workspace.curves.shown is opened
    workspace.close_curve(opened)
    look(workspace)
    assert [c.name for c in workspace.curves.open] == ["other"]
    show_again(workspace, workspace.runs.of(folder))
    look(workspace)
    assert [c.name for c in workspace.curves.open] == ["other", "line"]


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


def test_an_import_is_a_training_run_to_the_window(workspace, tmp_path):
    settings = ImportSettings(checkpoints=("a.pt",), model="resnet20", data="cifar10")
    run = Run.create(tmp_path / "runs" / "mine", settings)
    run.emit(Metric(0.0, 0.1, math.nan, math.nan, 1.5, 0.5))
    run.emit(Done(1.0))
    assert open_path(workspace, run.folder)
    look(workspace)
    assert [entry.name for entry in workspace.runs.trained] == ["mine"]
    assert workspace.runs.selected.metrics[0].test_loss == 1.5
    (found, *_) = all_trained(workspace.runs.trained)
    assert (found.task, found.data) == ("classifier", "cifar10")
    assert (found.name, found.about) == ("mine", f"resnet20 on cifar10, 50.0 %, {date.today()}")
    assert data_of(str(run.folder)) == "cifar10"
    with pytest.raises(IsolossError, match="is a training run: cut a surface"):
        load(run.folder)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("python:Net", "Probe, paused at 30 % (its script resumes it)"),
        ("runs/net", "Probe, paused at 30 %"),
    ],
)
def test_who_resumes_a_run_that_is_paused(workspace, tmp_path, source, said):
    run = Run.create(tmp_path / "runs" / "p", ProbeSettings(source=Path(source)))
    for event in (Started(1, "cpu"), Progress("probe", 3, 10, 1.0), Paused()):
        run.emit(event)
    followed = workspace.runs.select(run.folder)
    assert status_text(followed) == said
    assert can_resume(followed) is (source == "runs/net")


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
