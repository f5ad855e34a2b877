"""Whether something lies at a path: never an exception, whatever is asked."""

import os
import re
from pathlib import Path

import pytest

from isoloss.errors import IsolossError
from isoloss.files import check_readable, entries, nothing_at
from isoloss.paths import exists, is_file, is_folder

SOURCE = Path(__file__).parents[2] / "src" / "isoloss"


@pytest.fixture
def zoo(tmp_path):
    """A file, a folder, links and a pipe."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "to file").symlink_to("file")
    (tmp_path / "to folder").symlink_to("folder")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "there", "file", "folder"),
    [
        ("file", True, True, False),
        ("folder", True, False, True),
        ("to file", True, True, False),
        ("to folder", True, False, True),
        ("pipe", True, False, False),
        ("dangling", False, False, False),
        ("circle", False, False, False),
        ("file/within", False, False, False),
        ("a\0b", False, False, False),
        ("x" * 256, False, False, False),
        ("d/" * 2500 + "x", False, False, False),
        (os.fsdecode(b"\xff\xfe"), False, False, False),
    ],
)
def test_what_lies_at_a_path(zoo, name, there, file, folder):
    path = zoo / name
    assert (exists(path), is_file(path), is_folder(path)) == (there, file, folder)
    assert exists(str(path)) == there


def test_a_closed_folder_is_asked_without_an_exception(tmp_path, monkeypatch):
    def closed(self, **_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", closed)
    assert not exists(tmp_path)
    assert not is_folder(tmp_path)
    assert str(nothing_at("closed/in.ply")) == "cannot read closed/in.ply: Permission denied"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "there is no file or folder"),
        ("folder", "is a folder, not a file"),
        ("pipe", "is no file but a pipe or a device"),
        ("empty", "is empty"),
        ("circle", "symbolic links"),
        ("x" * 256, "too long"),
        ("a\0b", "there is no file or folder"),
    ],
)
def test_what_cannot_be_read_to_its_end_is_refused_before_it_is_opened(zoo, name, message):
    with pytest.raises(IsolossError, match=message):
        check_readable(zoo / name)
    check_readable(zoo / "to file")


def test_what_cannot_be_listed_says_why(zoo):
    assert {path.name for path in entries(zoo)} >= {"file", "pipe"}
    with pytest.raises(IsolossError, match=r"cannot read the folder .*file: Not a directory"):
        entries(zoo / "file")


def test_it_is_asked_in_one_place():
    """Whoever asks pathlib or os.path meets PermissionError, and names that are too long."""
    asks = re.compile(r"\.(?:exists|is_file|is_dir)\(\)|os\.path\.(?:exists|isfile|isdir)\(")
    # Of a folder of a million images the listing itself knows.
    allowed = {"compute/data/folder_tree.py"}
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if asks.search(path.read_text(encoding="utf-8"))
    }
    assert found <= allowed
