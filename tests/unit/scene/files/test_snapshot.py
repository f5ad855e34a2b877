"""What is shown, written down whole: it is read again as it was, whatever its files are by then."""

from __future__ import annotations

import os

import numpy as np

from isoloss.geometry.analysis.difference import difference
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.document import Document
from isoloss.scene.files.session import load_session
from isoloss.scene.files.snapshot import write_curve, write_document
from isoloss.scene.files.staging import only_curve
from isoloss.scene.layer import Marker, SurfaceLayer, load_layer

AXIS = np.linspace(-1, 1, 5)


def bowl(height: float, **meta) -> Surface:
    loss = height * (1 + AXIS[:, None] ** 2 + AXIS**2)
    loss[0, 0], loss[1, 1] = np.nan, np.inf
    return Surface.from_loss(AXIS, AXIS, loss, **meta)


def path(n: int, name: str) -> Trajectory:
    return Trajectory(*np.random.default_rng(n).random((6, n)), {"name": name} if name else {})


def document(tmp_path) -> Document:
    """Two surfaces and their difference; the first has three trajectories, not in their order."""
    a = SurfaceLayer("a/b: $1", bowl(2.0, title="Grüße"), (path(3, ""), path(5, "z"), path(4, "a")))
    a.hidden, a.markers = frozenset({1}), (Marker(0.5, 0.5, 1.0, "here"),)
    b = SurfaceLayer("b", bowl(1.0))
    a.source, b.source = tmp_path / "a.ply", tmp_path / "b.ply"
    both = Document([a, b])
    both.add(SurfaceLayer("a − b", difference(a.surface, b.surface), derived=(a, b)))
    both.remove(b)  # a difference may be of a layer that is closed
    return both


def test_a_document_comes_back_as_it_is_shown(tmp_path):
    shown, folder = document(tmp_path), tmp_path / "passing"
    folder.mkdir()
    os.mkfifo(tmp_path / "a.ply")  # of the files it came from one is a pipe now, one is gone
    back = load_session(write_document(shown, folder))
    assert [layer.name for layer in back.layers] == ["a/b: $1", "a − b"]
    for read, was in zip(back.layers, shown.layers, strict=True):
        for name in ("alpha", "beta", "loss", "accuracy", "loss_stderr", "count"):
            np.testing.assert_array_equal(getattr(read.surface, name), getattr(was.surface, name))
    first, was = back.layers[0], shown.layers[0]
    assert first.surface.meta == was.surface.meta
    assert [(p.name, len(p)) for p in first.trajectories] == [("", 3), ("z", 5), ("a", 4)]
    for read, path_was in zip(first.trajectories, was.trajectories, strict=True):
        np.testing.assert_array_equal(read.loss, path_was.loss)
    assert first.hidden == was.hidden
    assert first.markers == was.markers
    hidden = [{x.name for x in document.view.hidden} for document in (back, shown)]
    assert hidden[0] == hidden[1] & {"a/b: $1", "a − b"}
    assert was.source == tmp_path / "a.ply", "what is shown is left as it is"


def test_a_curve_keeps_the_heading_it_is_shown_under(tmp_path):
    curve = Surface.from_loss(AXIS, np.zeros(1), AXIS[:, None] ** 2)
    layer = only_curve(write_curve("barrier", curve, tmp_path))
    assert layer is not None
    np.testing.assert_array_equal(layer.surface.loss, curve.loss)
    assert layer.surface.title == "barrier"


def test_a_layer_whose_file_changed_is_read_anew_as_another(tmp_path):
    source = bowl(1.0).save(tmp_path / "s.ply")
    before = load_layer(source)
    bowl(3.0).save(source)
    assert load_layer(source).surface.loss[2, 2] == 3 * before.surface.loss[2, 2]
