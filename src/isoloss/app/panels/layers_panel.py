"""The layers panel: what is in the scene, one eye for each surface and each trajectory."""

from __future__ import annotations

from functools import partial

import numpy as np
from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.menus.layer_menu import LayerMenu
from isoloss.app.panels.menus.probe_again import ProbeAgain
from isoloss.app.state.glossary import explanation
from isoloss.app.state.readouts import Facts, range_label
from isoloss.app.state.runs.network_sharpness import NetworkSharpness
from isoloss.app.state.terms import of_fact
from isoloss.app.ui.findings_badge import findings_badge, list_findings
from isoloss.app.ui.panel import Surroundings
from isoloss.app.ui.style import palette, u32, vec
from isoloss.app.ui.widgets import (
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
    without_middle,
    wrapped,
)
from isoloss.geometry.analysis.beyond_chance import differs_in_words
from isoloss.geometry.analysis.centre import centre_in_words
from isoloss.geometry.analysis.difference import planes_differ
from isoloss.geometry.findings import findings_of
from isoloss.naming import capitalized, drawable_line
from isoloss.scene.files.plain import LONGEST
from isoloss.scene.layer import Marker, SurfaceLayer
from isoloss.scene.pins import cell_of, measurements, pins_of, place_label, unpin
from isoloss.scene.texturing import quantity
from isoloss.scene.theme import THEMES

_DRAGGED = "layer"
_SEEN_BEFORE_DROPPED = int(
    imgui.DragDropFlags_.accept_before_delivery | imgui.DragDropFlags_.accept_no_draw_default_rect
)


