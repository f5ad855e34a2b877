"""Files that are written whole or not at all."""

import os

import pytest

from isoloss import IsolossError
from isoloss.files import read_content, read_json, write_atomic
from isoloss.run import Run
from isoloss.settings import TrainSettings


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = write_atomic(tmp_path / "a" / "b.txt", lambda p: p.write_text("old"))

    def full(target):
        target.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(IsolossError, match="No space left"):
        write_atomic(path, full)
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]
    with pytest.raises(IsolossError, match="cannot write"):
        write_atomic(path / "c.txt", lambda p: p.write_text("x"))


def test_a_write_that_fails_leaves_no_folders(tmp_path, monkeypatch):
    def full(target):
        target.write_text("half")
        raise OSError(28, "No space left on device")

    (tmp_path / "kept").mkdir()
    for path in (tmp_path / "a" / "b" / "c.txt", tmp_path / "kept" / "d" / "e.txt"):
        with pytest.raises(IsolossError, match="No space left"):
            write_atomic(path, full)
    with pytest.raises(IsolossError, match="too long"):  # a folder on the way cannot be made
        write_atomic(tmp_path / "a" / ("n" * 300) / "c.txt", lambda p: p.write_text("x"))
    (tmp_path / "f").mkdir()
    monkeypatch.setattr("isoloss.files._replace", lambda *_: full(tmp_path / "f" / "x"))
    with pytest.raises(IsolossError, match="No space left"):
        Run.create(tmp_path / "runs" / "first", TrainSettings())
    monkeypatch.undo()
    assert [p.name for p in sorted(tmp_path.rglob("*"))] == ["f", "x", "kept"]
    assert Run.create(tmp_path / "runs" / "first", TrainSettings()).folder.is_dir()


@pytest.mark.parametrize("length", [200, 251, 252, 255])
def test_names_as_long_as_a_file_system_takes_are_written(tmp_path, length):
    for suffix in (".npz", "." + "s" * 150):
        path = tmp_path / ("n" * (length - len(suffix)) + suffix)
        assert write_atomic(path, lambda p: p.write_text("x")).read_text() == "x"
    with pytest.raises(IsolossError, match="too long"):
        write_atomic(tmp_path / ("n" * 256), lambda p: p.write_text("x"))


def test_through_a_link_its_target_is_written(tmp_path):
    (tmp_path / "kept.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("kept.txt")
    write_atomic(tmp_path / "link.txt", lambda p: p.write_text("new"))
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "kept.txt").read_text() == "new"
    (tmp_path / "dangling.txt").symlink_to("made.txt")
    write_atomic(tmp_path / "dangling.txt", lambda p: p.write_text("new"))
    assert (tmp_path / "made.txt").read_text() == "new"


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, what in (("pipe", "a pipe or a device"), ("folder", "a folder")):
        with pytest.raises(IsolossError, match=f"cannot write .*{name}: it is {what}"):
            write_atomic(tmp_path / name, lambda p: p.write_text("x"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]


def test_json_is_not_read_out_of_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(IsolossError, match="pipe"):
        read_json(tmp_path / "run.json")


def test_what_is_larger_than_anybody_wants_is_not_read(tmp_path):
    path = tmp_path / "l.csv"
    path.write_bytes(b"1,2")
    assert read_content(path, 3) == b"1,2"
    with path.open("r+b") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(IsolossError, match=r"l\.csv is larger than 1 GB"):
        read_content(path, 1 << 30)
    with pytest.raises(IsolossError, match=r"cannot read .*: No such file"):
        read_content(tmp_path / "m.csv", 3)
