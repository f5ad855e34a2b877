"""Which surfaces are to be put together as their mean."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from isoloss.app.dialogs.dialog_frame import draw_dialog, draw_footer
from isoloss.app.state.comparing import save_mean
from isoloss.app.state.opening.opener import open_path
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, hint, shortened, wrapped
from isoloss.errors import IsolossError
from isoloss.geometry.analysis.difference import apart_in_grid
from isoloss.scene.layer import SurfaceLayer

TITLE = "Mean of surfaces"
FEWEST = 2
MOST_ROWS = 12
"""Of more the list is scrolled."""


class MeanDialog:
    """Chooses the surfaces of a mean, which becomes a file of its own.

    Attributes:
        chosen: the layers that are put together.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.is_open = False
        self.chosen: set[SurfaceLayer] = set()
        self._appearing = False

    def open(self) -> None:
        """Show the dialog; all surfaces that fit to the selected one are chosen."""
        layer = self.workspace.selected
        if layer is None:
            return
        self.chosen = {x for x in self.workspace.document.layers if not _why_not(layer, x)}
        self.is_open = self._appearing = True

    def draw(self) -> None:
        """Draw it if it is open."""
        layer = self.workspace.selected
        if not self.is_open or layer is None:
            self.is_open = False
            return
        stays = draw_dialog(
            TITLE, ImVec2(em(30), 0), lambda: self._content(layer), appearing=self._appearing
        )
        self._appearing = False
        self.is_open = self.is_open and stays

    def _content(self, selected: SurfaceLayer) -> None:
        layers = self.workspace.document.layers
        self.chosen &= {*layers}
        wrapped("Mean and spread over networks or planes, cell by cell", palette().muted)
        tallest = ImVec2(em(100), MOST_ROWS * imgui.get_frame_height_with_spacing())
        imgui.set_next_window_size_constraints(ImVec2(0, 0), tallest)
        if imgui.begin_child("layers", ImVec2(0, 0), int(imgui.ChildFlags_.auto_resize_y)):
            for k, layer in enumerate(layers):
                self._choice(k, layer, _why_not(selected, layer))
        imgui.end_child()
        imgui.spacing()
        cancelled, wanted = draw_footer("Save mean", enabled=len(self.chosen) >= FEWEST)
        if cancelled:
            self.is_open = False
        elif wanted:
            self._save([layer for layer in layers if layer in self.chosen])

    def _choice(self, k: int, layer: SurfaceLayer, refusal: str) -> None:
        imgui.begin_disabled(bool(refusal))
        room = imgui.get_content_region_avail().x - 1.5 * imgui.get_frame_height()
        if imgui.checkbox(f"{shortened(layer.name, room)}###mean of {k}", layer in self.chosen)[0]:
            self.chosen ^= {layer}
        imgui.end_disabled()
        if refusal:
            hint(refusal)

    def _save(self, layers: list[SurfaceLayer]) -> None:
        try:
            path = save_mean(layers, self.workspace.folder)
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")
            return
        self.is_open = False
        if open_path(self.workspace, path):
            self.workspace.messages.say(f"Wrote {path.name}")


def _why_not(selected: SurfaceLayer, layer: SurfaceLayer) -> str:
    """Why a layer has no place beside the selected one, in words; "" if it has."""
    if layer.quantity != selected.quantity:
        return "Another quantity"
    apart = apart_in_grid(selected.surface, layer.surface)
    return f"Another grid: {apart}" if apart else ""
