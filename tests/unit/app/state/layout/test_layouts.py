"""Named layouts: chosen, followed, saved under names of one's own, and read back."""

from __future__ import annotations

import json

import pytest

from isoloss.app.state.layout.layouts import FILE, SHAPES, Docked, Layouts
from isoloss.errors import IsolossError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def layouts():
    return Layouts()


def test_there_are_three_for_three_kinds_of_results(layouts):
    assert layouts.names == ["Landscape", "Robustness", "Compare"]
    assert [shape.suits for shape in SHAPES.values()] == ["surface", "robustness", "comparison"]
    assert layouts.name == "Landscape"


def test_what_is_opened_brings_the_layout_that_suits_it(layouts):
    assert layouts.opened("robustness")
    assert layouts.name == "Robustness"
    assert not layouts.opened("robustness")
    assert layouts.opened("surface")
    assert layouts.name == "Landscape"


def test_a_chosen_one_stays_until_something_that_suits_it_is_opened(layouts):
    layouts.choose("Robustness")
    assert not layouts.opened("surface")
    assert not layouts.opened("surface")
    assert layouts.name == "Robustness"
    layouts.opened("robustness")
    layouts.opened("surface")
    assert layouts.name == "Landscape"


def test_choosing_the_one_in_use_holds_it_too(layouts):
    layouts.choose("Landscape")
    layouts.opened("robustness")
    assert layouts.name == "Landscape"


def test_with_all_closed_the_next_opened_brings_its_layout(layouts):
    layouts.choose("Compare")
    layouts.opened("surface")
    assert layouts.name == "Compare"
    layouts.all_closed()
    layouts.opened("surface")
    assert layouts.name == "Landscape"


def test_ones_own_is_never_left_by_itself(layouts):
    layouts.save_as("For talks")
    layouts.all_closed()
    for what in ("surface", "robustness", "comparison"):
        assert not layouts.opened(what)
    assert layouts.name == "For talks"


def test_an_unknown_one_is_not_chosen(layouts):
    layouts.choose("nowhere")
    assert (layouts.name, layouts.chosen) == ("Landscape", False)


def test_saved_ones_go_on_from_what_they_were_saved_from(layouts):
    layouts.choose("Robustness")
    layouts.current.closed.add("Log")
    layouts.current.folded.add("right")
    layouts.current.docked.text = "somewhere"
    layouts.save_as("  Wide   plots ")
    assert layouts.name == "Wide plots"
    mine = layouts.current
    assert (mine.like, mine.docked.text) == ("Robustness", "somewhere")
    mine.closed.add("Jobs")
    mine.folded.clear()
    layouts.choose("Robustness")
    assert "Jobs" not in layouts.current.closed
    assert layouts.current.folded == {"right"}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "needs a name"),
        (" \t ", "needs a name"),
        ("landscape", "a layout 'Landscape' already"),
        ("MINE", "a layout 'Mine' already"),
        ("m" * 41, "more than 40 letters"),
    ],
)
def test_a_name_that_is_none_or_taken_is_refused(layouts, name, problem):
    layouts.save_as("Mine")
    assert problem in layouts.why_not(name)
    with pytest.raises(IsolossError, match=problem):
        layouts.save_as(name)
    layouts.save_as("Other")
    with pytest.raises(IsolossError, match=problem):
        layouts.rename("Other", name)
    assert layouts.own == ["Mine", "Other"]


def test_renamed_ones_keep_their_place_and_stay_in_use(layouts):
    for name in ("One", "Two"):
        layouts.save_as(name)
    layouts.choose("One")
    layouts.rename("One", "one")
    assert layouts.own == ["one", "Two"]
    assert layouts.name == "one"
    with pytest.raises(IsolossError, match="ships with isoloss"):
        layouts.rename("Compare", "Mine")


def test_deleting_the_one_in_use_returns_to_what_it_began_as(layouts):
    layouts.choose("Robustness")
    layouts.save_as("Mine")
    layouts.delete("Mine")
    assert (layouts.name, layouts.own) == ("Robustness", [])
    layouts.delete("Compare")
    assert "Compare" in layouts.names


def test_reset_begins_it_again(layouts):
    layouts.choose("Compare")
    layouts.current.closed = {"Runs"}
    layouts.current.docked.text = "somewhere"
    layouts.reset()
    assert layouts.current.closed == SHAPES["Compare"].closed
    assert layouts.current.docked.text == ""


