"""Layouts: switched by hand and by what is opened, saved by name, folded, maximized, kept."""

import sys
from pathlib import Path

from drive import Driver, drive, patience
from imgui_bundle import imgui

from isoloss.app.state.opening.opener import open_path
from isoloss.app.ui.dock_nodes import rect_of

STEP, VALLEY, DEFENDED = sys.argv[1], *map(Path, sys.argv[2:4])
BAR = "//##MainMenuBar/**/"


def begin(d: Driver) -> None:
    d.settle()
    nothing_open(d)
    surface(d)
    one_for_all(d)
    fold(d)
    follow(d)
    own(d)
    leave(d)


def nothing_open(d: Driver) -> None:
    """What has nothing in it leaves its room to the rest."""
    assert seen(d) == {"Experiments", "Runs", "Log"}
    assert rect_of("Viewport")[0] == 0
    d.shot("layouts_empty.png")


def surface(d: Driver) -> None:
    """With a surface come its panels; what is asked for is there though it is empty."""
    open_path(d.parts.workspace, VALLEY)
    d.until(lambda: seen(d) == {"Layers", "Appearance", "Experiments", "Runs", "Log"}, "its panels")
    d.press(imgui.Key.mod_ctrl, imgui.Key._8)
    d.until(lambda: rect_of("Slice"), "the slice, which is empty")
    d.press(imgui.Key.mod_ctrl, imgui.Key._8)
    d.until(lambda: "Slice" not in seen(d), "it to close")
    d.press(imgui.Key.m)
    d.until(lambda: rect_of("Minima"), "the minima")
    d.settle()


def one_for_all(d: Driver) -> None:
    """A double click on a tab gives its panel all the room; again, or Escape, gives it back."""
    for back in (lambda: tab(d, "Minima"), lambda: d.press(imgui.Key.escape)):
        before = places(d)
        tab(d, "Minima")
        d.until(lambda: seen(d) == {"Minima"} and rect_of("Viewport") is None, "it to be alone")
        d.settle()
        left, _, right, _ = rect_of("Minima")
        assert (left, right) == (0, imgui.get_io().display_size.x)
        d.shot("layouts_maximized.png")
        back()
        d.until(lambda: rect_of("Viewport"), "the others")
        d.settle()
        assert places(d) == before
    # The pictures have no tab; a command does it, and the bar offers the way back.
    before = places(d)
    d.ctx.set_ref("")
    d.ctx.menu_click("##MainMenuBar/View/Layout/###maximize")
    d.until(lambda: len(seen(d)) < 2, "one to be alone")
    d.settle()
    d.click(f"{BAR}maximized")
    d.until(lambda: len(seen(d)) > 4, "the others")
    d.settle()
    assert places(d) == before


def fold(d: Driver) -> None:
    """Sides fold by a key and by a click, and come back as they were."""
    before = places(d)
    for key, side, gone in (
        (imgui.Key.f6, "left", {"Layers", "Appearance"}),
        (imgui.Key.f7, "bottom", {"Runs", "Log", "Minima"}),
        (imgui.Key.f8, "right", {"Experiments"}),
    ):
        d.press(key)
        d.until(lambda gone=gone: seen(d) == before.keys() - gone, f"the {side} to be folded")
        d.click(f"{BAR}fold-{side}")
        d.until(lambda: seen(d) == before.keys(), f"the {side} to be unfolded")
        d.settle()
        assert places(d) == before
    d.press(imgui.Key.f9)
    d.until(lambda: not seen(d), "all to be folded")
    d.settle()
    d.shot("layouts_folded.png")
    d.press(imgui.Key.f9)
    d.until(lambda: seen(d) == before.keys(), "all to be unfolded")
    d.settle()
    assert places(d) == before


def follow(d: Driver) -> None:
    """What is opened brings its layout, but not against a choice."""
    layouts, large = d.parts.docking.layouts, d.parts.large_plots
    assert layouts.name == "Landscape"
    open_path(d.parts.workspace, DEFENDED)
    d.until(lambda: layouts.name == "Robustness", "the layout of robustness runs")
    d.until(lambda: len(large.robustness.plot.points) == 9, "its curves in the middle")
    d.until(lambda: rect_of("Examples"), "the examples")
    d.settle()
    assert seen(d) == {"Experiments", "Jobs", "Runs", "Log", "Examples"}
    d.shot("layouts_robustness.png")
    d.click(f"{BAR}layout-Landscape")
    d.until(lambda: layouts.name == "Landscape" and rect_of("Layers"), "the surface again")
    d.settle()
    assert not large.fill_viewport
    open_path(d.parts.workspace, DEFENDED)
    d.ctx.yield_(8)
    assert layouts.name == "Landscape"
    for key, name in ((imgui.Key.f3, "Robustness"), (imgui.Key.f4, "Compare")):
        d.press(key)
        d.until(lambda name=name: layouts.name == name, name)
    d.settle()
    d.shot("layouts_compare.png")
    d.press(imgui.Key.f2)
    d.settle()


