"""A library is in step with the disk, and reads only what has changed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from isoloss.errors import IsolossError
from isoloss.events import Done, Failed, Started
from isoloss.library import library as library_module
from isoloss.library.about import About, read_about, read_kept, write_about
from isoloss.library.columns import difference
from isoloss.library.library import Library
from isoloss.library.trash import to_trash
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings


@pytest.fixture
def reads(monkeypatch):
    """The names of the runs that are read."""
    names = []
    usual = library_module.read_entry

    def read(folder, kept):
        names.append(folder.name)
        return usual(folder, kept)

    monkeypatch.setattr(library_module, "read_entry", read)
    return names


def names(library):
    return [entry.folder.name for entry in library.entries]


def test_runs_are_listed_newest_first_from_all_folders(begin, folder, tmp_path):
    begin("old", None, Done(1.0), at=1000.0)
    begin("new", None, Done(1.0), at=3000.0)
    (tmp_path / "other" / "sweep").mkdir(parents=True)
    begin("between", None, Done(1.0), at=2000.0)
    shutil.move(folder / "between", tmp_path / "other" / "sweep" / "between")
    (folder / ".trash").mkdir()
    shutil.copytree(folder / "old", folder / ".trash" / "hidden")
    library = Library([folder, tmp_path / "other", tmp_path / "gone", folder / "new"])
    assert library.scan()
    assert names(library) == ["new", "between", "old"]


def test_only_what_has_changed_is_read_again(begin, folder, reads, tmp_path):
    for k in range(5):
        begin(f"r{k}", None, Started(1), Done(1.0), at=1000.0 + k)
    cache = tmp_path / "cache"
    library = Library([folder], cache)
    assert library.scan()
    assert not library.scan()
    assert sorted(reads) == [f"r{k}" for k in range(5)]
    version = library.version
    reads.clear()

    Run.open(folder / "r3").emit(Failed("no disk"))
    write_about(folder / "r1", About(tags=("x",)))
    shutil.rmtree(folder / "r0")
    begin("r5", at=9000.0)
    assert library.scan()
    assert sorted(reads) == ["r1", "r3", "r5"]
    assert names(library) == ["r5", "r4", "r3", "r2", "r1"]
    assert library.of(folder / "r3").problem == "no disk"
    assert library.version > version

    library.keep()
    reads.clear()
    again = Library([folder], cache)
    again.scan()
    assert again.entries == library.entries
    assert reads == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]\n[2]", b"\xff\xff"])
def test_a_damaged_cache_is_read_past(begin, folder, reads, tmp_path, content):
    begin("r")
    first = Library([folder], tmp_path / "cache")
    first.scan()
    first.keep()
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(content)
    reads.clear()
    library = Library([folder], tmp_path / "cache")
    library.scan()
    assert names(library) == reads == ["r"]
    library.keep()
    again = Library([folder], tmp_path / "cache")
    again.scan()
    assert reads == ["r"]


def test_a_first_scan_shows_what_it_has_so_far(begin, folder, monkeypatch):
    for k in range(4):
        begin(f"r{k}", at=1000.0 + k)
    monkeypatch.setattr(library_module, "PARTLY", -1.0)
    library, seen = Library([folder]), []
    library.scan(lambda: seen.append(len(library.entries)))
    assert seen == [0, 1, 2, 3]
    seen.clear()
    library.scan(lambda: seen.append(len(library.entries)))
    assert seen == [4, 4, 4, 4]


def test_a_run_at_work_is_paused_when_its_process_is_gone(begin, folder):
    run = begin("r", None, Started(1))
    library = Library([folder])
    with run.lock():
        library.scan()
        assert library.entries[0].state == "running"
    assert library.scan()
    assert library.entries[0].state == "paused"


def test_what_differs_is_told_against_the_run_of_its_kind_before(begin, folder):
    begin("a", TrainSettings(epochs=5), at=1.0)
    begin("p", ProbeSettings(source=Path("digits-classifier")), at=2.0)
    begin("b", TrainSettings(epochs=5, lr=0.1, seed=3), at=3.0)
    begin("q", ProbeSettings(source=Path("digits-classifier"), grid=(5, 7)), at=4.0)
    begin("c", TrainSettings(epochs=5, lr=0.1, seed=3), at=5.0)
    library = Library([folder])
    library.scan()
    assert {e.folder.name: e.differs for e in library.entries} == {
        "a": {},
        "b": {"lr": 0.1, "seed": 3},
        "c": {},
        "p": {},
        "q": {"grid": [5, 7]},
    }
    told = {e.folder.name: difference(e) for e in library.entries}
    assert told["b"] == "Seed 3, Learning rate 0.1"
    assert told["q"] == "Grid 5×7"


def test_ranges_and_negative_numbers_are_told_as_people_write_them(begin, folder):
    begin("p", ProbeSettings(source=Path("digits-classifier")), at=2.0)
    settings = ProbeSettings(
        source=Path("digits-classifier"), alpha_range=(-0.5, 2), per_batch=False
    )
    begin("q", settings, at=4.0)
    library = Library([folder])
    library.scan()
    assert difference(library.of(folder / "q")) == "Range of α −0.5 to 2"


def test_what_is_said_of_a_run_goes_with_its_folder(begin, folder, tmp_path):
    run = begin("r", None, Done(1.0))
    asked = (run.folder / "run.json").read_bytes()
    about = About("First try", ("paper", "v2"), "two\nlines", favourite=True)
    write_about(run.folder, about)
    assert (run.folder / "run.json").read_bytes() == asked
    shutil.copytree(run.folder, tmp_path / "copy")
    assert read_about(tmp_path / "copy", {}) == about
    assert Run.create(run.folder, TrainSettings()).is_done is False


def test_of_a_folder_that_cannot_be_written_it_is_kept_elsewhere(begin, folder, monkeypatch):
    run = begin("r", None, Done(1.0))
    usual, refused = library_module.write_atomic, IsolossError("read-only")
    assert usual

    def write_json(path, content):
        if path.parent == run.folder and is_read_only:
            raise refused
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))

    monkeypatch.setattr("isoloss.library.about.write_json", write_json)
    is_read_only = True
    write_about(run.folder, About(tags=("paper",)))
    assert not (run.folder / "about.json").exists()
    library = Library([folder])
    library.scan()
    assert library.entries[0].about.tags == ("paper",)
    is_read_only = False
    write_about(run.folder, About(tags=("thesis",)))
    assert read_kept() == {}
    assert library.scan()
    assert library.entries[0].about.tags == ("thesis",)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"tags": "paper"}', About()),
        ('{"tags": [1, "two words", "good", "good"], "note": 3}', About(tags=("good",))),
        ('{"name": "a\\nb", "favourite": "yes"}', About("a b")),
        ("[]", About()),
        (" " * 70_000 + "{}", About()),
    ],
)
def test_what_is_said_is_read_as_far_as_it_can_be(tmp_path, content, expected):
    (tmp_path / "about.json").write_text(content)
    assert read_about(tmp_path, {}) == expected


def test_a_run_goes_to_the_trash_as_the_desktop_expects(begin, folder, tmp_path):
    for _ in range(2):
        run = begin("my run", None, Done(1.0))
        to_trash(run.folder)
    trash = tmp_path / "data" / "Trash"
    assert not run.folder.exists()
    assert sorted(p.name for p in (trash / "files").iterdir()) == ["my run", "my run 2"]
    assert (trash / "files" / "my run 2" / "run.json").exists()
    lines = (trash / "info" / "my run.trashinfo").read_text().splitlines()
    assert lines[:2] == ["[Trash Info]", f"Path={folder}/my%20run"]
    assert lines[2].startswith("DeletionDate=20")


def test_a_run_behind_a_link_goes_to_the_trash_of_its_own_disk(folder, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    run = Run.create(disk / "runs" / "r", TrainSettings())
    (tmp_path / "linked").symlink_to(disk / "runs")
    monkeypatch.setenv("XDG_DATA_HOME", "/proc/none")  # which is on another
    monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == disk)
    to_trash(tmp_path / "linked" / "r")
    assert not run.folder.exists()
    trash = disk / f".Trash-{os.getuid()}"
    assert (trash / "files" / "r" / "run.json").exists()
    assert (trash / "info" / "r.trashinfo").read_text().splitlines()[1] == "Path=runs/r"


def test_a_run_at_work_does_not_go_to_the_trash(begin, tmp_path):
    run = begin("r", None, Started(1))
    with run.lock(), pytest.raises(IsolossError, match="cancel it first"):
        to_trash(run.folder)
    assert run.folder.exists()
    assert not (tmp_path / "data").exists()


def test_where_there_is_no_trash_a_run_stays(begin, tmp_path):
    run = begin("r", None, Done(1.0))
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(IsolossError, match="cannot move"):
        to_trash(run.folder)
    assert run.folder.exists()


def test_names_that_are_no_utf8_are_names_too(begin, folder, tmp_path):
    begin("r", None, Done(1.0))
    odd = folder / os.fsdecode(b"caf\xe9")
    (folder / "r").rename(odd)
    write_about(odd, About(tags=("paper",)))
    for _ in range(2):
        library = Library([folder, odd], tmp_path / "cache")
        library.scan()
        library.keep()
        assert library.of(odd).about.tags == ("paper",)
    to_trash(odd)
    (note,) = (tmp_path / "data" / "Trash" / "info").iterdir()
    assert note.read_text().splitlines()[1] == f"Path={folder}/caf%E9"


def test_damaged_runs_can_be_put_away_too(begin, folder):
    begin("bad")
    (folder / "bad" / "run.json").write_text("{")
    to_trash(folder / "bad")
    assert [*folder.iterdir()] == []