class LayersPanel:
    """Lists the layers and tells about the selected one."""

    def __init__(self, parts: Surroundings) -> None:
        self.workspace, self._parts = parts.workspace, parts
        self._again = ProbeAgain(parts)
        self.menu = LayerMenu(parts, self._again, self.begin_rename)
        self._seen: SurfaceLayer | None = None
        self._scrolls = False
        self._renamed: SurfaceLayer | None = None
        self._focuses = self._begun = False
        self._facts: tuple[object, tuple[Facts, Facts]] = (None, ([], []))
        self.sharpness = NetworkSharpness(parts.workspace.runs.library)

    def draw(self) -> None:
        """Draw the panel's content."""
        layers = self.workspace.scene.layers
        if not layers:
            wrapped("No surface is open. Drop a file here, or press Ctrl+O.", palette().muted)
            return
        if self.workspace.selected is not self._seen:
            self._seen, self._scrolls = self.workspace.selected, True
        for k, layer in enumerate(list(layers)):
            imgui.push_id(k)
            self._surface(layer, k)
            for index in range(len(layer.trajectories)):
                self._trajectory(layer, index)
            for index, marker in enumerate(pins_of(layer)):
                self._pin(layer, marker, index)
            imgui.pop_id()
        if planes_differ([layer.surface for layer in self.workspace.scene.shown]):
            _caution(
                "These surfaces lie in different planes: α and β mean other directions in each. "
                "Compare them in two viewports."
            )
        if self.workspace.selected is not None:
            self._details(self.workspace.selected)

    def _surface(self, layer: SurfaceLayer, place: int) -> None:
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
        if selected:
            room -= imgui.get_frame_height()
        imgui.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5))
        name = without_middle(layer.name, room - em(0.6))
        imgui.push_style_color(imgui.Col_.text, vec(p.text if visible else p.muted))
        size = ImVec2(room, imgui.get_frame_height())
        if self._renamed is layer:
            self._rename(layer, room)
        elif imgui.selectable(
            f"{name}###surface", selected, int(imgui.SelectableFlags_.allow_double_click), size
        )[0]:
            self._choose(layer, visible)
        imgui.pop_style_color()
        imgui.pop_style_var()
        if selected and self._scrolls:
            self._scrolls = False
            if not imgui.is_item_visible():
                imgui.set_scroll_here_y(0.5)
        self._drag(layer, place)
        hint("\n".join(dict.fromkeys([layer.name, str(layer.source or layer.name)])))
        if imgui.begin_popup_context_item("layer menu"):
            self.menu.items(layer)
            imgui.end_popup()
        if findings:
            imgui.same_line(0, em(0.2))
            findings_badge(findings, layer.name, partial(self._again.offer, layer.source))
        edge = right_edge() - imgui.get_frame_height()
        if selected:
            imgui.same_line(edge - imgui.get_frame_height())
            if icon_button(fa.ICON_FA_ELLIPSIS, "more", "More about this surface", color=p.muted):
                imgui.open_popup("layer menu")
        imgui.same_line(edge)
        if icon_button(fa.ICON_FA_XMARK, "remove", "Remove from the scene", color=p.muted):
            self.workspace.remove(layer)

    def _choose(self, layer: SurfaceLayer, visible: bool) -> None:
        """A click on a name selects its layer, which is then to be seen; a second one renames."""
        self.workspace.selected = self._seen = layer
        if not visible:
            self.workspace.toggle_layer(layer)
        if imgui.is_mouse_double_clicked(imgui.MouseButton_.left):
            self._renamed, self._focuses = layer, True

    def begin_rename(self, layer: SurfaceLayer) -> None:
        """Let the name of a layer be typed where it is listed."""
        self._parts.bring_to_front("Layers")
        self.workspace.selected = self._seen = self._renamed = layer
        self._focuses = True

    def _drag(self, layer: SurfaceLayer, place: int) -> None:
        """Let the name just drawn be dragged to between others, and others to before or behind
        it."""
        if imgui.begin_drag_drop_source():
            imgui.set_drag_drop_payload_py_id(_DRAGGED, place)
            imgui.text_unformatted(drawable_line(layer.name))
            imgui.end_drag_drop_source()
        if not imgui.begin_drag_drop_target():
            return
        dragged = imgui.accept_drag_drop_payload_py_id(_DRAGGED, _SEEN_BEFORE_DROPPED)
        if dragged is not None:
            lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            is_behind = imgui.get_mouse_pos().y > (lo.y + hi.y) / 2
            y, color = hi.y if is_behind else lo.y, u32(palette().accent)
            imgui.get_window_draw_list().add_line(ImVec2(lo.x, y), ImVec2(hi.x, y), color, em(0.15))
            layers = self.workspace.document.layers
            if imgui.is_mouse_released(imgui.MouseButton_.left) and dragged.data_id < len(layers):
                self.workspace.document.move(layers[dragged.data_id], place + is_behind)
        imgui.end_drag_drop_target()

    def _rename(self, layer: SurfaceLayer, room: float) -> None:
        """The name as a field, until Enter is pressed or something else is clicked."""
        imgui.set_next_item_width(room)
        begins, self._focuses = self._focuses, False
        if begins:
            imgui.set_keyboard_focus_here()
        flags = imgui.InputTextFlags_.auto_select_all
        layer.name = imgui.input_text("###surface name", layer.name, int(flags))[1][:LONGEST]
        if not begins and not imgui.is_item_active() and not self._begun:
            self._renamed = None
        self._begun = begins

    def _pin(self, layer: SurfaceLayer, marker: Marker, index: int) -> None:
        surface, cell = layer.surface, cell_of(layer.surface, marker)
        imgui.push_id(f"pin {index}")
        imgui.indent(em(1.2))
        imgui.align_text_to_frame_padding()
        muted(fa.ICON_FA_LOCATION_DOT)
        imgui.same_line(0, em(0.5))
        values = measurements(surface, cell)
        room = right_edge() - imgui.get_cursor_pos_x() - imgui.get_frame_height()
        text = f"{values[0][1]} at {place_label(surface, cell)}"
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(shortened(text, room))
        hint("\n".join([place_label(surface, cell), *(f"{k} {v}" for k, v in values)]))
        imgui.same_line(right_edge() - imgui.get_frame_height())
        if icon_button(fa.ICON_FA_XMARK, "unpin", "Remove this pin", color=palette().muted):
            unpin(layer, marker)
        imgui.unindent(em(1.2))
        imgui.pop_id()

    def _trajectory(self, layer: SurfaceLayer, index: int) -> None:
        path = layer.trajectories[index]
        imgui.indent(em(1.2))
        shown = self.workspace.is_trajectory_shown(layer, index)
        if _eye(f"path {index}", shown, "Show or hide this trajectory"):
            self.workspace.toggle_trajectory(layer, index)
        imgui.same_line(0, em(0.2))
        if len(layer.trajectories) > 1:
            stroke(
                THEMES[self.workspace.appearance.theme].path_color(
                    self.workspace.scene.path_number(layer, index)
                )
            )
            imgui.same_line(0, em(0.5))
        imgui.align_text_to_frame_padding()
        text = f"{path.name or 'Trajectory'}, {len(path)} {path.point}s"
        muted(shortened(text, imgui.get_content_region_avail().x))
        hint(text, [explanation("Trajectory"), explanation("Trajectory stems")])
        imgui.unindent(em(1.2))

    def _details(self, layer: SurfaceLayer) -> None:
        heading("Selected")
        with rows("details", em(6.2)) as shown:
            if not shown:
                return
            self._opacity(layer)
            of_grid, of_network = self._facts_of(layer)
            for label, value in [*of_grid, *self.sharpness.facts(layer), *of_network]:
                row(label, terms=of_fact(label, value), tight=True)
                room = imgui.get_content_region_avail().x
                imgui.text_unformatted(shortened(value, room))
                hint(value)
        findings = findings_of(layer.surface.meta)
        if findings:
            list_findings(findings, partial(self._again.offer, layer.source))

    def _opacity(self, layer: SurfaceLayer) -> None:
        row("Opacity", "Of the surface and its contours; paths, pins and minima stay whole")
        percent = imgui.slider_float("##opacity", 100 * layer.opacity, 0.0, 100.0, "%.0f %%")
        if percent[0]:
            layer.opacity = min(max(percent[1] / 100, 0.0), 1.0)

    def _facts_of(self, layer: SurfaceLayer) -> tuple[Facts, Facts]:
        """Those of the last frame, if they would be the same: a million cells take milliseconds."""
        key = (layer.version, id(layer.surface), tuple(map(id, layer.trajectories)))
        if self._facts[0] != key:
            self._facts = (key, (measured(layer), origin(layer)))
        return self._facts[1]


