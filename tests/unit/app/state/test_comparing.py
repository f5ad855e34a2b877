"""Arrangements of viewports: what each shows."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.app.state.comparing import show_in
from isoloss.geometry.surface import Surface
from isoloss.scene import Document, SurfaceLayer

AXIS = np.linspace(-1, 1, 3)


def opened(names: str) -> Document:
    """A document in which layers of these names have been opened, one after the other."""
    document = Document()
    for name in names:
        document.add(SurfaceLayer(name, Surface.from_loss(AXIS, AXIS, np.ones((3, 3)))))
    return document


def shown_names(document: Document) -> list[str]:
    """The names of what each viewport shows."""
    return ["".join(layer.name for layer in view.shown) for view in document.shown_views]


@pytest.mark.parametrize(
    ("names", "two", "four"),
    [
        ("", ["", ""], ["", "", "", ""]),
        ("a", ["a", "a"], ["a", "a", "a", "a"]),
        ("ab", ["b", "a"], ["b", "a", "b", "a"]),
        ("abc", ["c", "b"], ["c", "b", "a", "c"]),
        ("abcde", ["e", "d"], ["e", "d", "c", "b"]),
    ],
)
def test_new_viewports_show_what_none_shows_yet(names, two, four):
    document = opened(names)
    document.arrange(2)
    assert shown_names(document) == two
    document.arrange(4)
    assert shown_names(document) == four


def test_the_layers_after_the_shown_one_come_first():
    document = opened("abcd")
    document.add(document.layers[1])
    document.view.hidden = frozenset(document.layers) - {document.layers[1]}
    document.arrange(4)
    assert shown_names(document) == ["b", "c", "d", "a"]


def test_viewports_are_found_as_they_were_left():
    document = opened("abc")
    document.arrange(2)
    show_in(document, document.layers[0], 1)
    document.arrange(1)
    document.arrange(2)
    assert shown_names(document) == ["c", "a"]
    before = document.state()
    document.views[1].hidden = frozenset()
    document.arrange(4)
    assert shown_names(document) == ["c", "abc", "c", "abc"]
    document.restore(before)
    assert shown_names(document) == ["c", "a"]


def test_a_layer_is_put_where_it_is_wanted():
    document = opened("ab")
    show_in(document, document.layers[0], 1)
    assert (document.arrangement, document.active, shown_names(document)) == (2, 1, ["b", "a"])
    show_in(document, document.layers[1], 2)
    assert document.arrangement == 4
    assert shown_names(document)[2] == "b"
    assert all(shown_names(document))
