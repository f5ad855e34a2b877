"""Jobs that are asked to stop, are ended, end without a word, or say very much."""

import os
import platform
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from isoloss import event_tail
from isoloss.compute.machine import recording
from isoloss.compute.machine.interrupts import Interrupts
from isoloss.compute.machine.recording import recorded
from isoloss.errors import IsolossError
from isoloss.event_tail import EventTail
from isoloss.events import Done, Failed, Log, Metric, Paused, Progress, Started, to_line
from isoloss.jobs import follow, stopping
from isoloss.jobs.follow import FollowedRun
from isoloss.jobs.stopping import ask_process, end_process
from isoloss.run import Run
from isoloss.settings import TrainSettings


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "r", TrainSettings(device="cpu"))


class Work:
    """What a run needs; it waits until it is interrupted, or for as long as it is told to."""

    device = "cpu"

    def __init__(self, seconds=20.0, after=None):
        self.seconds, self.after = seconds, after

    def resume(self, run):
        yield Log("begun")
        if self.after is not None:
            self.after(run)
        threading.Event().wait(self.seconds)


class Ended:
    """A job that has ended."""

    last_word = ""

    def __init__(self, run, exit_code):
        self.folders, self.exit_code = (run.folder,), exit_code


def last(run):
    return run.events()[-1][1]


def test_a_file_asks_whoever_is_at_work_to_stop(run, monkeypatch):
    monkeypatch.setattr(recording, "LOOK", 0.01)
    monkeypatch.setattr(stopping, "_IS_WINDOWS", True)  # where a signal would end it
    run.stop_path.touch()  # which asked for an earlier stop
    work = Work(after=lambda run: ask_process(run, os.getpid(), ""))
    with pytest.raises(KeyboardInterrupt):
        list(recorded(run, lambda: work))
    assert isinstance(last(run), Paused)
    assert not run.stop_path.exists()


def test_who_is_on_another_machine_is_asked_by_a_file_and_cannot_be_ended(run):
    ask_process(run, os.getpid(), "elsewhere")
    assert run.stop_path.exists()
    with pytest.raises(IsolossError, match="at once: it is on elsewhere"):
        end_process(run, os.getpid(), "elsewhere")


@pytest.mark.parametrize(("act", "code"), [(ask_process, -15), (end_process, -9)])
def test_who_is_on_this_machine_gets_a_signal(run, act, code):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    act(run, sleeper.pid, platform.node())
    assert sleeper.wait(20) == code
    with pytest.raises(IsolossError, match=r"cannot (stop|end the job of) r: No such process"):
        act(run, sleeper.pid, platform.node())


def test_a_job_says_which_process_on_which_machine_it_is(run):
    list(recorded(run, lambda: Work(0)))
    said = [event for _, event in run.events() if isinstance(event, Started)]
    assert {(s.pid, s.host) for s in said} == {(os.getpid(), platform.node())}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_the_end_of_what_is_held_and_a_second_does_not(number):
    before, heard = signal.signal(number, lambda *_: heard.append(len(heard))), []
    try:
        with Interrupts() as interrupts:
            with interrupts.held:
                signal.raise_signal(number)
                assert heard == []
            assert heard == [0]
            with interrupts.held:
                signal.raise_signal(number)
                signal.raise_signal(number)
                assert heard == [0, 1]
            assert heard == [0, 1]
            signal.raise_signal(number)
            assert heard == [0, 1, 2]
        signal.raise_signal(number)
        assert heard == [0, 1, 2, 3]
    finally:
        signal.signal(number, before)