def measured(layer: SurfaceLayer) -> Facts:
    """What was found on the grid."""
    surface = layer.surface
    a, b = surface.shape
    computed = surface.computed
    known_facts = [("Grid", f"{a} × {b}")]
    if not surface.is_complete:
        known_facts.append(("Computed", f"{int(computed.sum())} of {a * b}"))
    finite = surface.loss[computed & np.isfinite(surface.loss)]
    if finite.size:
        label = capitalized(quantity([layer]))
        known_facts.append((label, range_label(float(finite.min()), float(finite.max()))))
    if centre := centre_in_words(surface):
        known_facts.append(("Centre", centre))
    known = surface.accuracy[computed & np.isfinite(surface.accuracy)]
    if known.size:
        label, unit = ("Accuracy", "%") if not surface.is_difference else ("Δ accuracy", "points")
        ends = f"{100 * known.min():.1f} to {100 * known.max():.1f} {unit}".replace("-", "−")
        known_facts.append((label, ends))
    if marked := differs_in_words(surface):
        known_facts.append(("Differs", marked))
    if surface.spread is not None and np.isfinite(surface.spread).any():
        low, high = np.nanmin(surface.spread), np.nanmax(surface.spread)
        known_facts.append(("Spread", f"{low:.4g} to {high:.4g}"))
    return known_facts


def origin(layer: SurfaceLayer) -> Facts:
    """What it was found of."""
    surface, known_facts = layer.surface, Facts()
    for label, key in (
        ("Network", "model"), ("Data", "data"), ("Plane", "plane"), ("Parameters", "parameters"),
        ("Loss function", "loss"),
    ):  # fmt: skip
        if surface.meta.get(key):
            known_facts.append((label, str(surface.meta[key])))
    if shares := surface.explained_variance:
        known_facts.append(("Variance", ", ".join(f"{100 * share:.1f} %" for share in shares)))
    distances = [t.off_plane[np.isfinite(t.off_plane)] for t in layer.trajectories]
    if any(d.size for d in distances):
        known_facts.append(("Off-plane", f"up to {max(d.max() for d in distances if d.size):.3g}"))
    samples = int(surface.count.max(initial=0))
    if samples > 1:
        drawn = surface.meta.get("space") == "input"
        known_facts.append(("Draws" if drawn else "Samples", f"{samples}"))
    return known_facts


def _caution(text: str) -> None:
    imgui.text_colored(vec(palette().caution), fa.ICON_FA_TRIANGLE_EXCLAMATION)
    imgui.same_line(em(1.6) + imgui.get_style().window_padding.x)
    wrapped(text)


def _eye(name: str, on: bool, tip: str) -> bool:
    icon = fa.ICON_FA_EYE if on else fa.ICON_FA_EYE_SLASH
    return icon_button(icon, name, tip, color=palette().text if on else palette().muted)
