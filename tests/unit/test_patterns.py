"""Patterns of file names, as a shell would expand them."""

from pathlib import Path

import pytest

from isoloss.cli.main import main
from isoloss.patterns import matching
from isoloss.run import Run
from isoloss.settings import TrainSettings


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    for name in (
        "epoch_10.pt",
        "epoch_2.pt",
        "Epoch_1.pt",
        "other.txt",
        "odd[1].ply",
        ".hidden.pt",
    ):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("*.pt", ["Epoch_1.pt", "epoch_2.pt", "epoch_10.pt"]),
        ("epoch_[0-9].pt", ["epoch_2.pt"]),
        ("odd[1].ply", ["odd[1].ply"]),  # what is there under that very name
        ("nothing*", ["nothing*"]),
        ("missing.ply", ["missing.ply"]),
        ("[", ["["]),
        ("a\0*", ["a\0*"]),
        ("x" * 5000 + "*", ["x" * 5000 + "*"]),
        ("~nobody-of-that-name/*", ["~nobody-of-that-name/*"]),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_a_pattern_is_what_it_matches_and_a_name_itself(given, found):
    assert matching(Path(given)) == [Path(name) for name in found]


def test_the_command_line_expands_what_no_shell_has(in_folder, capsys):
    for name in ("b", "a10", "a2"):
        Run.create(in_folder / "runs" / name, TrainSettings(data="no-such-data"))
    assert main(["run", "runs/a*"]) != 0
    said = capsys.readouterr().err
    assert "no-such-data" in said
    failed = [Run.open(in_folder / "runs" / name).events() for name in ("a2", "a10", "b")]
    assert [bool(events) for events in failed] == [True, True, False]


def test_two_stars_go_down_but_not_in_circles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("a/b/c", "a/.hidden"):
        Path(folder).mkdir(parents=True)
        (Path(folder) / "s.ply").touch()
    Path("t.ply").touch()
    for k in range(4):  # followed, 4 ** 40 folders
        Path(f"circle{k}").symlink_to(".")
    assert matching(Path("**/*.ply")) == [Path("a/b/c/s.ply"), Path("t.ply")]
    assert matching(Path("a/**/s.ply")) == [Path("a/b/c/s.ply")]
    assert set(matching(Path("a/**"))) == {Path("a/b"), Path("a/b/c"), Path("a/b/c/s.ply")}
