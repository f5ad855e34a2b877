"""Further quantities of a surface as layers: opened, growing, subtracted, in sessions."""

import itertools

import numpy as np
import pytest

from isoloss.app.state.opening.opener import open_path
from isoloss.events import Done, Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.run import Run
from isoloss.scene.files.session import load_session, save_session
from isoloss.settings import ProbeSettings

AXIS = np.linspace(-1, 1, 5)
NAMES = {"adversarial": "adversarial loss", "class_1": "class cat"}
LATER = itertools.count(1e9, 100)
"""Later than any clock says, however long the tests before have taken."""


@pytest.fixture
def surface():
    loss = AXIS[:, None] ** 2 + AXIS**2 + 1
    columns = {
        "adversarial": loss + 1, "adversarial_accuracy": loss / 9, "adversarial_stderr": 0 * loss,
        "class_1": loss - 0.5,
    }  # fmt: skip
    plain = Surface.from_loss(AXIS, AXIS, loss, quantities=NAMES, model="net")
    plain.columns.update(columns)
    return plain


def shown(workspace):
    return [layer.name for layer in workspace.scene.shown]


def test_they_open_below_their_surface_and_can_be_subtracted(workspace, surface, tmp_path):
    path = surface.save(tmp_path / "net.ply")
    assert open_path(workspace, path)
    names = ["net", "net, adversarial loss", "net, class cat"]
    assert [layer.name for layer in workspace.document.layers] == names
    assert shown(workspace) == ["net"]
    clean, adversarial, _ = workspace.document.layers
    np.testing.assert_allclose(adversarial.surface.loss, surface.loss + 1)
    workspace.toggle_layer(adversarial)
    assert shown(workspace) == names[:2]
    workspace.show_difference(adversarial, clean)
    np.testing.assert_allclose(workspace.selected.surface.loss, 1.0)
    assert open_path(workspace, path)
    assert len(workspace.document.layers) == 4


def test_a_session_brings_each_back_as_what_it_was(workspace, surface, tmp_path):
    open_path(workspace, surface.save(tmp_path / "net.npz"))
    workspace.toggle_layer(workspace.document.layers[2])
    saved = save_session(workspace.document, tmp_path / "x.isoloss")
    again = load_session(saved)
    assert [layer.quantity for layer in again.layers] == ["", "adversarial", "class_1"]
    np.testing.assert_allclose(again.layers[2].surface.loss, surface.loss - 0.5)
    assert [layer.name for layer in again.view.shown] == ["net", "net, class cat"]


def test_a_growing_surface_brings_them_along(workspace, surface, tmp_path):
    asked = ProbeSettings(source="digits-classifier", quantity="adversarial", grid=5)
    run = Run.create(tmp_path / "runs" / "p", asked)
    run.emit(Started(1, "cpu"))
    titles = {"adversarial": "adversarial loss"}
    growing = GrowingSurface.create(
        run.growing_path, AXIS, AXIS, 4, True, {"quantities": titles}, (), {"adversarial": 4}
    )
    growing.add((2, 2), 2.0, 2.0, 1, 2, (3.0, 5.0, 0, 2))
    open_path(workspace, run.folder)
    workspace.update(next(LATER))
    assert [layer.name for layer in workspace.document.layers] == ["p", "p, adversarial loss"]
    assert shown(workspace) == ["p"]
    clean, attacked = workspace.document.layers
    assert (clean.surface.loss[2, 2], attacked.surface.loss[2, 2]) == (1.0, 1.5)
    growing.add((2, 2), 2.0, 2.0, 1, 2, (5.0, 13.0, 0, 2))
    workspace.update(next(LATER))
    assert attacked.surface.loss[2, 2] == 2.0
    surface.meta["quantities"] = titles
    surface.save(run.surface_path)
    run.emit(Done(1.0))
    workspace.update(next(LATER))
    np.testing.assert_allclose(attacked.surface.loss, surface.loss + 1)
    workspace.remove(attacked)
    workspace.update(next(LATER))
    assert [layer.name for layer in workspace.document.layers] == ["p"]
