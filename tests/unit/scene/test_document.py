"""Layers, viewports, links, undo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.surface import Surface
from isoloss.scene import Camera, Cut, Document, History, Links, Marker, SavedView, SurfaceLayer

AXIS = np.linspace(-1, 1, 5)
LOSS = AXIS[:, None] ** 2 + AXIS[None, :] ** 2 + 1


def layer(factor: float = 1.0) -> SurfaceLayer:
    return SurfaceLayer(f"×{factor}", Surface.from_loss(AXIS, AXIS, factor * LOSS))


@pytest.fixture
def document():
    made = Document()
    made.add(layer())
    return made


def test_a_layer_is_shown_alone_where_it_was_opened(document):
    first = document.layers[0]
    second = layer(2)
    document.add(second)
    assert document.view.shown == [second]
    document.add(first, alone=False)
    assert document.view.shown == [first, second]


def test_viewports_keep_what_they_show(document):
    first, second = document.layers[0], layer(2)
    document.arrange(2)
    document.active = 1
    document.add(second)
    assert [v.shown for v in document.shown_views] == [[first], [second]]
    document.arrange(1)
    assert document.active == 0
    document.arrange(2)
    assert [v.shown for v in document.shown_views] == [[first], [second]]
    document.remove(first)
    assert [v.shown for v in document.shown_views] == [[], [second]]


def test_links(document):
    document.arrange(2)
    document.active = 1
    document.add(layer(3))
    document.view.camera = Camera(azimuth=77)
    document.link()
    a, b = document.shown_views
    assert a.camera.azimuth == 77
    assert a.frame().scale == b.frame().scale
    assert (a.frame().scale.lo, a.frame().scale.hi) == (1, 9)
    assert set(a.beside) == set(document.layers)
    document.links = Links(camera=False, height=False, colors=False, look=False)
    a.appearance = replace(a.appearance, contours=False, theme="light")
    b.camera = Camera(azimuth=-5)
    document.link()
    assert (a.camera.azimuth, b.camera.azimuth) == (77, -5)
    assert (a.frame().scale.hi, b.frame().scale.hi) == (3, 9)
    assert (a.beside, a.appearance.contours, b.appearance.contours) == ((), False, True)
    assert a.appearance.theme == b.appearance.theme  # one window, one theme


def test_every_change_is_undone_and_redone(document):
    history = History(document.state())
    first = document.layers[0]

    def change(do, word):
        before = document.state()
        do()
        assert history.watch(document.state())
        assert not history.watch(document.state()), "one change is one step"
        assert history.undoes == word
        after = document.state()
        document.restore(history.undo())
        assert document.state() == before
        assert history.redoes == word
        document.restore(history.redo())
        assert document.state() == after

    def set_(name, value):
        return lambda: setattr(document, name, value)

    view = document.view
    change(lambda: setattr(view, "camera", view.camera.orbit(30, 2)), "camera")
    change(
        lambda: setattr(view, "appearance", replace(view.appearance, contour_levels=3)),
        "contour levels",
    )
    change(lambda: setattr(first, "markers", (Marker(0, 0, 1, "here"),)), "pin")
    change(lambda: setattr(first, "hidden", frozenset({0})), "trajectory")
    change(lambda: setattr(first, "name", "other"), "rename")
    change(lambda: document.arrange(4), "viewports")
    change(lambda: document.add(layer(2)), "open layer")
    change(lambda: setattr(view, "hidden", frozenset()), "visibility")
    change(lambda: setattr(view, "title", "A title"), "title text")
    change(set_("links", Links(camera=False)), "links")
    change(set_("cut", Cut((0, 0), (1, 1))), "cut")
    change(set_("saved_views", (SavedView("a", Camera()),)), "saved views")
    change(lambda: document.remove(first), "close layer")
    while (state := history.undo()) is not None:
        document.restore(state)
    assert document.layers == [first]
    assert (document.arrangement, document.cut) == (1, None)
    assert view.camera == Camera()


def test_a_drag_is_one_step_and_a_new_step_forgets_what_was_undone(document):
    history = History(document.state())
    view = document.view
    for _ in range(20):
        view.camera = view.camera.orbit(3, 1)
        history.watch(document.state(), busy=True)
    assert history.undoes == ""
    history.watch(document.state())
    document.restore(history.undo())
    assert view.camera == Camera()
    view.camera = Camera(azimuth=3)
    history.watch(document.state())
    assert history.redo() is None


def test_opening_a_session_is_named_so(document):
    history, other = History(document.state()), Document()
    other.add(layer(3))
    document.restore(other.state())
    assert history.watch(document.state())
    assert history.undoes == "open session"
    document.restore(history.undo())
    assert history.redoes == "open session"
    document.add(layer(4))
    assert history.watch(document.state())
    assert history.undoes == "open layer"


def test_what_the_program_does_by_itself_is_not_undone(document):
    history = History(document.state())
    first, second = document.layers[0], layer(5)
    document.view.camera = Camera(azimuth=1)
    history.watch(document.state())
    document.view.camera = Camera(azimuth=2)  # a drag is under way
    before = document.state()
    document.add(second)
    history.absorb(before, document.state())
    document.view.camera = Camera(azimuth=3)
    history.watch(document.state())
    for azimuth in (2, 1):
        document.restore(history.undo())
        assert document.view.camera.azimuth == azimuth
        assert document.layers == [first, second], "undo closed what a job had opened"
        assert document.view.shown == [second]
    document.restore(history.undo())
    assert history.undo() is None
    assert document.view.shown == [second]
    for azimuth in (1, 2, 3):
        document.restore(history.redo())
        assert document.view.camera.azimuth == azimuth
        assert document.view.shown == [second]
