"""Among what somebody names, drops or matches: surfaces are seen, companions come along."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from isoloss.errors import IsolossError
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run
from isoloss.scene.given import sort_out
from isoloss.settings import ProbeSettings, TrainSettings

AXIS = np.linspace(-1, 1, 4)
SURFACE = Surface.from_loss(AXIS, AXIS, AXIS[:, None] ** 2 + AXIS**2)
PATH = Trajectory(*np.zeros((6, 3)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Surfaces, their trajectories, a trajectory alone, a surface called like one, and the rest."""
    monkeypatch.chdir(tmp_path)
    SURFACE.save(Path("a.ply"))
    SURFACE.save(Path("b10.npz"))
    SURFACE.save(Path("b2.ply"))
    SURFACE.save(Path("adam-trajectory.ply"))
    for name in ("a-trajectory", "a-trajectory-adam", "b10-trajectory", "gone-trajectory"):
        save_trajectory_ply(PATH, Path(f"{name}.ply"), SURFACE)
    Path("README.md").write_text("about")
    Path("certificates.csv").write_text("network,radius\n")
    os.mkfifo("pipe.ply")
    return tmp_path


def named(*names: str, purpose="draw") -> tuple[list[str], list[str]]:
    given = sort_out([Path(name) for name in names], purpose)
    return [str(path) for path in given.paths], given.remarks


@pytest.mark.usefixtures("folder")
def test_trajectories_given_beside_their_surfaces_say_nothing():
    assert named("a-trajectory-adam.ply", "a-trajectory.ply", "a.ply") == (["a.ply"], [])
    assert named("b2.ply", "b10-trajectory.ply", "b10.npz") == (["b2.ply", "b10.npz"], [])


@pytest.mark.usefixtures("folder")
def test_a_trajectory_stands_for_the_surface_beside_it():
    assert named("a-trajectory-adam.ply") == (["a.ply"], [])
    assert named("b10-trajectory.ply") == (["b10.npz"], [])
    shown, remarks = named("b2.ply", "gone-trajectory.ply")
    assert shown == ["b2.ply"]
    (remark,) = remarks
    assert remark.startswith("gone-trajectory.ply is a trajectory, and the surface it lies on")
    with pytest.raises(IsolossError, match=r"gone-trajectory\.ply is a trajectory"):
        named("gone-trajectory.ply")


@pytest.mark.usefixtures("folder")
def test_a_surface_that_is_called_like_a_trajectory_is_one():
    assert named("adam-trajectory.ply", "a.ply")[0] == ["adam-trajectory.ply", "a.ply"]


@pytest.mark.usefixtures("folder")
def test_what_is_no_surface_is_left_out_in_one_line():
    assert named("README.md", "a.ply", "pipe.ply", "a.ply") == (
        ["a.ply"],
        ["left out what is no surface: README.md and 1 more"],
    )
    with pytest.raises(IsolossError, match=r"no surface among README\.md, pipe\.ply$"):
        named("README.md", "pipe.ply")
    # Alone it is left to whoever reads it to say what is wrong; what is not there always is.
    assert named("README.md") == (["README.md"], [])
    assert named("a.ply", "nowhere.ply") == (["a.ply", "nowhere.ply"], [])


def test_a_folder_of_surfaces_stands_for_them_in_natural_order(folder):
    (folder / "more").mkdir()
    SURFACE.save(folder / "more" / "c.ply")
    (folder / "more" / "deep").mkdir()
    SURFACE.save(folder / "more" / "deep" / "d.ply")
    SURFACE.save(folder / ".hidden.ply")
    shown, remarks = named(".")
    expected = ["a.ply", "adam-trajectory.ply", "b2.ply", "b10.npz"]
    assert [name for name in shown if "/" not in name and name in expected] == expected
    assert "more/c.ply" in shown
    assert len(shown) <= 6, "nothing hidden, deeper, or a pipe"
    assert remarks == []


@pytest.fixture
def runs(tmp_path):
    """A training run, a probe of it that is done, one that has not begun."""
    train = Run.create(tmp_path / "runs" / "train", TrainSettings(data="digits"))
    for name in ("pca", "random"):
        Run.create(tmp_path / "runs" / name, ProbeSettings(source=train.folder))
    SURFACE.save(tmp_path / "runs" / "pca" / "surface.ply")
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        ("draw", ["pca"]),
        ("open", ["pca", "random"]),  # which appears once it has a surface
        ("describe", ["pca", "random", "train"]),
    ],
)
def test_a_folder_of_runs_stands_for_what_lies_in_it(runs, purpose, expected):
    assert [path.name for path in sort_out([runs], purpose).paths] == expected
    assert [path.name for path in sort_out([runs.parent], purpose).paths] == expected


def test_a_run_is_itself_and_its_files_are_not_looked_through(runs):
    assert sort_out([runs / "pca"], "draw").paths == [runs / "pca"]
    named_all = sort_out(sorted(runs.iterdir()), "draw")
    assert [path.name for path in named_all.paths] == ["pca", "random"]
    assert named_all.remarks == ["left out what is no surface: train"]


def test_a_folder_that_cannot_be_listed_or_holds_nothing_is_left_to_its_reader(tmp_path):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "circle").symlink_to("circle")
    for name in ("nothing", "circle", "x" * 300):
        assert sort_out([tmp_path / name], "open").paths == [tmp_path / name]
    shutil.rmtree(tmp_path / "nothing")
