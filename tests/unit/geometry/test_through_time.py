"""A surface through training time: what it is at an epoch, its files, its layer, its mesh."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import isoloss
from isoloss.geometry.mesh import display_mesh
from isoloss.geometry.surface import Surface
from isoloss.geometry.through_time import at_each_checkpoint, epochs_of, surface_at
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer, load_layer

AXIS = np.linspace(-1, 1, 6)
EPOCHS = (0.0, 2.0, 5.0)


def bowl(depth, epoch, **meta):
    loss = depth * (1 + AXIS[:, None] ** 2 + 0.5 * AXIS**2)
    name = f"{EPOCHS.index(epoch):04d}"
    return Surface.from_loss(AXIS, AXIS, loss, epoch=epoch, checkpoint=name, **meta)


@pytest.fixture
def training():
    """The last of three surfaces, whose losses are 4, 2 and 1 times the same, with its path."""
    first, second = bowl(4.0, 0.0), bowl(2.0, 2.0)
    path = Trajectory(*np.zeros((2, 3)), np.array([4.0, 2, 1]), np.zeros(3), np.array(EPOCHS),
                      np.full(3, 0.1))  # fmt: skip
    last = bowl(1.0, 5.0, earlier=["0000", "0001"])
    return replace(last, earlier=(first, second), trajectories=(path,))


@pytest.mark.parametrize(
    ("epoch", "log", "depth"),
    [
        (None, False, 1.0), (9.0, False, 1.0), (5.0, False, 1.0), (-3.0, False, 4.0),
        (0.0, True, 4.0), (1.0, False, 3.0), (3.5, False, 1.5), (3.5, True, 2**0.5),
        (2.0, True, 2.0),
    ],
)  # fmt: skip
def test_between_two_checkpoints_it_goes_straight(training, epoch, log, depth):
    found = surface_at(training, epoch, log)
    np.testing.assert_allclose(found.loss, depth * bowl(1.0, 5.0).loss, rtol=1e-12)
    if epoch is not None:
        assert found.meta["epoch"] == np.clip(epoch, 0, 5)


def test_at_a_checkpoint_it_is_that_one_itself(training):
    assert surface_at(training, 2.0) is training.earlier[1]
    assert surface_at(training, None) is training


def test_what_is_no_number_at_one_end_is_none_between(training):
    training.earlier[1].loss[2, 3] = np.nan
    training.earlier[1].loss[0, 0] = np.inf
    found = surface_at(training, 3.0).loss
    assert np.isnan(found[2, 3])
    assert found[0, 0] == np.inf
    assert np.isfinite(found).sum() == found.size - 2


@pytest.mark.parametrize("suffix", [".ply", ".npz", ".vts"])
def test_files_lie_beside_the_last(training, tmp_path, suffix):
    path = training.save(tmp_path / f"s{suffix}")
    found = isoloss.load(path)
    assert epochs_of(found).tolist() == [*EPOCHS]
    for one, other in zip(found.earlier, training.earlier, strict=True):
        np.testing.assert_array_equal(one.loss, other.loss)
    alone = isoloss.load(tmp_path / f"s-0001{suffix}")
    assert not alone.earlier
    np.testing.assert_array_equal(alone.loss, training.earlier[1].loss)


def _gone(path: Path) -> None:
    path.unlink()


def _damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def _of_another_grid(path: Path) -> None:
    axis = AXIS[:-1]
    Surface.from_loss(axis, axis, np.ones((5, 5)), epoch=2.0).save(path)


@pytest.mark.parametrize("spoil", [_gone, _damaged, _of_another_grid])
def test_what_cannot_be_read_of_the_earlier_costs_no_surface(training, tmp_path, spoil):
    path = training.save(tmp_path / "s.ply")
    spoil(tmp_path / "s-0001.ply")
    with pytest.warns(UserWarning, match=r"s\.ply is shown without earlier checkpoints: .*s-0001"):
        found = isoloss.load(path)
    assert not found.earlier
    np.testing.assert_array_equal(found.loss, training.loss)


def test_names_that_lead_elsewhere_are_none(training, tmp_path):
    meta = {**training.meta, "earlier": ["../../etc", "0001"]}
    path = replace(training, meta=meta, earlier=()).save(tmp_path / "s.ply")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not isoloss.load(path).earlier


def test_a_line_for_each_checkpoint(training):
    found = at_each_checkpoint(training)
    assert [(at.checkpoint, at.epoch, at.own_loss) for at in found] == [
        ("0000", 0.0, 4.0), ("0001", 2.0, 2.0), ("0002", 5.0, 1.0),
    ]  # fmt: skip
    np.testing.assert_allclose([at.highest / at.lowest for at in found], 2.5 / 1.06)
    assert at_each_checkpoint(bowl(1.0, 5.0)) == []


# -- the layer --------------------------------------------------------------------------------


def scene_of(surface, tmp_path, **appearance):
    layer = load_layer(surface.save(tmp_path / "s.ply"))
    document = Document([layer])
    document.view.appearance = replace(document.view.appearance, **appearance)
    document.link()
    return document, layer


@pytest.mark.parametrize(("log", "middle"), [(False, 1.5), (True, 2**0.5)])
def test_heights_between_two_checkpoints_are_their_mean(training, tmp_path, log, middle):
    document, layer = scene_of(training, tmp_path, epoch=3.5, log_height=log)
    scale = document.view.frame().scale
    assert scale.kind == ("log" if log else "linear")
    np.testing.assert_allclose(layer.surface.loss, middle * training.loss, rtol=1e-12)
    ends = [display_mesh(s, scale) for s in (training.earlier[1], training)]
    mesh = layer.mesh(scale)
    np.testing.assert_allclose(mesh.height, (ends[0].height + ends[1].height) / 2, atol=1e-12)


def test_the_scale_holds_all_times(training, tmp_path):
    document, layer = scene_of(training, tmp_path, log_height=False)
    scale = document.view.frame().scale
    assert (scale.lo, scale.hi) == (training.loss.min(), training.earlier[0].loss.max())
    for epoch in (0.0, 1.3, 4.0, None):
        document.view.appearance = replace(document.view.appearance, epoch=epoch)
        document.link()
        assert document.view.frame().scale == scale
    assert layer.surface is layer.last


def test_a_layer_is_at_one_epoch_in_all_views(training, tmp_path):
    document, layer = scene_of(training, tmp_path)
    document.arrange(2)
    document.toggle_link("look")
    document.link()
    document.view.appearance = replace(document.view.appearance, epoch=1.0)
    document.link()
    assert [view.appearance.epoch for view in document.shown_views] == [1.0, 1.0]
    assert layer.surface.meta["epoch"] == 1.0


def test_what_a_layer_becomes_has_a_time_of_its_own(training):
    layer = SurfaceLayer("x", training)
    layer.go_to(1.0, False)
    assert layer.whole is training
    layer.become(bowl(3.0, 5.0))
    layer.go_to(0.0, False)
    assert layer.last is None
    assert layer.surface.loss.min() == pytest.approx(3 * 1.06)
