"""The slice panel: lays the cut, plots the loss along it, and exports it."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.plots.slice_plot import SlicePlot, slice_color
from isoloss.app.state.forms.typed_path import typed_path
from isoloss.app.state.view.slicing import LayerSlice, Slicing
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.numbers import drag_pair, within
from isoloss.app.ui.style import Color, palette
from isoloss.app.ui.widgets import (
    em,
    hint,
    icon_button,
    muted,
    primary_button,
    right_edge,
    shortened,
    stroke,
    wrapped,
)
from isoloss.scene.cut import Cut
from isoloss.scene.texturing import quantity

_WIDE = 42
"""Width in em from which on all controls are in one line."""


class SlicePanel:
    """Lays the cut, and plots its slices."""

    def __init__(self, workspace: Workspace, slicing: Slicing) -> None:
        self.workspace, self.slicing = workspace, slicing
        self.plot = SlicePlot(workspace)
        self.path, self._asked = "", False

    def draw(self) -> None:
        """Draw the panel's content."""
        cut = self.slicing.cut
        if cut is None:
            self._invitation()
            return
        found = [x for x in self.slicing.slices if x.slice.has_values]
        self._bar(cut, found)
        self.plot.pointed = None
        seen = self.slicing.seen
        if seen is None or not found:
            muted("The cut meets no surface.")
            return
        self.plot.draw(seen, found)

    def open_export(self) -> None:
        """Ask where the table is to go."""
        name = Path(self.slicing.slices[0].layer.name).name if self.slicing.slices else "surface"
        self.path, self._asked = f"{name}-slice.csv", True

    # -- above the plot ----------------------------------------------------------------------

    def _invitation(self) -> None:
        wrapped("A slice shows the loss along a line through the plane.", palette().muted)
        imgui.begin_disabled(not self.workspace.scene.shown)
        if imgui.button("Slice the surface###slice"):
            self.slicing.toggle()
        imgui.end_disabled()
        imgui.same_line()
        muted("X")

    def _bar(self, cut: Cut, found: list[LayerSlice]) -> None:
        side = imgui.get_frame_height()
        imgui.begin_disabled(not self.workspace.scene.shown)
        if imgui.button(f"{fa.ICON_FA_SCISSORS}  Lay###lay"):
            imgui.open_popup("presets")
        hint("Lay the cut along an axis, through the minimum or along the trajectory")
        imgui.end_disabled()
        wide = imgui.get_window_width() > em(_WIDE)
        self._presets(None if wide else cut)
        if wide:
            imgui.same_line()
            self._coordinates(cut)
        imgui.same_line(0, em(1.0))
        changed, log = imgui.checkbox("Log", self.plot.is_log(found))
        if changed:
            self.plot.log = log
        hint("Logarithmic loss axis")
        if any(x.slice.has_accuracy for x in found):
            imgui.same_line(0, em(1.0))
            self.plot.accuracy = imgui.checkbox("Accuracy", self.plot.accuracy)[1]
            if len(found) == 1:
                imgui.same_line(0, em(0.4))
                stroke(palette().series[1])
        self._legend(found, room=right_edge() - 2 * side - em(1.5))
        imgui.same_line(right_edge() - 2 * side)
        imgui.begin_disabled(not found)
        if icon_button(fa.ICON_FA_FILE_CSV, "export", "Export as CSV…", color=palette().muted):
            self.open_export()
        imgui.end_disabled()
        if self._asked:
            self._asked = False
            imgui.open_popup("export slice")
        self._export()
        imgui.same_line(0, 0)
        if icon_button(fa.ICON_FA_XMARK, "close", "No slice (X)", color=palette().muted):
            self.slicing.toggle()

    def _presets(self, cut: Cut | None) -> None:
        """Ways to lay the cut, and its ends as numbers where the line above the plot is short."""
        if not imgui.begin_popup("presets"):
            return
        slicing = self.slicing
        for label, lay, possible in (
            ("Along α", slicing.along_alpha, True),
            ("Along β", slicing.along_beta, True),
            ("Through the minimum", slicing.through_minimum, slicing.has_minimum),
            ("Along the trajectory", slicing.along_trajectory, slicing.has_trajectory),
        ):
            if imgui.menu_item(label, "", False, possible)[0]:
                lay()
        if cut is not None:
            imgui.separator()
            self._coordinates(cut)
        imgui.end_popup()

    def _coordinates(self, cut: Cut) -> None:
        """Both ends as numbers, to be typed or dragged."""
        frame = self.workspace.scene.frame()
        widest = max(frame.alpha[1] - frame.alpha[0], frame.beta[1] - frame.beta[0])
        ends = [cut.start, cut.end]
        for k, name in enumerate("AB"):
            if k:
                imgui.same_line(0, em(0.6))
            imgui.align_text_to_frame_padding()
            muted(name)
            imgui.same_line(0, em(0.3))
            imgui.set_next_item_width(em(7.6))
            changed, value = drag_pair(f"##{name}", ends[k], widest / 400, "%.3g")
            hint(f"α and β of {name}; drag, or click to type")
            if changed:
                ends[k] = within(value[0], 0, frame.alpha), within(value[1], 0, frame.beta)
                if ends[0] != ends[1]:
                    self.workspace.document.cut = Cut(*ends)

    def _legend(self, found: list[LayerSlice], room: float) -> None:
        """What the colours mean, in the line above the plot, where it hides nothing."""
        several = len(found) > 1
        entries: list[tuple[str, Color]] = []
        for one in found:
            label = one.layer.name if several else quantity([one.layer])
            entries.append((label, slice_color(one)))
        tip = "The band is ± 1 standard error" if any(x.slice.has_band for x in found) else ""
        tip += "\nThin lines are accuracies" if several and self.plot.accuracy else ""
        for label, color in entries:
            imgui.same_line(0, em(1.2))
            left = room - imgui.get_cursor_pos_x() - em(1.5)
            if left < em(3):
                imgui.dummy(ImVec2(0, 0))
                return
            stroke(color)
            imgui.same_line(0, em(0.5))
            imgui.align_text_to_frame_padding()
            muted(shortened(label, left))
            hint(tip.strip())

    def _export(self) -> None:
        imgui.set_next_window_size(ImVec2(em(30), 0))
        if not imgui.begin_popup("export slice"):
            return
        if imgui.is_window_appearing():
            imgui.set_keyboard_focus_here()
        imgui.set_next_item_width(-em(6))
        flags = imgui.InputTextFlags_.enter_returns_true
        entered, path = imgui.input_text("##path", self.path, flags)
        self.path = path
        imgui.same_line()
        imgui.begin_disabled(not path.strip())
        wanted = primary_button("Export", ImVec2(-1, 0)) or (entered and bool(path.strip()))
        imgui.end_disabled()
        chosen = typed_path(path, self.workspace.folder) if wanted else None
        if chosen is not None and self.slicing.export(chosen):
            imgui.close_current_popup()
        imgui.end_popup()
