"""Files that are written whole or not at all."""

import os

import pytest

from isoloss import IsolossError
from isoloss.files import read_json, write_atomic


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
