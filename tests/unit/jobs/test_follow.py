"""Runs followed from their events."""

from isoloss.events import Done, Failed, Metric, Progress, Started
from isoloss.jobs.follow import FollowedRun
from isoloss.run import Run
from isoloss.settings import (
    TrainSettings,
)


def test_following_tells_what_a_run_does(tmp_path):
    run = Run.create(tmp_path / "r", TrainSettings())
    followed = FollowedRun(run)
    assert followed.status == "waiting"
    assert not followed.refresh()
    run.emit(Started(1, "cpu"))
    for epoch in (0, 1, 2, 1, 2):  # stopped after 2, resumed from 1
        run.emit(Metric(epoch, 0.1, 1 / (1 + epoch), 0.5))
    run.emit(Progress("train", 5, 10, 2.0, "steps"))
    assert followed.refresh()
    assert followed.status == "running"
    assert [m.epoch for m in followed.metrics] == [0, 1, 2]
    assert followed.progress is not None
    assert (followed.progress.fraction, followed.progress.eta) == (0.5, 2.5)
    run.emit(Failed("no disk"))
    followed.refresh()
    assert (followed.status, followed.failure) == ("failed", "no disk")
    # Nobody holds it: whoever had said "running" was killed.
    run.emit(Started(1, "cpu"))
    assert FollowedRun(run).status == "paused"


def test_a_run_that_another_process_takes_up_is_followed_on(tmp_path):
    run = Run.create(tmp_path / "r", TrainSettings())

    class Killed:
        folders = (run.folder,)
        exit_code = -9

    run.emit(Started(1, "cpu"))
    followed = FollowedRun(run, Killed())
    assert followed.status == "failed"
    assert "signal 9" in followed.failure
    run.emit(Started(2, "cpu"))
    followed.refresh()
    assert followed.status == "running"
    run.emit(Done(1.0))
    followed.refresh()
    assert (followed.status, followed.failure) == ("done", "")


def test_a_queued_run_says_what_it_waits_for(tmp_path):
    runs = [Run.create(tmp_path / n, TrainSettings()) for n in ("first", "second")]

    class Queue:
        folders = tuple(r.folder for r in runs)
        exit_code = None

    followed = [FollowedRun(r, Queue()) for r in runs]
    assert [f.waits_for for f in followed] == ["", "first"]
    runs[1].emit(Started(1, "cpu"))
    followed[1].refresh()
    assert followed[1].waits_for == ""