def test_they_come_back_as_they_were_left(layouts):
    layouts.choose("Robustness")
    layouts.current.closed.add("Log")
    layouts.save_as("Größe Ω")
    layouts.current.docked.text = "[Docking][Data]\n"
    layouts.save()
    back = Layouts.load()
    assert back.name == "Größe Ω"
    assert back.names == layouts.names
    assert back.current == layouts.current
    assert not back.chosen


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        "{",
        '{"layouts": 3}',
        '{"name": ["Landscape"], "layouts": {"Mine": null, "Other": {"like": "nothing"}}}',
        '{"name": "Mine", "layouts": {"Landscape": {"like": "Compare"}, "": {"like": "Compare"}}}',
        '{"layouts": {"LANDSCAPE": {"like": "Compare"}}}',
    ],
)
def test_what_is_missing_or_damaged_is_as_it_ships(folder, content):
    if content is not None:
        (folder / FILE).write_text(content)
    layouts = Layouts.load()
    assert layouts.names == list(SHAPES)
    assert layouts.name == "Landscape"
    assert layouts.current.closed == SHAPES["Landscape"].closed


def test_low_windows_have_an_arrangement_of_their_own(layouts):
    usual = Docked("[Docking][Data] usual", 15.0, 14.5)
    layouts.current.docked = usual
    low = layouts.current.arranged(is_low=True)
    low.text, low.em = "[Docking][Data] low", 22.5
    layouts.save_as("Mine")
    layouts.save()
    for name in ("Landscape", "Mine"):
        back = Layouts.load()
        back.choose(name)
        assert back.current.arranged(is_low=False) == usual
        assert back.current.arranged(is_low=True) == Docked("[Docking][Data] low", 22.5)
    layouts.current.low.text = "elsewhere"
    layouts.choose("Landscape")
    assert layouts.current.low.text == "[Docking][Data] low"


@pytest.mark.parametrize("em", [None, "15", -1, 0, 1e9, float("nan"), [15]])
def test_sizes_that_make_no_sense_are_unknown(folder, em):
    entry = {"like": "Compare", "docked": "x", "em": em, "bottom": em, "low": 3}
    (folder / FILE).write_text(json.dumps({"layouts": {"Compare": entry}, "name": "Compare"}))
    found = Layouts.load().current
    assert found.docked == Docked("x")
    assert found.low == Docked()


def test_damaged_entries_cost_themselves_alone(folder):
    entry = {"like": "Compare", "closed": ["Log", 3, None], "folded": "left", "docked": 7}
    (folder / FILE).write_text(json.dumps({"name": "Mine", "layouts": {"Mine": entry, "X": 1}}))
    layouts = Layouts.load()
    assert layouts.own == ["Mine"]
    assert layouts.current.closed == {"Log"}
    assert layouts.current.docked.text == ""


def test_a_folder_that_cannot_be_written_costs_no_session(folder, monkeypatch, layouts):
    (folder / "taken").write_text("")
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(folder / "taken"))
    layouts.save()
    assert Layouts.load().name == "Landscape"


EARLIER = """;;; !!! This configuration is handled by HelloImGui

;;;<<<AppWindow>>>;;;
[AppWindow]
WindowSize=1280,800
;;;<<<ImGui_655921752_Default>>>;;;
[Window][Layers]
DockId=0x00000007,0

[Docking][Data]
DockSpace ID=0x00000007
;;;<<<Layout_655921752_Default>>>;;;
[Visibility]
"""


def test_the_one_layout_of_an_earlier_version_is_landscape_now(folder):
    (folder / "layout.ini").write_text(EARLIER)
    docked = Layouts.load().current.docked.text
    assert docked.splitlines()[0] == "[Window][Layers]"
    assert docked.splitlines()[-1] == "DockSpace ID=0x00000007"
    layouts = Layouts()
    layouts.current.docked.text = "later"
    layouts.save()
    assert Layouts.load().current.docked.text == "later"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", EARLIER[:90].encode()])
def test_what_an_earlier_version_left_may_be_damaged(folder, content):
    (folder / "layout.ini").write_bytes(content)
    assert Layouts.load().current.docked.text == ""
