"""What a script hands to the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isoloss
from isoloss import IsolossError
from isoloss.app import opening, view_here
from isoloss.app.state.opening.handed_over import PASSING, as_paths
from isoloss.app.state.opening.opener import load
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory

AXIS = np.linspace(-1, 1, 4)


def surface(**meta) -> Surface:
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    return Surface.from_loss(AXIS, AXIS, a**2 + b, **meta)


def path(name: str) -> Trajectory:
    t = np.linspace(0, 1, 3)
    return Trajectory(t, t, t, t, t, t, {"name": name})


def test_surfaces_become_files_with_the_trajectories_that_follow_them(tmp_path):
    shown = surface(model="a/b", plane="pca"), path("sgd"), path("adam"), surface(), surface()
    files = as_paths(shown, tmp_path)
    assert len(set(files)) == 3
    first, *others = map(isoloss.load, files)
    assert [p.name for p in first.trajectories] == ["sgd", "adam"]
    assert first.meta == shown[0].meta
    np.testing.assert_array_equal(first.loss, shown[0].loss)
    assert [len(s.trajectories) for s in others] == [0, 0]
    with pytest.raises(IsolossError, match="give that surface before it"):
        as_paths([tmp_path / "x.ply", path("sgd")], tmp_path)


def test_patterns_are_expanded_for_shells_that_do_not(tmp_path):
    for name in ("b.ply", "a.ply", "odd[1].ply"):
        surface().save(tmp_path / name)
    assert as_paths([str(tmp_path / "?.ply")]) == [tmp_path / "a.ply", tmp_path / "b.ply"]
    assert as_paths([tmp_path / "odd[1].ply"]) == [tmp_path / "odd[1].ply"]
    assert as_paths([tmp_path / "no*.ply"]) == [tmp_path / "no*.ply"]


def test_what_a_script_shows_is_removed_and_not_remembered(opened, tmp_path, monkeypatch):
    shown: list[Path] = []

    def run_window(paths, *_):
        assert isoloss.load(paths[0]).is_complete
        load(opened, paths[0])
        shown.extend(paths)

    monkeypatch.setattr(opening, "run_window", run_window)
    kept = surface().save(tmp_path / "kept.ply")
    view_here(surface(), kept)
    assert shown[0].parent.name.startswith(PASSING)
    assert not shown[0].parent.exists()
    assert str(shown[0]) not in opened.preferences.recent
    load(opened, shown[1])
    assert opened.preferences.recent[0] == str(kept)
