"""The order and the opacity of layers, and which is selected where viewports change."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.scene import Document, History, SurfaceLayer
from isoloss.scene.files.session import load_session, save_session
from isoloss.scene.files.staging import stage
from isoloss.scene.legend import surface_entries
from isoloss.scene.theme import THEMES

AXIS = np.linspace(-1, 1, 3)


def opened(names: str) -> Document:
    """A document in which layers of these names are shown together."""
    document = Document()
    for k, name in enumerate(names):
        loss = AXIS[:, None] ** 2 + AXIS + 2 + k
        document.add(SurfaceLayer(name, Surface.from_loss(AXIS, AXIS, loss)), alone=False)
    return document


def order(document: Document) -> str:
    return "".join(layer.name for layer in document.layers)


def test_a_layer_is_put_before_another_or_behind_the_last():
    for at, place in itertools.product(range(4), range(5)):
        document = opened("abcd")
        document.move(document.layers[at], place)
        slots = [*"abcd", ""]
        slots.insert(place, "abcd"[at].upper())
        assert order(document) == "".join(s for s in slots if s != "abcd"[at]).lower()


def test_the_order_is_that_of_legend_paths_and_colours():
    document = opened("abc")
    theme = THEMES["dark"]
    colours = [entry.palette for entry in surface_entries(document.view, theme)]
    document.move(document.layers[2], 0)
    entries = surface_entries(document.view, theme)
    assert [entry.text for entry in entries] == ["c", "a", "b"]
    assert [entry.palette for entry in entries] == colours
    assert document.view.shown == document.layers


def test_order_and_opacity_are_steps_of_undo():
    document = opened("ab")
    history = History(document.state())
    document.move(document.layers[1], 0)
    history.watch(document.state())
    assert history.undoes == "layer order"
    document.layers[0].opacity = 0.25
    history.watch(document.state(), busy=True)
    document.layers[0].opacity = 0.5
    history.watch(document.state())
    assert history.undoes == "opacity"
    document.restore(history.undo())
    assert (order(document), document.layers[0].opacity) == ("ba", 1.0)
    document.restore(history.undo())
    assert order(document) == "ab"
    document.restore(history.redo())
    document.restore(history.redo())
    assert (order(document), document.layers[0].opacity) == ("ba", 0.5)


def test_a_layer_that_a_job_opens_leaves_the_order_alone():
    document = opened("ab")
    history = History(document.state())
    document.move(document.layers[1], 0)
    history.watch(document.state())
    before = document.state()
    document.add(opened("c").layers[0], alone=False)
    history.absorb(before, document.state())
    document.restore(history.undo())
    assert order(document) == "abc"


def test_sessions_of_before_are_whole_and_wrong_opacities_are_refused(tmp_path):
    Surface.from_loss(AXIS, AXIS, AXIS[:, None] + AXIS + 3).save(tmp_path / "a.npz")
    document = stage(tmp_path / "a.npz", opacity=0.5)
    path = save_session(document, tmp_path / "s.isoloss")
    assert load_session(path).layers[0].opacity == 0.5
    content = json.loads(path.read_text())
    for value in (1.5, -0.1, "half", None, True):
        content["layers"][0]["opacity"] = value
        path.write_text(json.dumps(content))
        with pytest.raises(IsolossError, match=r"layers\[0\].opacity must be a number"):
            load_session(path)
    del content["layers"][0]["opacity"]
    path.write_text(json.dumps(content))
    assert load_session(path).layers[0].opacity == 1.0


def test_pictures_take_one_opacity_or_one_each():
    first, second = opened("ab").layers
    assert [x.opacity for x in stage([first, second], opacity=0.3).layers] == [0.3, 0.3]
    staged = stage([first, second], opacity=(1, 0.25))
    assert [x.opacity for x in staged.layers] == [1.0, 0.25]
    assert staged.view.shown == staged.layers
    assert (first.opacity, second.opacity) == (1.0, 1.0), "what was given has been changed"
    with pytest.raises(IsolossError, match="3 numbers for 2 surfaces"):
        stage([first, second], opacity=(1, 0.5, 0))
    for wrong in (-0.1, 1.01, float("nan"), float("inf")):
        with pytest.raises(IsolossError, match="--opacity must be from 0 to 1"):
            stage([first, second], opacity=wrong)


def test_the_selected_layer_follows_the_active_viewport():
    document = opened("abc")
    a, b, c = document.layers
    document.arrange(2)
    document.views[0].hidden, document.views[1].hidden = frozenset({c}), frozenset({a, b})
    document.selected = b
    document.activate(1)
    assert document.selected is c
    document.activate(0)
    assert document.selected is b, "what was selected there before"
    document.views[1].hidden = frozenset()
    document.activate_next()
    assert document.selected is b, "what both show stays selected"
    document.views[0].hidden = frozenset({a, b, c})
    document.activate(0)
    assert document.selected is b, "an empty viewport takes nothing away"
    document.views[0].hidden = frozenset({b})
    document.activate(1)
    document.remove(b)
    document.activate(0)
    assert document.selected is a
