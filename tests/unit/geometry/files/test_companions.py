"""Trajectories beside a surface: a damaged one costs no surface, a surface is never one."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

import isoloss
from isoloss.cli.main import main
from isoloss.geometry.files.ply import holds_trajectory, save_trajectory_ply
from isoloss.geometry.files.reading import is_trajectory, load_trajectories, surface_beside
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory

AXIS = np.linspace(-1, 1, 5)
SURFACE = Surface.from_loss(AXIS, AXIS, AXIS[:, None] ** 2 + AXIS**2 + 1)


@pytest.fixture
def companion(tmp_path):
    """The trajectory of `s.ply`, as it should be, beside another that is whole."""
    SURFACE.save(tmp_path / "s.ply")
    for name in ("s-trajectory.ply", "s-trajectory-adam.ply"):
        save_trajectory_ply(Trajectory(*np.zeros((6, 7))), tmp_path / name, SURFACE)
    return tmp_path / "s-trajectory.ply"


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


DAMAGES = {
    "empty": (lambda p: p.write_bytes(b""), "is empty"),
    "cut": (lambda p: p.write_bytes(p.read_bytes()[:-40]), "cut short"),
    "cut in the header": (lambda p: p.write_bytes(p.read_bytes()[:90]), "no end"),
    "text": (lambda p: p.write_text("no trajectory"), "not a PLY file"),
    "without epochs": (
        lambda p: p.write_bytes(p.read_bytes().replace(b" epoch\n", b" spoch\n")),
        "no epoch",
    ),
    "a pipe": (_fifo, "pipe or a device"),
    "a folder": (_folder, "is a folder"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_trajectory_costs_itself_and_one_line(companion, damage):
    spoil, why = DAMAGES[damage]
    spoil(companion)
    with pytest.warns(UserWarning, match=why) as told:
        surface = isoloss.load(companion.with_name("s.ply"))
    assert [len(path) for path in surface.trajectories] == [7]
    np.testing.assert_array_equal(surface.loss, SURFACE.loss)
    (line,) = [str(warning.message) for warning in told]
    assert line.startswith("s.ply is shown without a trajectory: ")
    assert companion.name in line


def test_the_command_line_says_it_without_a_traceback(companion, capsys):
    companion.write_bytes(b"")
    assert main(["info", str(companion.with_name("s.ply"))]) == 0
    said = capsys.readouterr()
    assert "grid        5×5" in said.out
    assert said.err == f"isoloss: s.ply is shown without a trajectory: {companion} is empty\n"


def test_a_surface_called_like_a_trajectory_is_none(tmp_path):
    for name in ("run.ply", "run-trajectory-plane.ply", "adam-trajectory.ply", "x-trajectory.npz"):
        SURFACE.save(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isoloss.load(tmp_path / "run.ply").trajectories == ()
    for path in tmp_path.iterdir():
        assert not is_trajectory(path), path.name
        assert isoloss.load(path).shape == (5, 5)


def test_what_cannot_be_read_goes_by_its_name(tmp_path):
    for name in ("x-trajectory.ply", "trajectory.ply"):
        assert is_trajectory(tmp_path / name)
        (tmp_path / name).write_bytes(b"no PLY")
        assert holds_trajectory(tmp_path / name) is None
        assert is_trajectory(tmp_path / name)
    (tmp_path / "other.ply").write_bytes(b"no PLY")
    assert not is_trajectory(tmp_path / "other.ply")
    (tmp_path / "pipe-trajectory.ply").symlink_to("pipe")
    os.mkfifo(tmp_path / "pipe")
    assert holds_trajectory(tmp_path / "pipe-trajectory.ply") is None


def test_the_surface_of_a_trajectory_lies_beside_it(tmp_path):
    for name in ("a.npz", "b-trajectory-c.ply", "surface.ply"):
        SURFACE.save(tmp_path / name)
    found = {
        name: surface_beside(tmp_path / f"{name}.ply")
        for name in ("a-trajectory", "a-trajectory-x-trajectory", "trajectory-adam", "z-trajectory")
    }
    assert {name: path and path.name for name, path in found.items()} == {
        "a-trajectory": "a.npz",
        "a-trajectory-x-trajectory": "a.npz",
        "trajectory-adam": "surface.ply",
        "z-trajectory": None,
    }


def test_names_as_long_as_a_file_system_takes_have_no_companions(tmp_path):
    for length in (240, 244, 251, 255):
        path = SURFACE.save(tmp_path / ("x" * (length - 4) + ".ply"))
        assert isoloss.load(path).shape == (5, 5)
        assert load_trajectories(path) == []
