"""The stories of the welcome: those that ship are whole, and what is missing or odd is left out."""

import json

import pytest

from isoloss.app.state.opening.stories import stories
from isoloss.geometry.files.reading import load
from isoloss.resources import resource_folder
from isoloss.scene.files.session import load_session

GALLERY = resource_folder("data") / "gallery"
MOST = 30_000_000


@pytest.fixture
def gallery(tmp_path):
    """A list of two stories whose files are all there."""
    for name in ("a.ply", "b.ply", "one.isoloss", "two.isoloss"):
        (tmp_path / name).write_text("")
    entry = {
        "title": "One", "sentences": ["A.", "B.", "C."], "session": "one.isoloss",
        "layers": [{"file": "a.ply"}, {"file": "b.ply"}],
    }  # fmt: skip
    return tmp_path, [entry, entry | {"title": "Two", "session": "two.isoloss"}]


def listed(folder, entries):
    (folder / "stories.json").write_text(json.dumps({"schema": 1, "stories": entries}))
    return [story.title for story in stories(folder)]


def test_those_are_told_whose_files_are_there(gallery):
    folder, entries = gallery
    assert listed(folder, entries) == ["One", "Two"]
    first = stories(folder)[0]
    assert first.session == folder / "one.isoloss"
    assert first.files == (folder / "a.ply", folder / "b.ply")
    assert first.sentences == ("A.", "B.", "C.")
    (folder / "two.isoloss").unlink()
    assert listed(folder, entries) == ["One"]
    (folder / "b.ply").unlink()
    assert listed(folder, entries) == []


@pytest.mark.parametrize(
    "odd",
    [
        None, "text", {}, {"title": 3}, {"sentences": "A."}, {"sentences": [1, 2, 3]},
        {"layers": []}, {"layers": ["a.ply"]}, {"layers": [{"file": None}]}, {"session": ["x"]},
    ],
)  # fmt: skip
def test_what_is_no_story_is_left_out(gallery, odd):
    folder, (first, second) = gallery
    wrong = first | odd if isinstance(odd, dict) and odd else odd
    assert listed(folder, [wrong, second]) == ["Two"]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"stories": 3}', '{"stories": {"a": 1}}'])
def test_a_damaged_list_has_no_stories(tmp_path, content):
    (tmp_path / "stories.json").write_text(content)
    assert stories(tmp_path) == []
    assert stories(tmp_path / "none") == []


def test_what_ships_is_whole():
    entries = json.loads((GALLERY / "stories.json").read_text(encoding="utf-8"))["stories"]
    told = stories()
    assert len(told) == len(entries) >= 1
    for story, entry in zip(told, entries, strict=True):
        assert len(story.sentences) == 3
        assert all(s.endswith(".") and len(s) <= 190 for s in story.sentences)
        assert len(story.title) <= 50
        document = load_session(story.session)
        assert document.arrangement == 2
        shown = [[layer.source for layer in view.shown] for view in document.shown_views]
        assert shown == [[file] for file in story.files]
        for file, layer in zip(story.files, entry["layers"], strict=True):
            assert load(file).is_complete
            assert layer["command"].startswith("isoloss probe ")
            assert (GALLERY.parents[1] / layer["script"]).is_file()
        assert entry["source"]
    named = {"stories.json", *(f.name for s in told for f in (s.session, *s.files))}
    stray = {f.name for f in GALLERY.iterdir() if "-trajectory" not in f.name} - named
    assert stray == set()
    assert sum(file.stat().st_size for file in GALLERY.iterdir()) <= MOST


def test_nothing_that_ships_names_a_folder_of_who_made_it():
    for file in GALLERY.iterdir():
        head = file.read_bytes()[:20_000]
        assert b'"/' not in head, file.name
        assert b":/" not in head.replace(b"://", b""), file.name
