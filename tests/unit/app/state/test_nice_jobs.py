"""Jobs of the window leave the processors to others, unless its user will have it otherwise."""

import pytest

from isoloss.app.dialogs import renderings
from isoloss.app.state import workspace as module
from isoloss.app.state.config import Preferences
from isoloss.app.state.messages import Messages
from isoloss.app.state.workspace import Workspace
from isoloss.settings import TrainSettings


class Begun:
    """Stands for a job of any kind."""

    exit_code, pid, is_done = None, 0, False

    def __init__(self, *_, nice):
        self.nice = nice


@pytest.fixture(autouse=True)
def no_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(module, "Job", Begun)
    monkeypatch.setattr(module, "TrialJob", Begun)
    monkeypatch.setattr(renderings, "RenderJob", Begun)


def test_all_kinds_of_jobs_do_and_what_is_chosen_holds_from_the_next_one_on(tmp_path):
    preferences = Preferences()
    workspace = Workspace(tmp_path, preferences)
    drawn = renderings.Renderings(Messages(tmp_path), preferences)
    for turn, nice in enumerate((True, False, True)):
        preferences.nice_jobs = nice
        run = workspace.runs.start(tmp_path / f"runs/{turn}", TrainSettings())
        workspace.runs.queue.ended(run.run.folder)
        workspace.runs.forget(run)
        workspace.foresight.begin_trials([TrainSettings()])
        drawn.compare([], tmp_path / "out.png")
        drawn.start(lambda folder: folder, tmp_path / "out.png", [])
        found = [run.job, workspace.foresight.trial, *(r.job for r in drawn.active[-2:])]
        assert [job.nice for job in found] == [nice] * 4


def test_the_choice_is_remembered_and_is_on_at_first():
    assert Preferences.load().nice_jobs
    Preferences(nice_jobs=False).save()
    assert not Preferences.load().nice_jobs
