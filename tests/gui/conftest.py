"""A display of their own for the journeys, and a process of its own for each of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isoloss.events import Started
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run

NETWORK = """
from torch import nn

def net(num_classes):
    body = nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
    return nn.Sequential(*body, nn.Linear(24, num_classes))
"""
"""A network that trains in a moment; in `small.py` of the working folder it is `small:net`."""

JOURNEYS = Path(__file__).parent / "journeys"
ROOMS = sorted(str(each) for each in JOURNEYS.iterdir() if each.is_dir())
"""Journeys of all rooms may use what another one is made of."""


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """The name of a fresh X display, so large that its pointer, in the middle, is off windows."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.fail("the GUI tests need Xvfb; on Debian or Ubuntu: sudo apt install xvfb")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(writing), "-screen", "0", "1700x1100x24", "-nolisten", "tcp"],
        pass_fds=(writing,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


def _python_path() -> list[str]:
    return list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))


@pytest.fixture
def travel(display: str, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Runs a journey in a process of its own, in an empty folder; its failure is the test's."""

    def run(name: str, *arguments: str | Path, seconds: float = 100) -> None:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        environment = os.environ | {
            "DISPLAY": display,
            "ISOLOSS_CONFIG_DIR": str(tmp_path / "config"),
            "PYTHONPATH": os.pathsep.join([str(JOURNEYS.parent), *ROOMS, *_python_path()]),
            "OMP_NUM_THREADS": "1",
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",  # no notifications on whose desktop this is
        }
        environment.pop("PYOPENGL_PLATFORM", None)
        command = [sys.executable, str(JOURNEYS / f"{name}.py"), *map(str, arguments)]
        try:
            done = subprocess.run(
                command,
                cwd=work,
                env=environment,
                timeout=seconds,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except subprocess.TimeoutExpired as error:
            output = error.stdout or b""
            text = output if isinstance(output, str) else output.decode(errors="replace")
            pytest.fail(f"{name} did not end within {seconds:g} s\n{text}")
        if done.returncode:
            pytest.fail(f"{name} failed (exit code {done.returncode})\n{done.stdout}")

    yield run
    # Jobs outlive windows by design, but not the tests.
    for folder in (tmp_path / "work" / "runs").glob("*"):
        left = Run.open(folder)
        pids = [event.pid for _, event in left.events() if isinstance(event, Started)]
        if pids and left.is_held:
            os.kill(pids[-1], signal.SIGKILL)


@pytest.fixture
def valley(tmp_path: Path) -> Path:
    """A surface file with accuracies, error bars, findings and the trajectories of two runs."""
    alpha, beta = np.linspace(-1, 1, 25), np.linspace(-1, 1, 21)
    a, b = np.meshgrid(alpha, beta, indexing="ij")
    loss = 0.3 * np.exp(2.2 * (a**2 + 0.8 * b**2)) + 0.2 * np.sin(5 * a) * np.cos(4 * b) + 0.4
    surface = Surface(
        alpha,
        beta,
        loss,
        np.clip(1 - loss / 5, 0, 1),
        0.02 * loss,
        np.full(loss.shape, 256, np.int64),
        {
            "model": "vgg11",
            "plane": "pca",
            "findings": [
                {"level": "ok", "what": "centre", "message": "is a minimum"},
                {"level": "warning", "what": "range", "message": "the path leaves the plane"},
            ],
        },
    )
    t = np.linspace(0, 1, 6)
    path = Trajectory(
        -0.9 + 0.9 * np.sqrt(t),
        0.7 * (1 - t),
        3 - 2.5 * t,
        np.zeros(6),
        np.arange(6.0),
        np.where(t < 0.5, 0.1, 0.01),
        {"name": "sgd"},
    )
    save_trajectory_ply(path, tmp_path / "valley-trajectory.ply", surface)
    other = replace(path, alpha=-path.alpha, meta={})
    save_trajectory_ply(other, tmp_path / "valley-trajectory-adam.ply", surface)
    return surface.save(tmp_path / "valley.ply")


@pytest.fixture
def attacked(tmp_path: Path) -> Path:
    """A surface file with the loss of attacked and of denoised images, and that of a class."""
    axis = np.linspace(-1, 1, 21)
    loss = 0.4 + axis[:, None] ** 2 + 2 * axis**2
    titles = {
        "adversarial": "adversarial loss", "denoised": "denoised loss", "class_3": "class cat",
        "all_but_3": "all but cat",
    }  # fmt: skip
    surface = Surface.from_loss(axis, axis, loss, model="resnet20", quantities=titles)
    raised = 0.8 + 0.5 * np.cos(2 * axis)[:, None] + 0 * axis
    of_quantities = (loss + raised, 0.6 * loss + 0.9, 1.6 * loss, 0.9 * loss)
    for name, values in zip(titles, of_quantities, strict=True):
        surface.columns[name] = values
    return surface.save(tmp_path / "s.ply")


@pytest.fixture
def barrier(tmp_path: Path) -> Path:
    """A curve file: an interpolation between two networks, over a barrier of two decades."""
    alpha = np.linspace(-0.25, 1.25, 121)
    loss = (0.05 + 6 * np.exp(-(((alpha - 0.5) / 0.18) ** 2)))[:, None]
    meta = {"plane": "interpolate", "start": "sgd", "end": "adam", "model": "vgg11"}
    counts = np.full(loss.shape, 99, np.int64)
    surface = Surface(alpha, np.zeros(1), loss, 1 - loss / 8, 0.05 * loss, counts, meta)
    return surface.save(tmp_path / "barrier.npz")


@pytest.fixture
def work_of_users_module(in_folder_of_users_module: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journey's working folder, which is also ours, with a module of the user's own."""
    work = in_folder_of_users_module / "work"
    work.mkdir()
    (in_folder_of_users_module / "tinyuser.py").rename(work / "tinyuser.py")
    monkeypatch.chdir(work)
    monkeypatch.syspath_prepend(str(work))
    return work


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A finished training run of a small network in the journey's `runs` folder."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "small.py").write_text(NETWORK)
    command = [sys.executable, "-m", "isoloss", "train", "--model", "small:net", "--epochs", "4"]
    subprocess.run(
        [*command, "--out", "runs/trained"], cwd=work, check=True, timeout=90, capture_output=True
    )
    return work / "runs" / "trained"
