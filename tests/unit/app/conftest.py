"""A workspace without a window, empty or with two surfaces open."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.app.state.config import Preferences
from isoloss.app.state.opening.opener import open_path
from isoloss.app.state.workspace import Workspace
from isoloss.geometry.surface import Surface


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """An empty one in a folder of its own, with settings of its own."""
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    return Workspace(tmp_path, Preferences())


@pytest.fixture
def surface():
    """A bowl with its minimum 1 in the middle of 5 × 5 cells."""
    axis = np.linspace(-1, 1, 5)
    return Surface.from_loss(axis, axis, axis[:, None] ** 2 + axis**2 + 1)


@pytest.fixture
def curve():
    """A parabola with its minimum 0 in the middle of 9 points."""
    axis = np.linspace(-1, 1, 9)
    return Surface.from_loss(axis, np.zeros(1), axis[:, None] ** 2, plane="line", model="net")


@pytest.fixture
def opened(workspace, surface, tmp_path):
    """The same with the bowl open twice, as `a` and `b`."""
    for name in ("a.ply", "b.ply"):
        open_path(workspace, surface.save(tmp_path / name))
    return workspace
