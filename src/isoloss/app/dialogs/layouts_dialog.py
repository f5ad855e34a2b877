"""Layouts of the person's own: saved under a name, renamed, deleted."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.dialogs.dialog_frame import draw_dialog, stay_in_field
from isoloss.app.ui.docking import Docking
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, icon_button, primary_button, wrapped

TITLE = "Layouts"
_ENTERED = int(imgui.InputTextFlags_.enter_returns_true)


class LayoutsDialog:
    """A small window that lists them and takes the name of a new one."""

    def __init__(self, docking: Docking) -> None:
        self._docking = docking
        self.is_open = self._appears = False
        self._new = ""
        self._edited: dict[str, str] = {}

    def toggle(self) -> None:
        """Show it, or put it away."""
        self.is_open, self._appears = not self.is_open, False
        self._new, self._edited = "", {}

    def ask_for_name(self) -> None:
        """Show it, with the keyboard in the field for a new name."""
        self.is_open = self._appears = True
        self._new, self._edited = "", {}

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open:
            return
        self.is_open = draw_dialog(TITLE, ImVec2(em(24), 0), self._content, appearing=self._appears)
        self._appears = False

    def _content(self) -> None:
        if not self._docking.layouts.own:
            wrapped(
                "Landscape, Robustness and Compare come with the program. What the window looks "
                "like now can be saved under a name of your own.",
                palette().muted,
            )
        for k, name in enumerate(self._docking.layouts.own):
            imgui.push_id(k)
            self._row(name)
            imgui.pop_id()
        imgui.spacing()
        self._save_row()

    def _row(self, name: str) -> None:
        layouts = self._docking.layouts
        side, gap = imgui.get_frame_height(), em(0.3)
        if icon_button(fa.ICON_FA_TABLE_COLUMNS, "use", "Use this layout"):
            self._docking.choose(name)
        imgui.same_line(0, gap)
        imgui.set_next_item_width(imgui.get_content_region_avail().x - side - gap)
        _, typed = imgui.input_text("##name", self._edited.get(name, name))
        self._edited[name] = typed
        problem = layouts.why_not(typed, instead_of=name)
        if imgui.is_item_deactivated_after_edit() and not problem:
            del self._edited[name]
            self._docking.rename(name, typed)
        imgui.same_line(0, gap)
        if icon_button(fa.ICON_FA_TRASH_CAN, "delete", "Delete this layout", color=palette().muted):
            self._docking.delete(name)
        if problem:
            wrapped(problem, palette().bad)

    def _save_row(self) -> None:
        width = em(6)
        imgui.set_next_item_width(
            imgui.get_content_region_avail().x - width - imgui.get_style().item_spacing.x
        )
        if self._appears:
            imgui.set_keyboard_focus_here()
        entered, self._new = imgui.input_text_with_hint("##new", "New name", self._new, _ENTERED)
        problem = self._docking.layouts.why_not(self._new)
        if entered and problem:
            stay_in_field()
        imgui.same_line()
        imgui.begin_disabled(bool(problem))
        saved = primary_button("Save layout", ImVec2(width, 0))
        imgui.end_disabled()
        if self._new and problem:
            wrapped(problem, palette().bad)
        if (saved or entered) and not problem:
            self._docking.save_as(self._new)
            self._new = ""
