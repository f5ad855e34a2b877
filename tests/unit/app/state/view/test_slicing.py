"""Laying a cut, moving it, and the table of its slices."""

import csv
from pathlib import Path

import numpy as np
import pytest

from isoloss.app.state.config import Preferences
from isoloss.app.state.view.slicing import Slicing
from isoloss.app.state.workspace import Workspace
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.cut import Cut
from isoloss.scene.layer import SurfaceLayer


@pytest.fixture
def slicing(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    workspace = Workspace(tmp_path, Preferences())
    a, b = np.linspace(-1, 1, 21), np.linspace(-2, 2, 17)
    loss = (a[:, None] - 0.3) ** 2 + (b - 0.5) ** 2 + 0.1
    t = np.linspace(0, 1, 4)
    path = Trajectory(-0.8 + t, 1.5 - 2 * t, 1 - t, 0 * t, t, t)
    layer = SurfaceLayer("net", Surface.from_loss(a, b, loss), (path,))
    workspace.document.add(layer)
    workspace.selected = layer
    return Slicing(workspace)


def test_it_begins_along_alpha_and_comes_back_where_it_was(slicing):
    slicing.toggle()
    assert slicing.cut == Cut((-1.0, 0.0), (1.0, 0.0))
    slicing.along_beta()
    assert slicing.cut == Cut((0.0, -2.0), (0.0, 2.0))
    slicing.toggle()
    assert slicing.cut is None
    assert slicing.slices == []
    slicing.toggle()
    assert slicing.cut == Cut((0.0, -2.0), (0.0, 2.0))


def test_through_the_minimum_it_keeps_its_direction(slicing):
    slicing.along_beta()
    slicing.through_minimum()
    start, end = slicing.cut.start, slicing.cut.end
    assert start == pytest.approx((0.3, -2.0))
    assert end == pytest.approx((0.3, 2.0))
    (found,) = slicing.slices
    assert found.slice.loss.min() == pytest.approx(0.1)


def test_along_the_trajectory_it_passes_its_first_and_last_checkpoint(slicing):
    slicing.along_trajectory()
    (found,) = slicing.slices
    for alpha, beta in ((-0.8, 1.5), (0.2, -0.5)):
        apart = np.hypot(found.slice.alpha - alpha, found.slice.beta - beta)
        assert apart.min() < 0.01


def test_slices_are_worked_out_when_something_changes_only(slicing):
    slicing.toggle()
    first = slicing.slices
    assert slicing.slices is first
    layer = first[0].layer
    layer.surface = Surface.from_loss(
        layer.surface.alpha, layer.surface.beta, layer.surface.loss + 1
    )
    layer.touch()
    assert slicing.slices[0].slice.loss.min() == pytest.approx(first[0].slice.loss.min() + 1)


def test_a_cut_that_reaches_further_is_sliced_within_the_box(slicing):
    slicing.workspace.document.cut = Cut((-50.0, 0.0), (0.0, 0.0))
    assert slicing.seen == Cut((-1.0, 0.0), (0.0, 0.0))
    (found,) = slicing.slices
    assert (found.slice.alpha[0], found.slice.alpha[-1]) == (-1.0, 0.0)
    slicing.workspace.document.cut = Cut((5.0, 0.0), (9.0, 0.0))
    assert slicing.seen is None
    assert slicing.slices == []


def test_the_table_is_written_and_what_is_wrong_is_told(slicing):
    slicing.toggle()
    assert slicing.export(Path("slice"))
    folder = slicing.workspace.folder
    rows = (folder / "slice.csv").read_text(encoding="utf-8").splitlines()
    assert len(list(csv.DictReader(rows))) == len(slicing.slices[0].slice.at)
    (folder / "file").write_text("")
    assert not slicing.export(Path("file/slice.csv"))
    assert slicing.workspace.messages.lines[-1].level == "error"


def test_without_a_surface_there_is_nothing_to_slice(slicing):
    slicing.workspace.remove(slicing.workspace.scene.layers[0])
    slicing.toggle()
    assert slicing.cut is None
    assert not slicing.has_minimum
    assert not slicing.has_trajectory
