"""Which runs the table shows, which are chosen, and what is done to them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from isoloss.app.state.messages import Messages
from isoloss.app.state.runs.library_watch import LibraryWatch
from isoloss.app.state.runs.run_table import RunTable
from isoloss.events import Done, Started
from isoloss.library.library import Library
from isoloss.run import Run
from isoloss.settings import TrainSettings


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for k, name in enumerate("abcd"):
        run = Run.create(tmp_path / "runs" / name, TrainSettings(epochs=k + 1))
        run.emit(Done(1.0))
    table = RunTable(Library([tmp_path / "runs"]), Messages(tmp_path))
    table.library.scan()
    table.sort("name", reverse=False)
    return table


def names(entries):
    return [entry.name for entry in entries]


def test_words_and_order(table):
    assert names(table.shown) == ["a", "b", "c", "d"]
    table.words = "epochs>2"
    table.sort("name", reverse=True)
    assert names(table.shown) == ["d", "c"]
    assert table.shown is table.shown, "nothing is done anew while nothing has changed"


def test_words_that_make_no_sense_are_said_and_find_what_they_found(table):
    table.words = "epochs>2"
    table.words = "epochs>"
    assert table.problem.startswith("say what epochs> is to be")
    assert names(table.shown) == ["c", "d"]
    table.words = ""
    assert (table.problem, names(table.shown)) == ("", ["a", "b", "c", "d"])


def test_runs_are_chosen_one_by_one_and_in_rows(table):
    a, b, c, d = table.shown
    table.choose(b)
    table.choose(d, more=True)
    assert names(table.chosen_entries) == ["b", "d"]
    table.choose(b, more=True)
    assert names(table.chosen_entries) == ["d"]
    table.choose(b, to_here=True)
    assert names(table.chosen_entries) == ["b"]
    table.choose(a)
    table.choose(c, to_here=True)
    assert names(table.chosen_entries) == ["a", "b", "c"]
    table.words = "epochs:2"
    assert names(table.chosen_entries) == ["b"]


def test_what_is_said_is_seen_at_once_and_kept(table):
    a, b = table.shown[:2]
    table.describe([a, b], lambda about: replace(about, tags=("x",)))
    table.toggle_favourite([a])
    table.toggle_favourite([a, b])
    assert [e.about.favourite for e in table.shown] == [True, True, False, False]
    table.toggle_favourite(table.shown[:2])
    assert not any(e.about.favourite for e in table.shown)
    table.library.scan()
    assert [e.about.tags for e in table.shown] == [("x",), ("x",), (), ()]


def test_runs_go_to_the_trash_but_for_one_at_work(table):
    held = Run.open(table.shown[1].folder)
    held.emit(Started(1))
    with held.lock():
        gone = table.to_trash(table.shown[:3])
    assert [folder.name for folder in gone] == ["a", "c"]
    assert names(table.shown) == ["b", "d"]
    said = [line.text for line in table._messages.lines]
    assert "cancel it first" in said[0]
    assert said[-1].startswith("Moved 2 runs to the trash, ")


def test_a_thread_keeps_the_library_in_step(table, tmp_path):
    watch = LibraryWatch(table.library)
    watch.start()
    Run.create(tmp_path / "runs" / "e", TrainSettings())
    watch.look()
    watch.stop()
    watch.look()
    assert "e" in names(table.shown)


def test_what_goes_wrong_in_a_scan_is_told_once_and_ends_no_thread(table, tmp_path, monkeypatch):
    monkeypatch.setattr(table.library, "scan", lambda _: [][0])
    watch, done = LibraryWatch(table.library), threading.Event()
    watch.start()
    watch.look()
    watch.soon(lambda _: done.set())
    assert done.wait(20)
    watch.look()
    watch.stop()
    assert isinstance(watch.defects.get(), IndexError)
    assert watch.defects.empty()


def test_the_memory_of_a_process_is_asked_for_beside_the_frames(table, monkeypatch):
    asked = []

    def memory_of(pid):
        asked.append((pid, threading.current_thread().name))
        return 7

    monkeypatch.setattr("isoloss.app.state.runs.library_watch.memory_of", memory_of)
    monkeypatch.setattr("isoloss.app.state.runs.library_watch.ASKED", 1e9)
    watch, done = LibraryWatch(table.library), threading.Event()
    watch.start()
    watch.memory(11)
    watch.soon(lambda _: done.set())
    assert done.wait(20)
    assert [watch.memory(11), watch.memory(11)] == [7, 7]
    watch.stop()
    assert asked == [(11, "library")], "not with every frame"
