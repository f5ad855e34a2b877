"""Which surface is to be taken from the selected one."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.dialogs.dialog_frame import draw_dialog
from isoloss.app.state.comparing import why_no_difference
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, list_line, wrapped
from isoloss.scene.layer import SurfaceLayer

TITLE = "Difference"


class DifferenceDialog:
    """Chooses the second surface of a difference."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.is_open = False
        self._appearing = False

    def open(self) -> None:
        """Show the dialog, unless there is but one choice: then make it."""
        layer = self.workspace.selected
        if layer is None:
            return
        others = [x for x in self.workspace.document.layers if x is not layer]
        if len(others) == 1:
            self.workspace.show_difference(layer, others[0])
        else:
            self.is_open = self._appearing = bool(others)

    def draw(self) -> None:
        """Draw it if it is open."""
        layer = self.workspace.selected
        if not self.is_open or layer is None:
            self.is_open = False
            return

        def content() -> None:
            wrapped(f"{layer.name} minus", palette().muted)
            if difference_choices(self.workspace, layer):
                self.is_open = False

        stays = draw_dialog(TITLE, ImVec2(em(26), 0), content, appearing=self._appearing)
        self._appearing = False
        self.is_open = self.is_open and stays


def difference_choices(workspace: Workspace, layer: SurfaceLayer) -> bool:
    """A line for each other surface; choosing one opens the difference. Returns whether one was."""
    chosen = False
    for k, other in enumerate(list(workspace.document.layers)):
        if other is layer:
            continue
        refusal = why_no_difference(layer, other)
        imgui.begin_disabled(bool(refusal))
        icon = fa.ICON_FA_MOUNTAIN_SUN
        if list_line(f"minus {k}", other.name, icon=icon, aside="another grid" if refusal else ""):
            workspace.show_difference(layer, other)
            chosen = True
        imgui.end_disabled()
        if refusal and imgui.is_item_hovered(int(imgui.HoveredFlags_.allow_when_disabled)):
            imgui.set_tooltip(f"{refusal[0].upper()}{refusal[1:]}")
    return chosen
