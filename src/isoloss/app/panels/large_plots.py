"""Curves and robustness runs come to the front when they are opened: in their panels or, while
nothing three-dimensional is open, in the room of the viewport."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, imgui

from isoloss.app.panels.curve_panel import CurvePanel
from isoloss.app.panels.robustness_panel import RobustnessPanel
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.app.state.workspace import Workspace


class LargePlots:
    """What stands in the viewport's room in place of pictures.

    Args:
        curve, robustness: panels of their own, so that plots keep their limits apart.
        bring_to_front: of the panel with this name.
    """

    def __init__(
        self,
        workspace: Workspace,
        curve: CurvePanel,
        robustness: RobustnessPanel,
        bring_to_front: Callable[[str], object],
    ) -> None:
        self.curve, self.robustness = curve, robustness
        self._workspace, self._bring_to_front = workspace, bring_to_front
        self._seen_curve: OpenCurve | None = None
        self._seen_evaluation: OpenEvaluation | None = None
        self._front: CurvePanel | RobustnessPanel = curve

    @property
    def fill_viewport(self) -> bool:
        """Whether nothing three-dimensional is open, so that plots can have the room for it."""
        has_plots = self._workspace.curves.open or self._workspace.evaluations.open
        return not self._workspace.scene.layers and bool(has_plots)

    def follow(self) -> None:
        """Bring to the front what is newly shown."""
        curves, evaluations = self._workspace.curves, self._workspace.evaluations
        if curves.shown not in (None, self._seen_curve):
            self._show(self.curve, "Curve")
        if evaluations.shown not in (None, self._seen_evaluation):
            self._show(self.robustness, "Robustness")
        self._seen_curve, self._seen_evaluation = curves.shown, evaluations.shown
        if not curves.open:
            self._front = self.robustness
        elif not evaluations.open:
            self._front = self.curve

    def draw(self) -> None:
        """Draw the plot in front, in the rest of the window at hand."""
        flags = int(imgui.ChildFlags_.always_use_window_padding)
        if imgui.begin_child("curve", ImVec2(0, 0), flags):
            self._front.draw()
        imgui.end_child()

    def _show(self, large: CurvePanel | RobustnessPanel, panel: str) -> None:
        self._front = large
        if not self.fill_viewport:
            self._bring_to_front(panel)
