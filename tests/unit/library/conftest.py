"""A library of runs in a folder of the test's own."""

from __future__ import annotations

import json
import os

import pytest

from isoloss.library.library import Library
from isoloss.run import Run
from isoloss.settings import TrainSettings


@pytest.fixture(autouse=True)
def users_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def begin(folder):
    """Begins a run with a name, settings and what its events say, from a moment on."""

    def begin(name, settings=None, *events, at=1000.0):
        run = Run.create(folder / name, settings or TrainSettings())
        lines = [_line(event, at + k) for k, event in enumerate(events)]
        run.events_path.write_text("".join(lines))
        os.utime(run.folder / "run.json", (at, at))
        return run

    return begin


def _line(event, time):
    from isoloss.events import to_line

    return to_line(event, time) + "\n"


@pytest.fixture
def scanned(folder):
    """The entries of all runs by their folders' names, from a library without a cache."""

    def scanned(*folders):
        library = Library(folders or (folder,))
        library.scan()
        return {entry.folder.name: entry for entry in library.entries}

    return scanned


@pytest.fixture
def rewrite(folder):
    """Changes what the `run.json` of a run says."""

    def rewrite(name, change):
        path = folder / name / "run.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return rewrite