def own(d: Driver) -> None:
    """Saved under a name, renamed, deleted; each keeps what is changed in it."""
    layouts = d.parts.docking.layouts
    d.press(imgui.Key.f6)
    d.click(f"{BAR}layouts")
    d.click("//$FOCUSED/save-layout")
    d.type("//Layouts/##new", "Compare")
    assert layouts.own == []
    d.shot("layouts_taken.png")
    d.type("//Layouts/##new", "Wide")  # and Enter
    d.until(lambda: layouts.name == "Wide", "it to be saved")
    d.shot("layouts_dialog.png")
    d.press(imgui.Key.escape)
    d.until(lambda: not d.parts.layouts_dialog.is_open, "the dialog to close")
    assert d.ctx.item_exists(f"{BAR}layout-Wide")
    d.press(imgui.Key.f8)
    d.until(lambda: not {"Experiments", "Layers"} & seen(d), "both sides to be folded")
    d.press(imgui.Key.f2)
    d.until(lambda: {"Experiments"} <= seen(d), "the right side in the other layout")
    d.settle()
    d.ctx.set_ref("")
    d.ctx.menu_click("##MainMenuBar/View/Layout/###edit-layouts")
    d.type("//Layouts/$$0/##name", "Wider")
    d.until(lambda: layouts.own == ["Wider"], "its new name")
    d.click("//Layouts/$$0/use")
    d.until(lambda: layouts.name == "Wider", "it to be used")
    d.type("//Layouts/##new", "Gone")
    d.until(lambda: layouts.own == ["Wider", "Gone"], "another")
    d.click("//Layouts/$$1/delete")
    d.until(lambda: layouts.own == ["Wider"], "it to be deleted")
    d.press(imgui.Key.escape)
    d.until(lambda: not d.parts.layouts_dialog.is_open, "the dialog to close")


def leave(d: Driver) -> None:
    """The window is closed with one of one's own in use, and Landscape with its left folded."""
    layouts = d.parts.docking.layouts
    d.ctx.set_ref("")
    d.ctx.menu_click("##MainMenuBar/View/Layout/###layout-Wider")
    d.until(lambda: layouts.name == "Wider", "one's own")
    d.press(imgui.Key.f7)
    d.until(lambda: not seen(d), "all sides to be folded")
    d.settle()


def again(d: Driver) -> None:
    """In the next window it is as it was left."""
    layouts = d.parts.docking.layouts
    d.settle()
    assert layouts.names == ["Landscape", "Robustness", "Compare", "Wider"]
    assert layouts.name == "Wider"
    assert not seen(d)
    d.shot("layouts_again.png")
    d.press(imgui.Key.f9)
    d.until(lambda: {"Layers", "Experiments", "Runs"} <= seen(d), "all sides")
    d.settle()
    d.press(imgui.Key.f2)
    d.until(lambda: layouts.name == "Landscape", "Landscape")
    d.settle()
    assert "Layers" not in seen(d)
    d.ctx.set_ref("")
    d.ctx.menu_click("##MainMenuBar/View/Layout/###reset-layout")
    d.until(lambda: "Layers" in seen(d), "Landscape as it began")


def seen(d: Driver) -> set[str]:
    """The panels that are shown, in front or behind others of their place."""
    return {name for name in d.parts.panels if d.parts.docking.is_shown(name)}


def places(d: Driver) -> dict[str, tuple[object, ...]]:
    """Where each panel that is shown is, which is in front, and in which order the tabs are."""
    found = {}
    for name in seen(d):
        window = imgui.internal.find_window_by_name(name)
        found[name] = (
            *window.dock_node.pos,
            *window.dock_node.size,
            window.dock_order,
            rect_of(name),
        )
    return found


def tab(d: Driver, name: str) -> None:
    """Double-click the tab of a panel, however long frames take."""
    rect = imgui.internal.find_window_by_name(name).dc.dock_tab_item_rect
    d.ctx.mouse_move_to_pos(((rect.min.x + rect.max.x) / 2, (rect.min.y + rect.max.y) / 2))
    with patience():
        d.ctx.mouse_double_click(0)
        d.ctx.yield_(2)


drive(begin if STEP == "begin" else again, *([] if STEP == "begin" else [VALLEY]))
