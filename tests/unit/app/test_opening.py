"""Opening the window, as far as it goes without one."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from isoloss.app import opening, view
from isoloss.app.state.opening.handed_over import as_paths
from isoloss.app.state.opening.opener import open_all, open_paths
from isoloss.errors import IsolossError
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.trajectory import Trajectory


def test_the_window_recovers_before_it_opens(opened, monkeypatch):
    opened.session.keep_running(0, busy=False)
    monkeypatch.setattr(opening, "has_display", lambda: False)
    with pytest.raises(IsolossError, match="no display"):
        opening.run_window([], [], [], None, None)
    assert opened.session.last_path().exists()


def test_runs_to_be_resumed_may_be_given_by_the_older_name(monkeypatch):
    asked = []
    monkeypatch.setattr(opening, "run_window", lambda *arguments: asked.append(arguments[2]))
    view(resume=["a"])
    view(carry_on=["b"])
    view(resume=["a"], carry_on=["b"])
    assert asked == [["a"], ["b"], ["a", "b"]]


@pytest.fixture
def folder(tmp_path, surface):
    """Three surfaces, one with a trajectory that is whole, one with an empty one, and a text."""
    folder = tmp_path / "many"
    for name in ("a.ply", "b.ply", "adam-trajectory.ply"):
        surface.save(folder / name)
    save_trajectory_ply(Trajectory(*np.zeros((6, 3))), folder / "a-trajectory.ply", surface)
    (folder / "b-trajectory.ply").write_bytes(b"")
    (folder / "README.md").write_text("about")
    return folder


def test_what_is_dropped_together_opens_with_a_quiet_line_on_the_rest(workspace, folder):
    assert open_paths(workspace, sorted(folder.iterdir()))
    layers = {layer.name: len(layer.trajectories) for layer in workspace.scene.layers}
    assert layers == {"a": 1, "adam-trajectory": 0, "b": 0}
    said = [(m.level, m.text) for m in workspace.messages.shown]
    assert said == [
        ("info", "Left out what is no surface: README.md"),
        ("warning", "b.ply is shown without a trajectory: many/b-trajectory.ply is empty"),
    ]


def test_a_folder_or_a_pattern_is_all_that_it_holds(workspace, folder):
    assert open_paths(workspace, [folder])
    assert len(workspace.scene.layers) == 3
    workspace.close_all()
    open_all(workspace, as_paths([str(folder / "?.ply")]))
    assert [layer.name for layer in workspace.scene.layers] == ["a", "b"]


def test_nothing_to_see_is_an_error_that_leaves_the_window_as_it_is(workspace, folder):
    (folder / "LICENSE").write_text("free")
    assert not open_paths(workspace, [folder / "README.md", folder / "LICENSE"])
    assert workspace.messages.shown[-1].text == "There is no surface among README.md, LICENSE"
    with pytest.raises(IsolossError, match="cannot tell what"):
        open_all(workspace, [folder / "README.md"])
    assert not workspace.scene.layers


def test_more_than_a_session_holds_is_said(workspace, folder, surface, monkeypatch):
    monkeypatch.setattr("isoloss.app.state.opening.opener.MOST_LAYERS", 2)
    assert open_paths(workspace, [folder])
    assert [layer.name for layer in workspace.scene.layers] == ["a", "adam-trajectory"]
    assert workspace.messages.lines[0].text == (
        "3 surfaces are more than there is room for: 2 of them are opened, for a session holds 2"
    )
    assert not open_paths(workspace, [folder / "b.ply"])


def test_a_file_that_became_another_is_opened_in_its_place(opened, surface, tmp_path):
    layer = opened.scene.layers[0]
    replace(surface, loss=surface.loss * 3).save(tmp_path / "a.ply")
    open_paths(opened, [tmp_path / "a.ply"])
    assert opened.scene.layers[0] is layer
    np.testing.assert_array_equal(layer.surface.loss, surface.loss * 3)
    (tmp_path / "a.ply").unlink()
    os.mkfifo(tmp_path / "a.ply")
    assert not open_paths(opened, [tmp_path / "a.ply"])
    np.testing.assert_array_equal(layer.surface.loss, surface.loss * 3)


def test_names_that_are_no_utf8_are_shown_so_that_fonts_can(workspace, surface, tmp_path):
    path = surface.save(tmp_path / os.fsdecode(b"v\xff.ply"))
    assert open_paths(workspace, [path])
    assert workspace.scene.layers[0].name == "v\N{REPLACEMENT CHARACTER}"
    assert workspace.scene.layers[0].source == path
    assert workspace.messages.lines[-1].text.isprintable()
