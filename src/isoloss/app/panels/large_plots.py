"""Curves and robustness runs come to the front when they are opened: in their panels or, while
nothing three-dimensional is open, in the room of the viewport."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from isoloss.app.panels.curve_panel import CurvePanel
from isoloss.app.panels.robustness_panel import RobustnessPanel
from isoloss.app.state.layout.shown_panels import VIEWPORT
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.docking import Docking


class LargePlots:
    """What stands in the viewport's room in place of pictures.

    Args:
        curve, robustness: panels of their own, so that plots keep their limits apart.
        docking: shows the panels, as the layout in use says.
    """

    def __init__(
        self,
        workspace: Workspace,
        curve: CurvePanel,
        robustness: RobustnessPanel,
        docking: Docking,
    ) -> None:
        self.curve, self.robustness = curve, robustness
        self._workspace, self._docking = workspace, docking
        self._seen_curve: OpenCurve | None = None
        self._seen_evaluation: OpenEvaluation | None = None
        self._seen_layers: set[object] = set()
        self._front = "Curve"

    @property
    def shown(self) -> str:
        """The panel whose content has the room of the pictures; "" if these have it."""
        workspace = self._workspace
        open_here = {"Curve": workspace.curves.open, "Robustness": workspace.evaluations.open}
        if self._workspace.scene.layers:
            filled = self._docking.layouts.current.shape.filled
            return filled if filled == self._front and open_here.get(filled) else ""
        others = [name for name in open_here if open_here[name]]
        return self._front if self._front in others else next(iter(others), "")

    @property
    def fill_viewport(self) -> bool:
        """Whether plots have the room of the pictures: nothing three-dimensional is open, or the
        layout is made for them."""
        return bool(self.shown)

    def bring(self, name: str) -> None:
        """Let a panel have the room, where the layout in use gives it; "" gives it back."""
        self._front = name or self._front

    def follow(self) -> None:
        """Bring to the front what is newly shown."""
        curves, evaluations = self._workspace.curves, self._workspace.evaluations
        layers: set[object] = {*self._workspace.document.layers}
        if layers - self._seen_layers:
            self._front = ""
            self._show_middle()
        if curves.shown not in (None, self._seen_curve):
            self._show("Curve")
        if evaluations.shown not in (None, self._seen_evaluation):
            self._show("Robustness")
        self._seen_curve, self._seen_evaluation = curves.shown, evaluations.shown
        self._seen_layers = layers

    def draw(self) -> None:
        """Draw the plot in front, in the rest of the window at hand."""
        flags = int(imgui.ChildFlags_.always_use_window_padding)
        if imgui.begin_child("curve", ImVec2(0, 0), flags):
            (self.curve if self.shown == "Curve" else self.robustness).draw()
        imgui.end_child()

    def _show(self, name: str) -> None:
        self._front = name
        if self.shown == name:
            self._show_middle()
        else:
            self._docking.bring_to_front(name)

    def _show_middle(self) -> None:
        """Let what is in the room of the pictures be seen, whatever has that room."""
        if not self._docking.is_shown(VIEWPORT):
            self._docking.bring_to_front(VIEWPORT)
