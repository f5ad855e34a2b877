"""The layers panel: what is in the scene, one eye for each surface and each trajectory."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.theme import palette, vec
from isoloss.app.widgets import em, heading, hint, icon_button, muted, row, rows, shortened, wrapped
from isoloss.app.workspace import Workspace
from isoloss.scene.layer import SurfaceLayer


class LayersPanel:
    """Lists the layers and tells about the selected one."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def draw(self) -> None:
        """Draw the panel's content."""
        layers = self.workspace.scene.layers
        if not layers:
            wrapped("No surface is open. Drop a file here, or press Ctrl+O.", palette().muted)
            return
        for k, layer in enumerate(list(layers)):
            imgui.push_id(k)
            self._surface(layer)
            trajectory = self.workspace.trajectory_of(layer)
            if trajectory is not None:
                self._trajectory(layer, len(trajectory))
            imgui.pop_id()
        if self.workspace.selected is not None:
            self._details(self.workspace.selected)

    def _surface(self, layer: SurfaceLayer) -> None:
        p = palette()
        if _eye("eye", layer.visible, "Show or hide this surface"):
            layer.visible = not layer.visible
        imgui.same_line(0, em(0.2))
        room = imgui.get_content_region_avail().x - imgui.get_frame_height() - em(0.3)
        selected = self.workspace.selected is layer
        imgui.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5))
        name = shortened(layer.name, room - em(0.6))
        imgui.push_style_color(imgui.Col_.text, vec(p.text if layer.visible else p.muted))
        size = ImVec2(room, imgui.get_frame_height())
        if imgui.selectable(f"{name}###surface", selected, 0, size)[0]:
            self.workspace.selected = layer
        imgui.pop_style_color()
        imgui.pop_style_var()
        hint(str(layer.source) if layer.source else layer.name)
        imgui.same_line(0, em(0.2))
        if icon_button(fa.ICON_FA_XMARK, "remove", "Remove from the scene", color=p.muted):
            self.workspace.remove(layer)

    def _trajectory(self, layer: SurfaceLayer, count: int) -> None:
        imgui.indent(em(1.2))
        shown = self.workspace.is_trajectory_shown(layer)
        if _eye("path", shown, "Show or hide this trajectory"):
            self.workspace.toggle_trajectory(layer)
        imgui.same_line(0, em(0.2))
        imgui.align_text_to_frame_padding()
        muted(f"Trajectory, {count} checkpoints")
        imgui.unindent(em(1.2))

    def _details(self, layer: SurfaceLayer) -> None:
        heading("Selected")
        with rows("details", em(6.2)) as shown:
            if not shown:
                return
            for label, value in facts(layer):
                row(label, tight=True)
                room = imgui.get_content_region_avail().x
                imgui.text_unformatted(shortened(value, room))
                hint(value)


def facts(layer: SurfaceLayer) -> list[tuple[str, str]]:
    """What there is to know about a layer, as (label, value)."""
    surface = layer.surface
    a, b = surface.shape
    computed = surface.computed
    told = [("Grid", f"{a} × {b}")]
    if not surface.is_complete:
        told.append(("Computed", f"{int(computed.sum())} of {a * b}"))
    finite = surface.loss[computed & np.isfinite(surface.loss)]
    if finite.size:
        told.append(("Loss", f"{finite.min():.4g} to {finite.max():.4g}"))
    known = surface.accuracy[computed & np.isfinite(surface.accuracy)]
    if known.size:
        told.append(("Accuracy", f"{100 * known.min():.1f} to {100 * known.max():.1f} %"))
    for label, key in (("Network", "model"), ("Data", "data"), ("Plane", "plane")):
        if surface.meta.get(key):
            told.append((label, str(surface.meta[key])))
    samples = int(surface.count.max(initial=0))
    if samples > 1:
        told.append(("Samples", f"{samples}"))
    return told


def _eye(name: str, on: bool, tip: str) -> bool:
    icon = fa.ICON_FA_EYE if on else fa.ICON_FA_EYE_SLASH
    return icon_button(icon, name, tip, color=palette().text if on else palette().muted)
