"""The registry of panels: what an entry says is all that the rest of the window goes by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from imgui_bundle import hello_imgui, imgui

from isoloss.app.actions.all_actions import all_actions
from isoloss.app.panels.registry import PANELS, register, unregister
from isoloss.app.parts import Parts
from isoloss.app.state.opening.opener import open_path
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.command_palette import matching
from isoloss.app.ui.docking import lay_out
from isoloss.app.ui.panel import Panel, Place
from isoloss.errors import IsolossError
from isoloss.run import Run
from isoloss.settings import AttackSettings

ROOT = Path(__file__).parents[4]


class Toy:
    """The content of a panel."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.drawn = 0

    def draw(self) -> None:
        self.drawn += 1


@pytest.fixture
def toy():
    """An entry of the registry, while the test lasts."""
    flags = int(imgui.WindowFlags_.no_scrollbar)
    entry = Panel("A toy", "Right", lambda parts: Toy(parts.workspace), "Ctrl+Shift+Y", flags)
    yield register(entry)
    unregister(entry.name)


def laid_out(draw_panel=lambda name: None) -> dict[str, hello_imgui.DockableWindow]:
    """The windows that are docked at first, by name."""
    params = hello_imgui.DockingParams()
    lay_out(params, PANELS, lambda: None, draw_panel)
    return {window.label: window for window in params.dockable_windows}


def test_names_places_and_keys_are_those_of_saved_layouts_and_habits():
    assert [(p.name, p.place, p.key) for p in PANELS] == [
        ("Layers", "Left", "Ctrl+1"),
        ("Appearance", "LeftBottom", "Ctrl+2"),
        ("Experiments", "Right", "Ctrl+3"),
        ("Jobs", "RightBottom", "Ctrl+4"),
        ("Runs", "Bottom", "Ctrl+Shift+R"),
        ("Compare", "Bottom", "Ctrl+Shift+V"),
        ("Plots", "Bottom", "Ctrl+5"),
        ("Log", "Bottom", "Ctrl+6"),
        ("Curve", "Bottom", "Ctrl+7"),
        ("Slice", "Bottom", "Ctrl+8"),
        ("Minima", "Bottom", "Ctrl+9"),
        ("Robustness", "Bottom", "Ctrl+0"),
        ("Examples", "Bottom", "Ctrl+Shift+E"),
    ]


def test_a_name_and_a_shortcut_are_given_once(toy):
    with pytest.raises(IsolossError, match="there is a panel 'A toy' already"):
        register(replace(toy, key=""))
    with pytest.raises(IsolossError, match=r"Ctrl\+Shift\+Y opens the panel 'A toy' already"):
        register(replace(toy, name="Another toy"))


def test_every_panel_is_docked_where_its_entry_says(toy):
    drawn: list[str] = []
    windows = laid_out(drawn.append)
    assert [name for name in windows if name != "Viewport"] == [p.name for p in PANELS]
    places = {split.new_dock for split in _splits()}
    assert places == set(get_args(Place))
    for panel in PANELS:
        assert windows[panel.name].dock_space_name == panel.place
        assert windows[panel.name].imgui_window_flags & panel.window_flags == panel.window_flags
    windows["A toy"].gui_function()
    assert drawn == ["A toy"]


def test_one_entry_makes_a_panel_its_command_and_its_shortcut(toy, workspace):
    parts = Parts(workspace, all_actions)
    content = parts.panels["A toy"]
    assert isinstance(content, Toy)
    assert content is parts.panel(Toy)
    assert content.workspace is workspace
    content.draw()
    assert content.drawn == 1
    command = parts.action("panel-a-toy")
    assert (command.label, command.menu, command.shortcut) == (
        "A toy", "View/Panels", "Ctrl+Shift+Y",
    )  # fmt: skip
    assert matching(parts.actions, "toy")[0] is command
    keys = [action.shortcut for action in parts.actions if action.shortcut]
    assert keys.count("Ctrl+Shift+Y") == 1


def test_without_its_entry_there_is_none(workspace):
    parts = Parts(workspace, all_actions)
    assert "A toy" not in parts.panels
    assert "A toy" not in laid_out()
    assert not any(action.id == "panel-a-toy" for action in parts.actions)


