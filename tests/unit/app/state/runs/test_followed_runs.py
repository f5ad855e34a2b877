"""Runs that the window began or found: listed, followed, queued, cancelled; what grows is shown."""

from __future__ import annotations

import itertools
import math
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from isoloss.app.panels.jobs_panel import status_text
from isoloss.app.state.config import Preferences
from isoloss.app.state.forms.trained import all_trained, data_of
from isoloss.app.state.opening.opener import open_path, show_again
from isoloss.app.state.workspace import Workspace
from isoloss.errors import IsolossError
from isoloss.events import Done, Failed, Log, Metric, Paused, Progress, Started
from isoloss.geometry.files.reading import load
from isoloss.geometry.growing import GrowingSurface
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


LATER = itertools.count(1e9, 100)


def look(workspace):
    """Let the workspace look, however short ago it last did."""
    workspace.update(next(LATER))


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


def test_a_suggested_folder_is_free_once_a_run_was_begun(tmp_path):
    runs, settings = Workspace(tmp_path, Preferences()).runs, TrainSettings()
    first = runs.suggest(settings)
    assert runs.suggest(settings) == first
    runs.follow(Run.create(first, settings))
    assert runs.suggest(settings) == first.with_name(f"{first.name}-2")
    assert runs.suggest(settings, ["a"]) == first, "a sweep takes up only names with its suffixes"
