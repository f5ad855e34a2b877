"""Hundreds of damaged files: each is opened or refused in one line, none crashes or hangs."""

from __future__ import annotations

import copy
import faulthandler
import json
import re
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
from isoloss.scene.layer import load_layer
from isoloss.scene.scene import Scene
from isoloss.scene.session import load_session, save_session
from isoloss.scene.textures import TEXTURES
from isoloss.scene.texturing import color_scale, texture_values

# Numbers near the end of their range may overflow on the way; something must come of them still.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

MUTATIONS = 150  # tests/e2e/test_damaged_files.py tries more, of every kind of file
HOSTILE_NUMBERS = [
    b"0",
    b"-1",
    b"1",
    b"4",
    b"99999999999",
    b"18446744073709551616",
    b"1e400",
    b"nan",
]
HOSTILE_FLOATS = [np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, -0.0, 1e-300]
HOSTILE_JSON = [
    None, True, -1, 0, 1e308, 2**70, "", "x" * 5000, "NaN", [], {}, [[]], [0] * 2000, {"a": {}},
    "/dev/zero", "../../..", "\0", float("nan"), float("inf"),
]  # fmt: skip


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


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """One to four accidents, or malice, to a file."""
    for _ in range(rng.integers(1, 5)):
        at, length = int(rng.integers(0, max(len(content), 1))), int(rng.integers(1, 40))
        match rng.integers(0, 7):
            case 0:
                content = content[:at]
            case 1:
                content = content[:at] + content[at + length :]
            case 2:
                content = content[:at] + content[at : at + length] + content[at:]
            case 3:
                content = content[:at] + rng.bytes(length) + content[at + length :]
            case 4:
                special = rng.choice([b"\x00", b"\xff", b"\x7f", b"\x80"])
                content = content[:at] + special * length + content[at + length :]
            case 5:
                numbers = list(re.finditer(rb"\d+", content[:600]))
                if numbers:
                    found = numbers[rng.integers(len(numbers))]
                    number = HOSTILE_NUMBERS[rng.integers(len(HOSTILE_NUMBERS))]
                    content = content[: found.start()] + number + content[found.end() :]
            case _:
                value = np.array(HOSTILE_FLOATS[rng.integers(len(HOSTILE_FLOATS))], "<f8").tobytes()
                content = content[:at] + value + content[at + 8 :]
    return content


def use(path: Path, workspace: Workspace, rng: np.random.Generator) -> bool:
    """Open `path` as the window does and work out all that a frame needs; whether it opened."""
    workspace.document = Document()
    if not open_path(workspace, path):
        said = workspace.messages.shown[-1].text
        assert "\n" not in said
        assert "Error:" not in said, said  # the name of an exception is no help to anybody
        return False
    workspace.change(texture=rng.choice(list(TEXTURES)))
    prepare(workspace.scene, rng)
    return True


def prepare(scene: Scene, rng: np.random.Generator) -> None:
    if not scene.shown:
        return
    frame = scene.frame()
    frame.scale.ticks(5)
    colors = color_scale(scene.shown, scene.appearance, frame)
    if colors is not None:
        colors.ticks()
    for layer in scene.shown:
        mesh = layer.mesh(frame.scale, smooth=bool(rng.random() < 0.1))
        mesh.triangles()
        values = texture_values(layer, mesh, colors, scene.appearance)
        assert values.shape == mesh.height.shape
        assert np.isfinite(np.concatenate(frame.mesh_to_world(mesh))).all()


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path, Preferences())


@pytest.mark.parametrize("suffix", [".ply", ".npz"])
def test_damaged_surfaces(suffix, surface, workspace, rng, tmp_path):
    whole = surface.save(tmp_path / f"whole{suffix}").read_bytes()
    path = tmp_path / f"damaged{suffix}"
    opened = 0
    for _ in range(MUTATIONS):
        path.write_bytes(damage(whole, rng))
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
            arrays[name] = hostile_array(arrays[name], rng)
        np.savez(path, **arrays)
        opened += use(path, workspace, rng)
    assert 0 < opened < MUTATIONS


def hostile_array(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    match rng.integers(0, 7):
        case 0 if array.dtype.kind == "f" and array.size:
            flat = array.copy().ravel()
            flat[rng.integers(flat.size)] = rng.choice(HOSTILE_FLOATS)
            return flat.reshape(array.shape)
        case 1 if array.dtype.kind == "f":
            return array * rng.choice([0.0, 1e300, 1e-300, -1.0, np.nan])
        case 2:
            return np.atleast_1d(array)[:1]
        case 3:
            return array[..., None]
        case 4:
            return array.astype("U8") if array.dtype.kind != "U" else np.array("{]")
        case 5:
            return np.zeros((0,), array.dtype)
        case _:
            return array.ravel()[::-1]


def test_damaged_trajectories(surface, rng, tmp_path):
    n = 6
    path = tmp_path / "trajectory.ply"
    columns = [np.linspace(0, 1, n) for _ in range(6)]
    save_trajectory_ply(Trajectory(*columns, {"name": "sgd"}), path, surface)
    surface.save(tmp_path / "surface.ply")
    whole = path.read_bytes()
    opened = 0
    for _ in range(MUTATIONS):
        path.write_bytes(damage(whole, rng))
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
    for k in range(2 * MUTATIONS):
        if k % 2:
            path.write_bytes(damage(whole, rng))
        else:
            content = json.loads(whole)
            for _ in range(rng.integers(1, 4)):
                content = hostile_json(content, rng)
            path.write_text(json.dumps(content))
        opened += use(path, workspace, rng)
    assert 0 < opened < 2 * MUTATIONS


def hostile_json(node, rng: np.random.Generator):
    """`node` with one part somewhere inside it lost, renamed or replaced."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    key = keys[rng.integers(len(keys))]
    child = node[key]
    if isinstance(child, dict | list) and child and rng.random() < 0.8:
        node[key] = hostile_json(child, rng)
    elif rng.random() < 0.15:
        del node[key]
    elif isinstance(node, dict) and rng.random() < 0.1:
        node[key + "x"] = node.pop(key)
    else:
        node[key] = copy.deepcopy(HOSTILE_JSON[rng.integers(len(HOSTILE_JSON))])
    return node
