"""A layer that keeps step with a growing surface, whatever becomes of the files meanwhile."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from isoloss.app.state.runs.live_surface import LiveSurface
from isoloss.errors import IsolossError
from isoloss.geometry.growing import GrowingSurface


def create(folder, rows=3):
    return GrowingSurface.create(folder, np.arange(float(rows)), np.arange(4.0), 10, False, {})


@pytest.fixture
def followed(tmp_path):
    run = SimpleNamespace(folder=tmp_path, growing_path=tmp_path / "surface", name="r")
    return SimpleNamespace(run=run, status="running", is_active=True)


def test_what_was_shown_stays_while_a_surface_that_grows_is_cut_short(followed):
    growing = create(followed.run.growing_path)
    live = LiveSurface(followed)
    growing.add((0, 1), 6.0, 18.0, 0, 2)
    assert live.update(0.0)
    slots = followed.run.growing_path / "slots.npy"
    whole = slots.read_bytes()
    slots.write_bytes(whole[:300])
    assert not live.update(1.0)
    assert live.layer.surface.loss[0, 1] == 3
    followed.is_active = False
    with pytest.raises(IsolossError, match="damaged"):
        live.update(2.0)


def test_a_surface_begun_again_is_seen_on_its_own_grid(followed):
    live = LiveSurface(followed)
    create(followed.run.growing_path).add((0, 1), 6.0, 18.0, 0, 2)
    assert live.update(0.0)
    create(followed.run.growing_path, rows=5).add((4, 3), 8.0, 32.0, 0, 2)
    assert live.update(1.0)
    assert live.layer.surface.shape == (5, 4)
    assert live.layer.surface.loss[4, 3] == 4
    assert live.changed == 1


def test_no_process_that_looks_at_a_surface_ends_with_its_file(tmp_path):
    """A mapping that outlives its file's content ends a process with SIGBUS."""
    axis = np.linspace(0, 1, 60)
    GrowingSurface.create(tmp_path, axis, axis, 10, False, {}).add((59, 59), 6.0, 18.0, 0, 2)
    look = (
        "import os, sys; from pathlib import Path\n"
        "from isoloss.geometry.growing import GrowingSurface\n"
        "shown = GrowingSurface.open(Path(sys.argv[1]))\n"
        "os.truncate(sys.argv[1] + '/slots.npy', 200); os.truncate(sys.argv[1] + '/valid.npy', 0)\n"
        "print(shown.snapshot().loss[59, 59], shown.count.sum())"
    )
    done = subprocess.run([sys.executable, "-c", look, tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "3.0 2\n")
