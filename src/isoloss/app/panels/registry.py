"""All docked panels: a new one needs its file and one entry at the end.

Layout, the View menu, shortcuts, command palette and help follow from this list, in its order.
"""

from __future__ import annotations

from imgui_bundle import imgui

from isoloss.app.panels.appearance_panel import AppearancePanel
from isoloss.app.panels.compare_panel import ComparePanel
from isoloss.app.panels.curve_panel import CurvePanel
from isoloss.app.panels.examples_panel import ExamplesPanel
from isoloss.app.panels.experiments_panel import ExperimentsPanel
from isoloss.app.panels.jobs_panel import JobsPanel
from isoloss.app.panels.layers_panel import LayersPanel
from isoloss.app.panels.log_panel import LogPanel
from isoloss.app.panels.minima_panel import MinimaPanel
from isoloss.app.panels.plots_panel import PlotsPanel
from isoloss.app.panels.robustness_panel import RobustnessPanel
from isoloss.app.panels.runs_panel import RunsPanel
from isoloss.app.panels.slice_panel import SlicePanel
from isoloss.app.ui.panel import Panel
from isoloss.errors import IsolossError
from isoloss.registry import Registry

_NO_SCROLLBAR = int(imgui.WindowFlags_.no_scrollbar)  # it scrolls its fields, not its buttons
_NO_NAVIGATION = int(imgui.WindowFlags_.no_nav_inputs)  # its arrow keys go from image to image

PANELS = Registry[Panel]("panel")
unregister = PANELS.unregister


def register(panel: Panel) -> Panel:
    """Add a panel, behind those that there are.

    Raises:
        IsolossError: if one has its name or its shortcut.
    """
    for other in PANELS:
        if panel.key and panel.key == other.key:
            raise IsolossError(f"{panel.key} opens the panel {other.name!r} already")
    return PANELS.register(panel)


for _panel in (
    Panel("Layers", "Left", lambda parts: LayersPanel(parts.workspace), "Ctrl+1"),
    Panel("Appearance", "LeftBottom", lambda parts: AppearancePanel(parts.workspace), "Ctrl+2"),
    Panel(
        "Experiments",
        "Right",
        lambda parts: ExperimentsPanel(parts.workspace),
        "Ctrl+3",
        _NO_SCROLLBAR,
    ),
    Panel("Jobs", "RightBottom", lambda parts: JobsPanel(parts.workspace, parts.use), "Ctrl+4"),
    Panel("Runs", "Bottom", RunsPanel, "Ctrl+Shift+R"),
    Panel("Compare", "Bottom", ComparePanel, "Ctrl+Shift+V"),
    Panel("Plots", "Bottom", lambda parts: PlotsPanel(parts.workspace.runs), "Ctrl+5"),
    Panel("Log", "Bottom", lambda parts: LogPanel(parts.workspace.messages), "Ctrl+6"),
    Panel("Curve", "Bottom", lambda parts: CurvePanel(parts.workspace), "Ctrl+7"),
    Panel("Slice", "Bottom", lambda parts: SlicePanel(parts.workspace, parts.slicing), "Ctrl+8"),
    Panel("Minima", "Bottom", lambda parts: MinimaPanel(parts.workspace), "Ctrl+9"),
    Panel(
        "Robustness",
        "Bottom",
        lambda parts: RobustnessPanel(parts.workspace, parts.show_examples, parts.save_figure),
        "Ctrl+0",
    ),
    Panel(
        "Examples",
        "Bottom",
        lambda parts: ExamplesPanel(parts.workspace, parts.show_landscape),
        "Ctrl+Shift+E",
        _NO_NAVIGATION,
    ),
):
    register(_panel)
