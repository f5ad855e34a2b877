"""Which runs are compared, in which colours, and what is pointed at."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isoloss.app.state.messages import Messages
from isoloss.app.state.runs.library_watch import LibraryWatch
from isoloss.app.state.runs.lines_in_plots import Lines, dashes, thinned
from isoloss.app.state.runs.run_comparison import RunComparison
from isoloss.app.state.runs.run_table import RunTable
from isoloss.cli.main import main
from isoloss.events import Metric, Started
from isoloss.library.about import About
from isoloss.library.library import Library
from isoloss.run import Run
from isoloss.scene.files.session import Compared
from isoloss.settings import TrainSettings


@pytest.fixture
def begin(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))

    def begin(name, k=0):
        run = Run.create(tmp_path / "runs" / name, TrainSettings(seed=k))
        run.emit(Started(1, "cpu"))
        run.emit(Metric(0, 0.1, 2.0, 0.5, 2.0, 0.5))
        return run

    return begin


@pytest.fixture
def library(begin, tmp_path):
    for k, name in enumerate("abc"):
        begin(name, k)
    library = Library([tmp_path / "runs"])
    library.scan()
    return library


@pytest.fixture
def comparison(library, tmp_path):
    return RunComparison(RunTable(library, Messages(tmp_path)), LibraryWatch(library))


def of(library, *names):
    return [next(e for e in library.entries if e.folder.name == name) for name in names]


def compared(comparison, now=0.0):
    comparison.update(now)
    shown = comparison.shown
    return dict(zip(shown.comparison.names, shown.places, strict=True))


def test_runs_that_are_chosen_are_compared_and_one_alone_changes_nothing(comparison, library):
    table = comparison._table
    table.chosen = {e.folder for e in of(library, "a", "c")}
    assert compared(comparison) == {"a": 0, "c": 1}
    table.chosen = {of(library, "b")[0].folder}
    assert compared(comparison) == {"a": 0, "c": 1}
    comparison.clear()
    assert compared(comparison) == {}


def test_a_run_keeps_its_colour_whoever_comes_and_goes(comparison, library):
    comparison.compare(of(library, "a", "b"))
    assert compared(comparison) == {"a": 0, "b": 1}
    comparison.compare(of(library, "b", "c"))
    assert compared(comparison) == {"c": 0, "b": 1}


def test_the_runs_of_a_tag_are_followed(comparison, library, begin):
    for entry in of(library, "a", "b"):
        library.describe(entry.folder, About(tags=("sweep",)))
    assert comparison.tags == ["sweep"]
    comparison.compare_tag("sweep")
    assert set(compared(comparison)) == {"a", "b"}
    library.describe(of(library, "c")[0].folder, About(tags=("sweep",)))
    assert set(compared(comparison)) == {"a", "b", "c"}


def test_runs_at_work_grow(comparison, library):
    # Held by nobody they are paused; told to be at work they are read again after a second.
    library.entries = tuple(replace(entry, state="running") for entry in library.entries)
    library.version += 1
    comparison.compare(library.entries)
    compared(comparison)
    Run.open(of(library, "a")[0].folder).emit(Metric(1, 0.1, 1.0, 0.5, 1.0, 0.5))
    assert not comparison.update(0.5)
    assert comparison.update(1.1)
    first = comparison.charts[0].traces[0]
    assert first.ys.tolist() == [2.0, 1.0]


def test_hidden_runs_and_what_is_pointed_at(comparison, library):
    comparison.compare(library.entries)
    compared(comparison)
    a, b = of(library, "a", "b")
    comparison.toggle(a)
    assert [comparison.is_drawn(k) for k in range(3)] == [False, True, True]
    comparison.pointed = b.folder
    assert comparison.lit == 1
    comparison.show_alone(b)
    assert [comparison.is_drawn(k) for k in range(3)] == [False, True, False]
    comparison.chart = "accuracy"
    assert [c.name for c in comparison.charts] == ["accuracy"]
    comparison.chart = "radius"  # which these runs have not
    assert len(comparison.charts) == 3


def test_its_command_line_draws_the_same(comparison, library, tmp_path, capsys):
    comparison.compare(of(library, "a", "b"))
    compared(comparison)
    comparison.compare(of(library, "b", "c"))
    comparison.change(smooth=0.5, log=True, parts=("test",), along="time")
    compared(comparison)
    comparison.compare(of(library, "b"))
    compared(comparison)
    comparison.hidden = set()
    words = comparison.command(str(tmp_path / "x.svg"), theme="dark")
    assert words[:2] == ["compare", str(of(library, "b")[0].folder)]
    assert words[-2:] == ["--colours", "1"]
    assert main(words) == 0
    assert Path(tmp_path / "x.svg").exists()


def test_errands_are_run_by_the_thread_of_the_watch(library):
    watch, done, ran_in = LibraryWatch(library), threading.Event(), []

    def work(pause):
        pause()
        ran_in.append(threading.current_thread().name)
        done.set()

    watch.soon(work)
    assert ran_in == [threading.current_thread().name]  # where no thread is
    done.clear()
    watch.start()
    watch.soon(work)
    assert done.wait(20)
    watch.stop()
    assert ran_in[1] == "library"


def test_the_nearest_line_is_found():
    xs = np.array([0.0, 1.0, 2.0])
    lines = Lines([(xs, xs), (xs, 2 - xs), (xs, np.array([5.0, np.nan, 5.0]))])
    ends, size = ((0.0, 2.0), (0.0, 2.0)), (200.0, 100.0)
    everything = {0, 1, 2}
    assert lines.nearest((50, 72), ends, size, 9, everything) == 0
    assert lines.nearest((50, 28), ends, size, 9, everything) == 1
    assert lines.nearest((50, 28), ends, size, 9, {0}) is None
    assert lines.nearest((100, 0), ends, size, 9, everything) is None
    log = Lines([(xs, np.array([1.0, 10.0, 100.0]))], is_log=True)
    assert log.nearest((100, 50), ((0.0, 2.0), (1.0, 100.0)), size, 2, {0}) == 0


def test_dashes_are_as_long_as_they_are_to_be():
    xs, ys = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])
    ends, size = ((0.0, 2.0), (0.0, 1.0)), (200.0, 100.0)
    found = dashes(xs, ys, ends, size, (6.0, 4.0), is_log=False)
    pixels = np.column_stack([found[0] * 100, found[1] * 100]).reshape(-1, 2, 2)
    lengths = np.hypot(*(pixels[:, 1] - pixels[:, 0]).T)
    whole = np.hypot(100, 100) + 100
    assert len(lengths) == int(np.ceil(whole / 10))
    assert lengths[:10] == pytest.approx(6.0)
    # Every dash lies on the line.
    on_line = np.interp(found[0], xs, ys)
    assert found[1] == pytest.approx(on_line, abs=0.03)


def test_points_that_nobody_would_miss_are_left_out():
    xs = np.linspace(0, 1, 201)
    ys = np.exp(-5 * xs)
    ys[100] = np.nan
    ends, size = ((0.0, 1.0), (0.0, 1.0)), (300.0, 200.0)
    across, up = thinned(xs, ys, ends, size, is_log=False)
    assert len(across) < 80
    assert np.isin([0.0, xs[99], xs[101], 1.0], across).all()
    known = np.isfinite(ys)
    seen = np.interp(xs[known], across[np.isfinite(up)], up[np.isfinite(up)])
    assert np.abs(seen - ys[known]).max() * size[1] < 0.8
    spikes = np.tile([0.0, 1.0], 50)
    assert len(thinned(xs[:100], spikes, ends, size, is_log=False)[0]) == 100


def test_what_cannot_be_compared_is_told(comparison, library, begin, tmp_path):
    outside = Run.create(tmp_path / "elsewhere" / "d", TrainSettings())
    missing = tmp_path / "runs" / "e"
    folders = frozenset([library.entries[0].folder, outside.folder, missing])
    comparison.restore(Compared(folders))
    assert comparison.restored == 1
    assert list(compared(comparison)) == [library.entries[0].folder.name]
    assert (comparison.unlisted, comparison.gone) == ((outside.folder,), (missing,))
    library.folders = [*library.folders, outside.folder.parent]
    library.scan()
    assert "d" in compared(comparison, 1.0)
    assert (comparison.unlisted, comparison.gone) == ((), (missing,))
    comparison.clear()
    comparison.update(1.0)
    assert (comparison.unlisted, comparison.gone) == ((), ())
    comparison.restore(None)
    assert comparison.restored == 1


def test_nothing_is_said_to_be_absent_while_runs_are_looked_for(tmp_path, begin):
    begin("a")
    library = Library([tmp_path / "runs"])
    comparison = RunComparison(RunTable(library, Messages(tmp_path)), LibraryWatch(library))
    comparison.restore(Compared(frozenset([tmp_path / "runs" / "a"])))
    comparison.update(0.0)
    assert (comparison.unlisted, comparison.gone) == ((), ())
    library.scan()
    comparison.update(1.0)
    assert (comparison.unlisted, comparison.gone) == ((), ())
