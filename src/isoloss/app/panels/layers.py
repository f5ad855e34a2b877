"""The layers panel: what is in the scene, one eye for each surface and each trajectory."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.findings import findings_badge, list_findings
from isoloss.app.theme import palette, vec
from isoloss.app.widgets import (
    em,
    heading,
    hint,
    icon_button,
    muted,
    right_edge,
    row,
    rows,
    shortened,
    stroke,
    wrapped,
)
from isoloss.app.workspace import Workspace
from isoloss.geometry.findings import findings_of
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.theme import THEMES


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
            for index in range(len(layer.trajectories)):
                self._trajectory(layer, index)
            imgui.pop_id()
        if self.workspace.selected is not None:
            self._details(self.workspace.selected)

    def _surface(self, layer: SurfaceLayer) -> None:
        p = palette()
        visible = layer not in self.workspace.scene.hidden
        if _eye("eye", visible, "Show or hide this surface"):
            self.workspace.toggle_layer(layer)
        imgui.same_line(0, em(0.2))
        room = imgui.get_content_region_avail().x - imgui.get_frame_height() - em(0.3)
        findings = findings_of(layer.surface.meta)
        if findings:
            room -= em(1.6)
        selected = self.workspace.selected is layer
        imgui.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5))
        name = shortened(layer.name, room - em(0.6))
        imgui.push_style_color(imgui.Col_.text, vec(p.text if visible else p.muted))
        size = ImVec2(room, imgui.get_frame_height())
        if imgui.selectable(f"{name}###surface", selected, 0, size)[0]:
            self.workspace.selected = layer
        imgui.pop_style_color()
        imgui.pop_style_var()
        hint(str(layer.source) if layer.source else layer.name)
        if findings:
            imgui.same_line(0, em(0.4))
            findings_badge(findings)
        imgui.same_line(right_edge() - imgui.get_frame_height())
        if icon_button(fa.ICON_FA_XMARK, "remove", "Remove from the scene", color=p.muted):
            self.workspace.remove(layer)

    def _trajectory(self, layer: SurfaceLayer, index: int) -> None:
        path = layer.trajectories[index]
        imgui.indent(em(1.2))
        shown = self.workspace.is_trajectory_shown(layer, index)
        if _eye(f"path {index}", shown, "Show or hide this trajectory"):
            self.workspace.toggle_trajectory(layer, index)
        imgui.same_line(0, em(0.2))
        if len(layer.trajectories) > 1:
            stroke(THEMES[self.workspace.appearance.theme].path_color(index))
            imgui.same_line(0, em(0.5))
        imgui.align_text_to_frame_padding()
        told = f"{path.name or 'Trajectory'}, {len(path)} checkpoints"
        muted(shortened(told, imgui.get_content_region_avail().x))
        hint(told)
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
        findings = findings_of(layer.surface.meta)
        if findings:
            list_findings(findings)


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
    if surface.spread is not None and np.isfinite(surface.spread).any():
        low, high = np.nanmin(surface.spread), np.nanmax(surface.spread)
        told.append(("Spread", f"{low:.4g} to {high:.4g}"))
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
