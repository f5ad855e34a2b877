"""The stories of the gallery appear once their runs are done, and keep what is there until then."""

import json
from pathlib import Path

import numpy as np
import pytest

import make_gallery
from gallery_stories import STORIES
from isoloss.app.state.opening.stories import stories
from isoloss.events import Done
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run
from isoloss.scene.files.session import load_session
from isoloss.settings import ProbeSettings


def done(folder):
    """A run with a surface, the same behind a defense, and two trajectories."""
    run = Run.create(folder, ProbeSettings(source=Path("net"), grid=(5, 5)))
    axis = np.linspace(-1, 1, 5)
    surface = Surface.from_loss(axis, axis, 1 + axis[:, None] ** 2 + axis**2)
    for path in (run.surface_path, run.defended_path):
        surface.save(path)
    way = Trajectory(axis, axis, 2 + axis, 0 * axis, axis + 1, 0 * axis + 0.1, {})
    for name in (None, "other"):
        save_trajectory_ply(way, run.trajectory_path(name), surface)
    run.emit(Done(1.0))


def made(monkeypatch, runs, out):
    monkeypatch.setattr("sys.argv", ["make_gallery.py", str(runs), "--out", str(out), "--draft"])
    make_gallery.main()
    return stories(out)


@pytest.fixture(scope="module")
def all_runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name in {side.run for story in STORIES for side in story.sides}:
        done(folder / name)
    return folder


def test_each_is_told_once_its_runs_are_done(all_runs, tmp_path, monkeypatch):
    told = made(monkeypatch, all_runs, tmp_path)
    assert [story.title for story in told] == [story.title for story in STORIES]
    entries = json.loads((tmp_path / "stories.json").read_text())["stories"]
    for story, found, entry in zip(STORIES, told, entries, strict=True):
        document = load_session(found.session)
        for side, view, layer in zip(
            story.sides, document.shown_views, entry["layers"], strict=True
        ):
            (shown,) = view.shown
            assert (shown.name, shown.hidden) == (side.title, side.hides)
            assert view.title == side.title
            assert layer["command"].startswith("isoloss probe ")
            assert layer["command"].endswith(f"/{side.run}")
            script = make_gallery.ROOT / layer["script"]
            assert script.is_file()


def test_what_is_not_done_is_left_as_it_is_but_for_its_words(all_runs, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    pair = [all_runs / side.run for side in STORIES[0].sides]
    (tmp_path / "runs" / pair[0].name).symlink_to(pair[0])
    out = tmp_path / "gallery"
    assert made(monkeypatch, tmp_path / "runs", out) == []
    (tmp_path / "runs" / pair[1].name).symlink_to(pair[1])
    assert [s.title for s in made(monkeypatch, tmp_path / "runs", out)] == [STORIES[0].title]
    listed = json.loads((out / "stories.json").read_text())
    listed["stories"][0]["sentences"] = ["Long ago."]
    (out / "stories.json").write_text(json.dumps(listed))
    (told,) = made(monkeypatch, tmp_path / "none", out)
    assert told.sentences == STORIES[0].sentences
    assert told.files[0].is_file()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_its_words_have_room(story):
    assert len(story.title) <= 50
    assert all(len(s) <= 100 and s.endswith(".") for s in story.sentences)