class Interrupted:
    """Is interrupted when it is freed, where Python prints what is raised and goes on."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_has_swallowed_is_heard_at_the_next_event(run):
    went_on = []

    class Loses(Work):
        def resume(self, run):
            yield Log("begun")
            Interrupted()
            went_on.append(1)
            yield Log("on")
            went_on.append(2)

    with pytest.raises(KeyboardInterrupt):
        list(recorded(run, lambda: Loses()))
    assert went_on == [1]
    assert isinstance(last(run), Paused)


def test_who_hears_signals_himself_is_not_interrupted(run):
    before, heard = signal.signal(signal.SIGINT, lambda *_: heard.append(1)), []
    try:
        list(recorded(run, lambda: Work(0, lambda run: signal.raise_signal(signal.SIGINT))))
    finally:
        signal.signal(signal.SIGINT, before)
    assert (heard, type(last(run))) == ([1], Done)


@pytest.mark.parametrize(
    ("exit_code", "asked", "status"),
    [
        (-15, True, "paused"),
        (-9, True, "paused"),
        (1, True, "paused"),
        (130, False, "paused"),  # asked by others, on a disk where it could not say so
        (-9, False, "failed"),
        (1, False, "failed"),
    ],
)
def test_who_was_asked_to_stop_has_not_failed(run, exit_code, asked, status):
    run.emit(Started(1, "cpu"))
    followed = FollowedRun(run, Ended(run, None))
    followed.is_asked_to_stop = asked
    followed.job.exit_code = exit_code
    followed.refresh()
    assert (followed.status, followed.is_asked_to_stop) == (status, False)
    assert "\n" not in followed.failure


def test_why_a_job_has_ended_is_one_line(run, monkeypatch):
    def reason(exit_code, last_word=""):
        followed = FollowedRun(run, Ended(run, None))
        followed.job.last_word, followed.job.exit_code = last_word, exit_code
        followed.refresh()
        return followed.failure

    run.emit(Started(1, "cpu"))
    assert reason(-11).startswith("the job was killed (signal 11); Resume")
    assert reason(3).startswith("the job ended without a word (exit code 3); see ")
    assert reason(1, "MemoryError").startswith("the job ended: MemoryError; more is in ")
    usage = shutil.disk_usage(run.folder)
    monkeypatch.setattr(follow.shutil, "disk_usage", lambda _: usage._replace(free=0))
    assert reason(1, "garbled").startswith(f"the disk of {run.folder} is full: free some")


@pytest.mark.parametrize("job", [True, False])
def test_a_run_whose_folder_is_deleted_is_one_line_and_stays_deleted(run, job):
    run.emit(Started(os.getpid(), "cpu"))
    with run.lock():
        followed = FollowedRun(run, Ended(run, None) if job else None)
        assert followed.status == "running"
        shutil.rmtree(run.folder)
    if job:
        followed.job.exit_code = 1
        followed.refresh()
    else:
        assert followed.look_for_end()
    assert followed.status == "failed"
    assert followed.failure == f"{run.folder} is gone: it was moved or deleted"
    assert not run.is_held
    for write in (lambda: run.emit(Done(1.0)), lambda: list(recorded(run, Work))):
        with pytest.raises(IsolossError, match="is gone: it was moved or deleted"):
            write()
    assert not run.folder.exists()


def test_a_job_whose_folder_is_deleted_ends_at_its_next_word(run):
    work = Work(0, after=lambda run: shutil.rmtree(run.folder))
    work.resume, resume = lambda run: iter([*resume(run), Log("more")]), work.resume
    with pytest.raises(IsolossError, match="is gone: it was moved or deleted"):
        list(recorded(run, lambda: work))
    assert not run.folder.exists()


def test_an_end_that_others_jobs_do_not_tell_is_seen(run):
    run.emit(Started(os.getpid(), "cpu"))
    with run.lock():
        followed = FollowedRun(run)
        assert followed.status == "running"
        assert not followed.look_for_end()
    assert followed.look_for_end()
    assert followed.status == "failed"
    assert followed.failure == "the job was killed; Resume does what is missing"
    run.emit(Failed("no memory"))
    assert followed.refresh()
    assert followed.failure == "no memory"


def test_very_much_of_a_run_is_taken_in_piece_by_piece(run, monkeypatch):
    most = 50
    monkeypatch.setattr(event_tail, "_CHUNK", 1 << 14)
    monkeypatch.setattr(follow, "MOST", most)
    progress = [Progress("train", k, 900, 1.0, "steps") for k in range(900)]
    curve = [Metric(k, 0.1, 1.0, 0.5) for k in range(3 * most)]
    logs = [Log(f"line {k}") for k in range(2 * most)]
    events = [Started(1, "cpu"), *progress[:600], *curve, *logs, *progress[600:], Done(7.0)]
    with run.events_path.open("a") as file:
        file.writelines(to_line(event, 0.0) + "\n" for event in events)
    followed, looks = FollowedRun(run), 1
    while followed.is_behind:
        before = len(followed.metrics) + len(followed.log)
        assert followed.status == "running"
        assert followed.refresh()
        assert len(followed.metrics) + len(followed.log) <= before + most
        looks += 1
    assert looks > 8
    assert (followed.status, followed.seconds) == ("done", 7.0)
    assert followed.metrics == curve
    assert followed.log == [log.message for log in logs]
    assert followed.progress == progress[-1]
    assert [event for _, event in EventTail(run.events_path).read()] == events


def test_a_line_without_an_end_holds_nothing_up(run):
    with run.events_path.open("a") as file:
        file.write("x" * (5 << 19) + "\n" + to_line(Done(1.0), 0.0) + "\n")
    followed = FollowedRun(run)
    for _ in range(5):
        followed.refresh()
    assert followed.status == "done"
    assert not followed.is_behind


def test_megabytes_of_a_jobs_output_leave_its_last_word(tmp_path, monkeypatch):
    from isoloss.jobs import job, process

    run = Run.create(tmp_path / "r", TrainSettings(device="cpu"))
    (run.folder / "job.log").write_text("isoloss: of a job before\n")
    loud = "import sys; [sys.stderr.write('x' * 99 + chr(10)) for _ in range(50_000)]; "
    spawned = []

    def spawn(_, nice, **options):
        code = f"{loud}sys.exit('isoloss: no more')"
        spawned.append(subprocess.Popen([sys.executable, "-c", code], **options))
        return spawned[-1]

    monkeypatch.setattr(job, "spawn", spawn)
    assert process.spawn is not spawn
    begun = job.Job([run.folder])
    assert begun.last_word in ("", "x" * 99, "no more")
    assert begun.wait(60) == 1
    assert begun.last_word == "no more"
    assert (run.folder / "job.log").stat().st_size > 5_000_000
    followed = FollowedRun(run, begun)
    assert followed.status == "failed"
    assert followed.failure.startswith("the job ended: no more; more is in ")


def test_what_cannot_be_written_at_a_stop_is_no_other_failure(run, monkeypatch):
    def full(_self, event):
        if isinstance(event, Paused):
            raise IsolossError("cannot write: No space left on device")

    monkeypatch.setattr(Run, "emit", full)
    steps = recorded(run, lambda: Work(after=lambda _: signal.raise_signal(signal.SIGINT)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(steps)
    finally:
        signal.signal(signal.SIGINT, before)
