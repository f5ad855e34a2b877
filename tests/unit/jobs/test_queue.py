"""Runs that wait for a device: their order, their limits, on disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

import filelock
import pytest

from isoloss.cli.main import main
from isoloss.errors import IsolossError
from isoloss.events import Done, Started
from isoloss.jobs import devices
from isoloss.jobs.devices import device_of, is_alive, memory_of, parsed_gpu_memory
from isoloss.jobs.queue import Queue
from isoloss.run import Run
from isoloss.settings import TrainSettings

HERE = os.getpid()


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(devices, "usual_device", lambda: "cpu")
    return tmp_path / "config"


@pytest.fixture
def run(tmp_path):
    def run(name, device="cpu"):
        return Run.create(tmp_path / name, TrainSettings(device=device)).folder

    return run


def begun(queue, busy=None):
    """The names of the runs that are begun now, each by a process that goes on: this one."""
    return [folder.name for folder in queue.begin_due(lambda _: HERE, busy or {})]


def names(queue):
    return [folder.name for folder in queue.waiting]


def test_one_job_at_once_on_each_device(run):
    queue = Queue()
    queue.add(
        [run("a"), run("b", "auto"), run("c", "cuda"), run("d", "cuda:1"), run("e", "cuda:0")]
    )
    assert begun(queue) == ["a", "c", "d"]
    assert names(queue) == ["b", "e"]
    assert begun(queue) == []
    assert {job.folder.name: job.device for job in queue.at_work} == {
        "a": "cpu",
        "c": "cuda:0",
        "d": "cuda:1",
    }


def test_more_where_the_limit_says_so_and_none_where_it_says_that(run):
    queue = Queue()
    queue.add([run(name) for name in "abc"])
    queue.set_limit("cpu", 0)
    assert begun(queue) == []
    queue.set_limit("cpu", 2)
    assert begun(queue) == ["a", "b"]
    assert Queue().limit("cpu") == 2


def test_jobs_that_others_have_begun_count_too(run, tmp_path):
    queue = Queue()
    queue.add([run("a"), run("b")])
    assert begun(queue, {tmp_path / "other": "cpu"}) == []
    assert begun(queue, {tmp_path / "other": "cuda:0"}) == ["a"]
    assert begun(queue, {tmp_path / "b": "cuda:0"}) == []
    assert names(queue) == [], "b is at work already"


def test_the_order_can_be_changed(run):
    queue = Queue()
    folders = [run(name) for name in "abcd"]
    queue.add(folders)
    queue.add(folders[:2])
    queue.move(folders[3], 0)
    queue.move(folders[0], 2)
    assert names(queue) == ["d", "b", "a", "c"]
    queue.remove(folders[1])
    queue.move(folders[1], 0)
    assert names(queue) == ["d", "a", "c"]


def test_it_outlives_the_process_and_is_one_for_all(run):
    first, second = Queue(), Queue()
    first.add([run("a"), run("b")])
    assert second.refresh()
    assert names(second) == ["a", "b"]
    second.remove(second.waiting[0])
    assert begun(first) == ["b"]
    assert second.refresh()
    assert not second.refresh()
    assert [job.folder.name for job in second.at_work] == ["b"]


def test_the_next_comes_when_a_job_has_ended(run):
    queue = Queue()
    queue.add([run("a"), run("b")])
    process = subprocess.Popen([sys.executable, "-c", ""])
    assert [f.name for f in queue.begin_due(lambda _: process.pid, {})] == ["a"]
    process.wait()
    assert begun(queue) == ["b"]


@pytest.mark.parametrize("jump", [-7200, 7200])
def test_a_clock_that_is_set_begins_no_job_too_many(run, monkeypatch, jump):
    queue = Queue()
    queue.add([run("a"), run("b")])
    assert begun(queue) == ["a"]
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    assert begun(Queue()) == []  # though nobody holds it yet
    assert names(queue) == ["b"]


def test_the_next_comes_when_whoever_began_a_job_says_that_it_has_ended(run):
    queue = Queue()
    queue.add([run("a"), run("b")])
    begun(queue)
    queue.ended(queue.waiting[0])
    assert begun(queue) == []
    queue.ended(queue.at_work[0].folder)
    assert begun(queue) == ["b"]


def test_what_needs_no_beginning_leaves_the_queue(run, tmp_path):
    queue = Queue()
    folders = [run(name) for name in ("done", "held", "gone", "broken", "left")]
    queue.add(folders)
    done = Run.open(folders[0])
    done.checkpoints.mkdir()
    done.points_path.write_text("{}")
    done.emit(Done(1.0))
    (folders[2] / "run.json").unlink()
    (folders[3] / "run.json").write_text("{")
    with Run.open(folders[1]).lock():
        assert begun(queue) == ["left"]
        assert names(queue) == ["held"]
        queue.ended(folders[4])
        assert begun(queue) == []
    assert begun(queue) == ["held"], "its process has ended, and it is not done"


def test_what_cannot_be_begun_leaves_the_queue_and_holds_nobody_up(run):
    queue = Queue()
    queue.add([run("a"), run("b")])

    def begin(folder):
        if folder.name == "a":
            raise IsolossError("no memory for a process")
        return HERE

    assert [folder.name for folder in queue.begin_due(begin, {})] == ["b"]
    assert names(queue) == []


def test_a_kill_between_beginning_and_noting_it_begins_no_run_twice(run):
    queue = Queue()
    queue.add([run("a")])

    def killed(folder):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        queue.begin_due(killed, {})
    later = Queue()
    assert names(later) == ["a"]
    run = Run.open(later.waiting[0])
    with run.lock():  # the process has come up meanwhile
        assert begun(later) == []
    run.checkpoints.mkdir()
    run.points_path.write_text("{}")
    run.emit(Done(1.0))
    assert begun(later) == []
    assert names(later) == []


@pytest.mark.parametrize(
    "content",
    [
        "{", "[]", '{"waiting": 3}', '{"limits": {"cpu": "many"}}', '{"limits": {"cpu": Infinity}}',
        '{"at_work": [{"pid": 1}]}', "",
    ],
)  # fmt: skip
def test_a_damaged_file_is_an_empty_queue(config, run, content):
    config.mkdir()
    (config / "queue.json").write_text(content)
    queue = Queue()
    assert (queue.waiting, queue.limit("cpu"), queue.at_work) == ((), 1, ())
    queue.add([run("a")])
    assert names(Queue()) == ["a"]


def test_where_it_cannot_be_written_it_lasts_as_long_as_the_window(config, run):
    config.write_text("no folder")
    queue = Queue()
    queue.add([run("a"), run("b")])
    assert begun(queue) == ["a"]
    assert names(queue) == ["b"]


def test_changes_by_many_at_once_are_all_kept(run):
    folders = [run(f"r{k}") for k in range(12)]
    threads = [threading.Thread(target=lambda f=f: Queue().add([f])) for f in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(Queue())) == sorted(folder.name for folder in folders)


def test_while_another_process_changes_it_nothing_is_begun(config, run):
    queue = Queue()
    queue.add([run("a")])
    with filelock.FileLock(config / "queue.lock"):
        assert begun(queue) == []
    assert begun(queue) == ["a"]


def test_the_id_of_a_job_may_be_anothers_by_now(run, config):
    queue = Queue()
    queue.add([run("a"), run("b")])
    begun(queue)
    content = json.loads(queue.path.read_text())
    content["at_work"][0]["began"] = time.monotonic() - 3600
    queue.path.write_text(json.dumps(content))
    assert begun(queue) == ["b"], "this process lives, but it does not hold a"


def test_devices_by_the_names_that_one_asks_by(monkeypatch):
    assert [device_of(name) for name in ("cpu", "cuda", "cuda:1", "mps")] == [
        "cpu", "cuda:0", "cuda:1", "mps"
    ]  # fmt: skip
    monkeypatch.setattr(devices, "usual_device", lambda: "cuda")
    assert device_of("auto") == "cuda:0"


def test_the_memory_of_a_process():
    block = bytearray(os.urandom(1 << 16) * 800)  # 52 MB
    assert memory_of(HERE) > len(block)
    assert memory_of(2**22 + 1) == 0
    assert parsed_gpu_memory("12, 300\n13, 5\n12, 1\nno processes\n7, [N/A]\n") == {
        12: 301 << 20,
        13: 5 << 20,
        7: 0,
    }


def test_a_process_that_has_ended_is_not_alive_though_nobody_has_asked():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert is_alive(process.pid)
    process.kill()
    deadline = time.monotonic() + 20
    while is_alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(process.pid)
    assert not is_alive(2**70)
    process.wait()


class StandIn:
    """A job that ends at once; of the run `bad` it fails."""

    begun: ClassVar[list[str]] = []
    nice: ClassVar[list[bool]] = []

    def __init__(self, folders, *, nice):
        self.nice.append(nice)
        self.begun.append(folders[0].name)
        Run.open(folders[0]).emit(Started(1))
        self.pid, self.exit_code = HERE, int(folders[0].name == "bad")


def test_the_command_line_lists_changes_and_works_it_off(run, capsys, monkeypatch):
    StandIn.begun.clear()
    StandIn.nice.clear()
    monkeypatch.setattr("isoloss.cli.queue_verb.Job", StandIn)
    monkeypatch.setattr("isoloss.cli.queue_verb.POLL", 0.0)
    monkeypatch.setattr("isoloss.jobs.queue.is_alive", lambda pid: False)
    folders = {name: str(run(name)) for name in ("a", "bad", "c", "d")}
    assert main(["queue"]) == 0
    assert capsys.readouterr().out == "nothing waits\n"
    assert main(["queue", *folders.values()]) == 0
    assert main(["queue", folders["c"], "--first"]) == 0
    assert main(["queue", folders["d"], "--remove", "--at-once", "cpu", "2"]) == 0
    said = capsys.readouterr().out.splitlines()[-3:]
    assert [Path(line.split()[1]).name for line in said] == ["c", "a", "bad"]
    assert Queue().limit("cpu") == 2
    assert main(["queue", "--work", "--nice"]) == 1
    assert StandIn.begun == ["c", "a", "bad"]
    assert StandIn.nice == [True] * 3
    assert capsys.readouterr().out.count("done  ") == 2
    assert main(["queue", "--first"]) == 2
    assert main(["queue", "--at-once", "cpu", "many"]) == 2


def test_several_that_are_the_next_keep_their_order(run, capsys):
    a, b, c = (str(run(name)) for name in "abc")
    assert main(["queue", a]) == 0
    assert main(["queue", b, c, "--first"]) == 0
    assert names(Queue()) == ["b", "c", "a"]


class AtWork:
    """A job that is at work until it is asked to stop, or its run is gone."""

    def __init__(self, folders, *, nice):
        self.folder, self.pid, self.is_stopped = folders[0], HERE, False

    @property
    def exit_code(self):
        if self.is_stopped:
            return 130
        was_there = self.folder.exists()
        if self.folder.name == "gone":
            shutil.rmtree(self.folder, ignore_errors=True)
        return None if was_there else 1

    def cancel(self):
        self.is_stopped = True

    def wait(self):
        return self.exit_code


def test_what_is_interrupted_can_be_gone_on_with_as_it_says(run, capsys, monkeypatch):
    monkeypatch.setattr("isoloss.cli.queue_verb.Job", AtWork)
    Queue().add([run("a"), run("b")])

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("isoloss.cli.queue_verb.time.sleep", interrupt)
    assert main(["queue", "--work"]) == 130
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"paused; go on with: isoloss run {run('a')}"
    assert said[1].endswith("isoloss queue --work")
    assert names(Queue()) == ["b"]


def test_a_run_that_is_deleted_under_its_job_is_one_that_failed(run, capsys, monkeypatch):
    monkeypatch.setattr("isoloss.cli.queue_verb.Job", AtWork)
    monkeypatch.setattr("isoloss.cli.queue_verb.POLL", 0.0)
    Queue().add([run("gone")])
    assert main(["queue", "--work"]) == 1
    assert capsys.readouterr().out.count("failed  ") == 1


def test_a_run_may_wait_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("isoloss.work.prepare", lambda settings: None)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--epochs", "2", "--queue"]) == 0
    assert main(["train", "--sweep", "seed=1,2", "--queue"]) == 0
    assert names(Queue()) == ["vgg11-digits", "vgg11-digits-seed1", "vgg11-digits-seed2"]
    assert not (tmp_path / "runs" / "vgg11-digits" / "events.jsonl").exists()
