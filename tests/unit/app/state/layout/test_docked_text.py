"""What imgui writes of where panels are: what of it is kept, and what holds no longer."""

from __future__ import annotations

import pytest

from isoloss.app.state.layout.docked_text import completed, of_panels

PLACES = {"Viewport": "Middle", "Layers": "Left", "Runs": "Bottom", "Log": "Bottom"}
SETTINGS = """[Window][Debug##Default]
Pos=60,60
Size=400,400

[Window][Layers]
Pos=0,22
Size=243,708
DockId=0x00000003,0

[Window][Runs]
Pos=246,540
Size=600,200
DockId=0x00000008,0

[Window][Log]
Pos=246,540
Size=600,200
DockId=0x00000008,1

[Window][Viewport]
Pos=246,22
Size=600,515
DockId=0x00000007,0

[Table][0xBC22C3B0,2]
Column 0  Weight=1.0000

[Docking][Data]
DockSpace       ID=0x0B5F13A4 Window=0xE0C95FEC Pos=0,22 Size=1280,748 Split=X
  DockNode      ID=0x00000003 Parent=0x0B5F13A4 SizeRef=243,748 Selected=0x3C73A4BE
  DockNode      ID=0x00000004 Parent=0x0B5F13A4 SizeRef=1034,748 Split=Y
    DockNode    ID=0x00000007 Parent=0x00000004 SizeRef=600,515 CentralNode=1
    DockNode    ID=0x00000008 Parent=0x00000004 SizeRef=600,200 Selected=0x2A1FBB7A
"""


def test_only_panels_and_where_they_dock_are_kept():
    kept = of_panels(SETTINGS, PLACES)
    assert "[Window][Layers]" in kept
    assert "[Docking][Data]\nDockSpace       ID=0x0B5F13A4" in kept
    assert "Debug" not in kept
    assert "Table" not in kept
    assert of_panels(kept, PLACES).split() == kept.split()


def test_what_is_whole_holds_as_it_is():
    kept = of_panels(SETTINGS, PLACES)
    assert completed(kept, PLACES).split() == kept.split()


def test_a_panel_that_came_later_is_docked_with_those_of_its_place():
    places = PLACES | {"Compare": "Bottom", "New": "Left"}
    text = completed(of_panels(SETTINGS, PLACES), places)
    sections = {part.split("]")[0]: part for part in text.split("[Window][")[1:]}
    assert "DockId=0x00000008," in sections["Compare"]
    assert "DockId=0x00000003," in sections["New"]
    assert text.count("[Window][Runs]") == 1
    assert text.count("[Docking][Data]") == 1


def test_a_panel_without_a_place_there_gives_all_up():
    assert completed(SETTINGS, PLACES | {"New": "Right"}) == ""


def test_a_panel_that_floats_stays_so():
    floating = SETTINGS.replace("Size=243,708\nDockId=0x00000003,0\n", "Size=243,708\n")
    assert "[Window][Layers]\nPos=0,22\nSize=243,708\n\n" in completed(floating, PLACES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing of the kind",
        SETTINGS.partition("[Docking]")[0],
        SETTINGS.partition("    DockNode    ID=0x00000008")[0],
        SETTINGS.replace("DockSpace ", "DockPlace "),
        "[Window][Layers]\nDockId=0x00000003,0\n[Docking][Data]\n",
        SETTINGS.replace("DockId", "dock"),
    ],
)
def test_what_is_cut_or_docks_where_nothing_is_is_given_up(text):
    assert completed(text, PLACES) == ""
