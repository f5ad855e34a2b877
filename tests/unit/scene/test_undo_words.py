"""Every choice of the state has words of its own after "Undo", asked of the real history."""

import types
from dataclasses import fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from isoloss.geometry.surface import Surface
from isoloss.scene import Appearance, Camera, Document, History, Marker, SurfaceLayer
from isoloss.scene.document import DocumentState, LayerState, ViewState
from isoloss.scene.files.plain import members
from isoloss.scene.history import WORDS

AXIS = np.linspace(-1, 1, 5)
STRUCTURE = {
    DocumentState: {"layers", "views", "origin", "selected"},
    LayerState: {"layer"},
    ViewState: {"appearance"},
    Appearance: set(),
}
"""Fields that hold others, or are named by what was done: open session, open layer, close layer."""


def document() -> Document:
    made = Document()
    made.add(SurfaceLayer("a", Surface.from_loss(AXIS, AXIS, 1 + AXIS[:, None] ** 2 + AXIS**2)))
    return made


def another(kind: Any, value: Any) -> Any:
    """A value of the annotation `kind` that is not `value`."""
    if get_origin(kind) is types.UnionType:
        (kind,) = (a for a in get_args(kind) if a is not type(None))
    choices = [*members(kind).values()] or list(get_args(kind))
    if get_origin(kind) is Literal or members(kind):
        return next(c for c in choices if c != value)
    if get_origin(kind) is tuple:
        return tuple(range(len(choices)))
    return {bool: not value, int: 3, float: 0.25, str: "magma"}[kind]


def undone_after(change: Any) -> str:
    """What the Edit menu offers to undo after `change` of a document."""
    changed = document()
    history = History(changed.state())
    change(changed)
    assert history.watch(changed.state())
    return history.undoes


@pytest.mark.parametrize("kind", WORDS, ids=lambda kind: kind.__name__)
def test_every_field_that_can_differ_has_its_words(kind):
    assert set(WORDS[kind]) == {f.name for f in fields(kind)} - STRUCTURE[kind]


@pytest.mark.parametrize("name", [f.name for f in fields(Appearance)])
def test_every_choice_of_the_appearance_is_undone_by_its_words(name):
    kind = get_type_hints(Appearance)[name]

    def change(changed: Document) -> None:
        old = changed.view.appearance
        changed.view.appearance = replace(old, **{name: another(kind, getattr(old, name))})

    assert undone_after(change) == WORDS[Appearance][name]


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        (DocumentState, "arrangement", lambda d: d.arrange(2)),
        (DocumentState, "links", lambda d: d.toggle_link("height")),
        (DocumentState, "saved_views", lambda d: setattr(d, "saved_views", ("a",))),
        (DocumentState, "cut", lambda d: setattr(d, "cut", "a line")),
        (LayerState, "markers", lambda d: setattr(d.layers[0], "markers", (Marker(0, 0, 1),))),
        (LayerState, "hidden", lambda d: setattr(d.layers[0], "hidden", frozenset({0}))),
        (LayerState, "name", lambda d: setattr(d.layers[0], "name", "b")),
        (ViewState, "camera", lambda d: setattr(d.view, "camera", Camera(azimuth=1))),
        (ViewState, "hidden", lambda d: setattr(d.view, "hidden", frozenset(d.layers))),
        (ViewState, "title", lambda d: setattr(d.view, "title", "a")),
    ],
)
def test_every_other_choice_is_undone_by_its_words(kind, name, change):
    assert undone_after(change) == WORDS[kind][name]


def test_no_two_choices_have_the_same_words():
    words = [w for of_kind in WORDS.values() for w in of_kind.values()]
    words += ["open session", "open layer", "close layer"]
    assert len(set(words)) == len(words)
    assert all(w == w.lower() and "_" not in w and len(w) <= 30 for w in words)
