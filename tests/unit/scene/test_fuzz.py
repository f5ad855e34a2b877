"""Hundreds of damaged files: each is opened or refused in one line, none crashes or hangs."""

from __future__ import annotations

import faulthandler
import sys
from pathlib import Path

import numpy as np
import pytest

from isoloss.app.state.config import Preferences
from isoloss.app.state.opening.opener import open_path
from isoloss.app.state.workspace import Workspace
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.files.reading import load_trajectories
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene import Document, Marker
from isoloss.scene.files.session import load_session, save_session
from isoloss.scene.layer import load_layer
from isoloss.scene.textures import TEXTURES
from mutants.damage import damaged, other_array
from mutants.doors import work_out_frame

# Numbers near the end of their range may overflow on the way; something must come of them still.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

MUTATIONS = 150  # tests/e2e/test_damaged_files.py tries more, of every kind of file


@pytest.fixture(autouse=True)
def no_hang():
    # A file that hangs the program must fail the tests, not stop them.
    faulthandler.dump_traceback_later(120, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def rng():
    return np.random.default_rng(2018)


@pytest.fixture
def surface():
    alpha, beta = np.linspace(-1, 1, 5), np.linspace(-0.5, 1, 4)
    loss = alpha[:, None] ** 2 + beta**2 + 0.1
    stderr = np.full(loss.shape, 0.01)
    count = np.full(loss.shape, 64)
    meta = {"model": "vgg11", "explained_variance_ratio": [0.6, 0.2], "findings": []}
    return Surface(alpha, beta, loss, np.exp(-loss), stderr, count, meta)


def use(path: Path, workspace: Workspace, rng: np.random.Generator) -> bool:
    """Open `path` as the window does and work out all that a frame needs; whether it opened."""
    workspace.document = Document()
    if not open_path(workspace, path):
        said = workspace.messages.shown[-1].text
        assert "\n" not in said
        assert "Error:" not in said, said  # the name of an exception is no help to anybody
        return False
    workspace.change(texture=rng.choice(list(TEXTURES)))
    work_out_frame(workspace.scene, rng)
    return True


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path, Preferences())


@pytest.mark.parametrize("suffix", [".ply", ".npz"])
def test_damaged_surfaces(suffix, surface, workspace, rng, tmp_path):
    whole = surface.save(tmp_path / f"whole{suffix}").read_bytes()
    path = tmp_path / f"damaged{suffix}"
    opened = 0
    for _ in range(MUTATIONS):
        path.write_bytes(damaged(whole, suffix, [whole], rng))
        opened += use(path, workspace, rng)
    assert 0 < opened < MUTATIONS  # else nothing, or only the door, was tried


def test_hostile_values(surface, workspace, rng, tmp_path):
    path = tmp_path / "hostile.npz"
    opened = 0
    surface.save(path)
    with np.load(path) as stored:
        whole = dict(stored)
    for _ in range(MUTATIONS):
        arrays = dict(whole)
        for name in rng.choice(sorted(arrays), rng.integers(1, 4)):
            arrays[name] = other_array(arrays[name], rng)
        np.savez(path, **arrays)
        opened += use(path, workspace, rng)
    assert 0 < opened < MUTATIONS


def test_damaged_trajectories(surface, rng, tmp_path):
    n = 6
    path = tmp_path / "trajectory.ply"
    columns = [np.linspace(0, 1, n) for _ in range(6)]
    save_trajectory_ply(Trajectory(*columns, {"name": "sgd"}), path, surface)
    surface.save(tmp_path / "surface.ply")
    whole = path.read_bytes()
    opened = 0
    for _ in range(MUTATIONS):
        path.write_bytes(damaged(whole, ".ply", [whole], rng))
        problems: list[str] = []
        found = load_trajectories(tmp_path, problems.append)
        assert len(found) + len(problems) == 1, "read, or told why not"
        opened += len(found)
    assert 0 < opened < MUTATIONS


def test_damaged_sessions(surface, workspace, rng, tmp_path):
    document = Document()
    document.add(load_layer(surface.save(tmp_path / "a.ply")))
    document.layers[0].markers = (Marker(0.1, 0.2, 0.3, "here"),)
    document.arrange(2)
    path = save_session(document, tmp_path / "s.isoloss")
    whole = path.read_bytes()
    load_session(path)
    opened = 0
    for _ in range(2 * MUTATIONS):
        path.write_bytes(damaged(whole, path.suffix, [whole], rng))
        opened += use(path, workspace, rng)
    assert 0 < opened < 2 * MUTATIONS