def shown(parts: Parts) -> set[str]:
    return {panel.name for panel in PANELS if parts.docking.is_shown(panel.name)}


def test_what_is_empty_leaves_its_room_to_the_rest(workspace):
    assert shown(Parts(workspace, all_actions)) == {"Experiments", "Runs", "Log"}


def test_panels_come_with_what_they_show(opened, tmp_path):
    parts = Parts(opened, all_actions)
    of_surfaces = {"Layers", "Appearance", "Experiments", "Runs", "Log"}
    assert shown(parts) == of_surfaces
    opened.change(minima=True)
    parts.slicing.along_alpha()
    assert shown(parts) == of_surfaces | {"Minima", "Slice"}
    opened.change(minima=False)
    parts.slicing.toggle()
    assert shown(parts) == of_surfaces
    run = Run.create(tmp_path / "attacked", AttackSettings(source=Path("digits-classifier")))
    opened.show_evaluation(opened.runs.follow(run))
    assert shown(parts) == of_surfaces | {"Robustness", "Examples", "Jobs"}


def test_what_fills_the_middle_needs_no_panel(workspace, tmp_path):
    parts = Parts(workspace, all_actions)
    run = Run.create(tmp_path / "attacked", AttackSettings(source=Path("digits-classifier")))
    workspace.show_evaluation(workspace.runs.follow(run))
    assert parts.fills_middle("Robustness")
    assert "Robustness" not in shown(parts)


def test_in_the_layout_of_robustness_runs_their_plot_has_the_room_of_a_surface(opened, tmp_path):
    parts = Parts(opened, all_actions)
    run = Run.create(tmp_path / "attacked", AttackSettings(source=Path("digits-classifier")))
    opened.show_evaluation(opened.runs.follow(run))
    parts.large_plots.follow()
    assert not parts.large_plots.fill_viewport
    parts.action("layout-Robustness").run()
    assert parts.fills_middle("Robustness")
    assert shown(parts) == {"Experiments", "Jobs", "Runs", "Log", "Examples"}
    parts.action("layout-Landscape").run()
    assert not parts.large_plots.fill_viewport


def test_what_is_opened_is_seen_whatever_had_all_the_room(workspace, surface, tmp_path):
    parts = Parts(workspace, all_actions)
    parts.docking.shown.maximize("Runs")
    open_path(workspace, surface.save(tmp_path / "a.ply"))
    parts.large_plots.follow()
    assert parts.docking.is_shown("Viewport")
    assert "Layers" in shown(parts)
    parts.docking.shown.maximize("Runs")
    parts.large_plots.follow()
    assert shown(parts) == {"Runs"}, "nothing new was opened"


def test_the_middle_is_the_panels_that_the_layout_gives_it(workspace, surface, tmp_path):
    compare = Panel("Compare", "Bottom", lambda parts: Toy(parts.workspace))
    added = None if compare.name in PANELS else register(compare)
    try:
        parts = Parts(workspace, all_actions)
        assert parts.docking.is_shown("Viewport")
        parts.action("layout-Compare").run()
        assert "Compare" in shown(parts)
        assert not parts.docking.is_shown("Viewport")
        parts.welcome.toggle()
        assert parts.docking.is_shown("Viewport")
        parts.welcome.toggle()
        open_path(workspace, surface.save(tmp_path / "a.ply"))
        parts.large_plots.follow()
        assert parts.docking.is_shown("Viewport"), "what was opened is seen beside it"
    finally:
        if added is not None:
            unregister(added.name)


def test_the_panel_in_the_guide_is_the_one_that_a_journey_opens():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.partition("### A new panel")[2].partition("\n#")[0]
    blocks = section.split("```python\n")[1:]
    code = [block.partition("```")[0].strip() for block in blocks]
    journey = (ROOT / "tests" / "gui" / "journeys" / "window" / "panel.py").read_text(
        encoding="utf-8"
    )
    assert len(code) == 2
    for block in code:
        assert block in journey


def _splits() -> list[hello_imgui.DockingSplit]:
    params = hello_imgui.DockingParams()
    lay_out(params, PANELS, lambda: None, lambda name: None)
    return list(params.docking_splits)
