"""Files as they are named on the command line: opened, or told why in one line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import isoloss
from isoloss import IsolossError
from isoloss.cli.main import main
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run
from isoloss.settings.attacking import AttackSettings, DefendSettings
from isoloss.settings.robustness import CertifySettings

AXIS = np.linspace(-1, 1, 4)
SURFACE = Surface.from_loss(AXIS, AXIS, AXIS[:, None] ** 2 + AXIS**2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two surfaces, the trajectory of one, a pipe and a text."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.ply", "b.npz"):
        SURFACE.save(Path(name))
    save_trajectory_ply(Trajectory(*np.zeros((6, 3))), Path("a-trajectory.ply"), SURFACE)
    Path("README.md").write_text("about")
    os.mkfifo("pipe.ply")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_info_tells_of_all_that_a_pattern_or_a_folder_holds(capsys):
    for words in (["*"], ["a*.ply", "b.npz", "README.md"], ["."]):
        assert main(["info", *words]) == 0
        told = capsys.readouterr()
        assert told.out.count("surface  ") == 2
        assert told.out.count("trajectory  3 checkpoints") == 1
        assert told.err.count("\n") == (words != ["."])
    assert main(["info", "a.ply", "nowhere.ply", "b.npz"]) == 2
    told = capsys.readouterr()
    assert told.out.count("surface  ") == 2
    assert told.err == "isoloss: there is no file or folder nowhere.ply\n"


@pytest.mark.usefixtures("folder")
def test_export_is_of_one_surface_whatever_comes_along(capsys):
    assert main(["export", "a*.ply", "--out", "out.npz"]) == 0
    assert len(isoloss.load("out.npz").trajectories) == 1
    assert main(["export", "a.ply", "b.npz", "--out", "out.npz"]) == 2
    assert ".npz holds one surface, not 2: a.ply, b.npz" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["info", "view", "render", "export"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pipe.ply", "pipe or a device"),
        ("README.md", "cannot tell what"),
        ("plane.safetensors", "holds tensors, no surface: probe a"),
        ("a.ply/x.ply", "there is no file or folder"),
        ("x" * 256 + ".ply", "too long"),
        ("circle.ply", "symbolic links"),
        ("gone-trajectory.ply", "is a trajectory, and the surface it lies on is not beside it"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_opened_is_one_line(capsys, monkeypatch, verb, name, message):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(Path("config").absolute()))
    Path("circle.ply").symlink_to("circle.ply")
    Path("plane.safetensors").write_bytes(bytes(16))
    save_trajectory_ply(Trajectory(*np.zeros((6, 3))), Path("gone-trajectory.ply"), SURFACE)
    out = ["--out", "out.png" if verb == "render" else "out.npz"]
    assert main([verb, name, *(out if verb in ("render", "export") else [])]) == 2
    said = capsys.readouterr().err
    assert said.startswith("isoloss: ")
    assert said.count("\n") == 1
    assert message in said


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "words",
    [["info", ""], ["view", ""], [""], ["run", ""], ["render", "x.ply", "--out", ""],
     ["export", "", "--out", "x.npz"]],
)  # fmt: skip
def test_an_empty_path_is_not_the_folder_one_is_in(capsys, words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert "a path is empty: say which file or folder is meant" in err
    assert err.count("\n") == 1


def test_what_looks_like_a_path_is_one_without_a_verb(capsys):
    assert main(["nowhere.ply"]) == 2
    assert "there is no file or folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["dance"])
    assert "invalid choice" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_scripts_are_told_likewise():
    with pytest.raises(IsolossError, match="pipe"):
        isoloss.load("pipe.ply")
    with pytest.raises(IsolossError, match="there is no"):
        isoloss.load("a\0b.ply")
    with pytest.raises(IsolossError, match="no surface among"):
        isoloss.render(["README.md", "pipe.ply"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["render", "a.ply"], "render needs --out"),
        (["export"], "export needs PATH and --out"),
        (["info"], "info needs PATH"),
    ],
)
def test_what_a_command_lacks_is_said_in_a_line(words, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert capsys.readouterr().err == f"isoloss: {said}; 'isoloss {words[0]} --help' shows how\n"


@pytest.mark.parametrize(
    "settings",
    [
        AttackSettings(source=Path("net")),
        DefendSettings(source=Path("net"), denoiser="none"),
        CertifySettings(source=Path("net"), denoiser="none"),
    ],
    ids=lambda settings: settings.kind,
)
def test_what_has_numbers_and_no_surface_says_where_they_are_seen(folder, capsys, settings):
    Run.create(folder / "numbers", settings)
    assert main(["export", "numbers", "--out", "x.glb"]) == 2
    said = capsys.readouterr().err
    assert "'isoloss export numbers --out FILE.html' writes a page" in said
    assert said.count("\n") == 1
    assert not Path("x.glb").exists()
