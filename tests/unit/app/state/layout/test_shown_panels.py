"""Which panels are shown: open ones with something in them, on sides that are not folded."""

from __future__ import annotations

import pytest

from isoloss.app.state.layout.layouts import Layouts
from isoloss.app.state.layout.shown_panels import ShownPanels

PLACES = {"Layers": "left", "Form": "right", "Jobs": "right", "Runs": "bottom", "Slice": "bottom"}


@pytest.fixture
def full():
    """The panels that have something in them."""
    return {"Layers", "Form", "Jobs", "Runs"}


@pytest.fixture
def shown(full):
    shown = ShownPanels(Layouts(), PLACES, lambda name: name in full)
    shown.sides.update(PLACES)
    return shown


def seen(shown):
    return {name for name in PLACES if shown.is_shown(name)}


def test_what_is_empty_is_folded_away_until_there_is_something_in_it(shown, full):
    assert seen(shown) == {"Layers", "Form", "Jobs", "Runs"}
    full.add("Slice")
    full.remove("Layers")
    assert seen(shown) == {"Form", "Jobs", "Runs", "Slice"}


def test_what_a_person_asks_for_is_shown_though_it_is_empty(shown, full):
    shown.toggle("Slice")
    assert shown.is_shown("Slice")
    full.add("Slice")
    assert shown.is_shown("Slice")
    full.remove("Slice")
    assert not shown.is_shown("Slice")
    shown.ask_for("Slice")
    shown.toggle("Slice")
    assert not shown.is_shown("Slice")


def test_what_a_person_closes_stays_closed_whatever_is_in_it(shown, full):
    shown.toggle("Runs")
    assert not shown.is_shown("Runs")
    full.discard("Runs")
    full.add("Runs")
    assert not shown.is_shown("Runs")
    shown.toggle("Runs")
    assert shown.is_shown("Runs")


def test_a_side_is_folded_and_comes_back_with_just_what_it_had(shown):
    shown.close("Jobs")
    before = seen(shown)
    shown.fold("right")
    assert seen(shown) == before - {"Form"}
    assert shown.is_folded("right")
    shown.fold("right")
    assert seen(shown) == before


def test_what_is_asked_for_unfolds_its_side(shown):
    shown.fold("bottom")
    shown.ask_for("Slice")
    assert seen(shown) >= {"Slice", "Runs"}


def test_what_appears_on_a_folded_side_stays_folded(shown, full):
    shown.fold("bottom")
    full.add("Slice")
    assert not shown.is_shown("Slice")


def test_what_floats_is_on_no_side(shown):
    shown.sides["Form"] = None
    shown.fold("right")
    assert shown.is_shown("Form")
    assert not shown.is_shown("Jobs")


def test_all_sides_fold_and_unfold_together(shown):
    shown.fold("left")
    shown.fold_all()
    assert seen(shown) == set()
    shown.fold_all()
    assert seen(shown) == {"Layers", "Form", "Jobs", "Runs"}


def test_a_side_without_panels_is_left_as_it_is(shown, full):
    full.remove("Layers")
    assert not shown.has("left")
    shown.fold_all()
    full.add("Layers")
    assert seen(shown) == {"Layers"}


def test_one_has_all_the_room_and_gives_it_back(shown):
    shown.fold("left")
    before = seen(shown)
    shown.maximize("Runs")
    assert seen(shown) == {"Runs"}
    shown.maximize("Runs")
    assert seen(shown) == before


@pytest.mark.parametrize("end", ["ask_for", "close", "toggle"])
def test_asking_for_another_ends_it(shown, end):
    shown.maximize("Runs")
    getattr(shown, end)("Runs" if end == "close" else "Jobs")
    assert not shown.maximized
    assert shown.is_shown("Jobs")


def test_asking_for_the_one_that_has_all_leaves_it_there(shown):
    shown.maximize("Runs")
    shown.ask_for("Runs")
    assert shown.maximized == "Runs"


def test_in_a_narrow_window_one_side_at_a_time(shown):
    shown.make_room(frozenset({"left"}))
    assert not shown.is_shown("Layers")
    shown.fold("left")
    assert shown.is_shown("Layers")
    assert not shown.is_shown("Form")
    shown.make_room(frozenset({"left"}))
    assert shown.is_shown("Layers"), "the same again changes nothing"
    shown.ask_for("Form")
    assert seen(shown) == {"Form", "Jobs", "Runs"}
    shown.make_room(frozenset())
    assert seen(shown) == {"Layers", "Form", "Jobs", "Runs"}


def test_in_a_small_window_all_give_way_but_what_is_asked_for(shown):
    shown.make_room(frozenset({"left", "right", "bottom"}))
    assert seen(shown) == set()
    shown.ask_for("Runs")
    assert seen(shown) == {"Runs"}
    shown.make_room(frozenset())
    assert seen(shown) == {"Layers", "Form", "Jobs", "Runs"}


def test_what_was_folded_by_hand_stays_so_in_a_larger_window(shown):
    shown.fold("right")
    shown.make_room(frozenset({"left"}))
    shown.make_room(frozenset())
    assert seen(shown) == {"Layers", "Runs"}


def test_a_layout_begins_without_what_was_asked_for_in_another(shown):
    shown.ask_for("Slice")
    shown.maximize("Slice")
    shown.begin_layout()
    assert seen(shown) == {"Layers", "Form", "Jobs", "Runs"}
