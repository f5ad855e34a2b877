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
from isoloss.app.panels.plots_panel import PlotsPanel, has_plots
from isoloss.app.panels.robustness_panel import RobustnessPanel
from isoloss.app.panels.runs_panel import RunsPanel
from isoloss.app.panels.slice_panel import SlicePanel
from isoloss.app.ui.panel import Panel, Surroundings
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


def _has_surfaces(parts: Surroundings) -> bool:
    return bool(parts.workspace.scene.layers)


def _has_jobs(parts: Surroundings) -> bool:
    return bool(parts.workspace.runs.followed)


def _has_training_curves(parts: Surroundings) -> bool:
    return any(map(has_plots, parts.workspace.runs.followed))


def _has_comparison(parts: Surroundings) -> bool:
    return parts.workspace.comparison.is_of_any


def _has_curves(parts: Surroundings) -> bool:
    return bool(parts.workspace.curves.open) and not parts.fills_middle("Curve")


def _has_slice(parts: Surroundings) -> bool:
    return parts.slicing.cut is not None


def _has_minima(parts: Surroundings) -> bool:
    return parts.workspace.appearance.minima and bool(parts.workspace.scene.shown)


def _has_accuracies(parts: Surroundings) -> bool:
    return bool(parts.workspace.evaluations.open) and not parts.fills_middle("Robustness")


def _has_examples(parts: Surroundings) -> bool:
    return bool(parts.workspace.evaluations.open)


for _panel in (
    Panel(
        "Layers",
        "Left",
        LayersPanel,
        "Ctrl+1",
        has_content=_has_surfaces,
    ),
    Panel(
        "Appearance",
        "LeftBottom",
        lambda parts: AppearancePanel(parts.workspace),
        "Ctrl+2",
        has_content=_has_surfaces,
    ),
    Panel(
        "Experiments",
        "Right",
        lambda parts: ExperimentsPanel(parts.workspace),
        "Ctrl+3",
        _NO_SCROLLBAR,
    ),
    Panel(
        "Jobs",
        "RightBottom",
        JobsPanel,
        "Ctrl+4",
        has_content=_has_jobs,
    ),
    Panel("Runs", "Bottom", RunsPanel, "Ctrl+Shift+R"),
    Panel(
        "Compare",
        "Bottom",
        ComparePanel,
        "Ctrl+Shift+V",
        has_content=_has_comparison,
    ),
    Panel(
        "Plots",
        "Bottom",
        lambda parts: PlotsPanel(parts.workspace.runs),
        "Ctrl+5",
        has_content=_has_training_curves,
    ),
    Panel("Log", "Bottom", lambda parts: LogPanel(parts.workspace.messages), "Ctrl+6"),
    Panel(
        "Curve",
        "Bottom",
        CurvePanel,
        "Ctrl+7",
        has_content=_has_curves,
    ),
    Panel(
        "Slice",
        "Bottom",
        lambda parts: SlicePanel(parts.workspace, parts.slicing),
        "Ctrl+8",
        has_content=_has_slice,
    ),
    Panel(
        "Minima",
        "Bottom",
        lambda parts: MinimaPanel(parts.workspace),
        "Ctrl+9",
        has_content=_has_minima,
    ),
    Panel(
        "Robustness",
        "Bottom",
        lambda parts: RobustnessPanel(parts.workspace, parts.show_examples, parts.save_figure),
        "Ctrl+0",
        has_content=_has_accuracies,
    ),
    Panel(
        "Examples",
        "Bottom",
        lambda parts: ExamplesPanel(parts.workspace, parts.show_landscape),
        "Ctrl+Shift+E",
        _NO_NAVIGATION,
        _has_examples,
    ),
):
    register(_panel)
