"""The open dialog: a small file browser that looks the same everywhere."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.dialogs.dialog_frame import draw_dialog, draw_footer, footer_width, stay_in_field
from isoloss.app.state.opening.browse import Browser, Entry
from isoloss.app.state.opening.opener import open_paths
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import (
    em,
    heading,
    hint,
    icon_button,
    list_line,
    muted,
    shortened,
    wrapped,
)
from isoloss.geometry.files.formats import readable
from isoloss.naming import printable, size_in_words
from isoloss.paths import is_folder
from isoloss.patterns import matching
from isoloss.resources import resource_folder
from isoloss.run_folder import SURFACE
from isoloss.scene.files.session import SUFFIX

TITLE = "Open"


class OpenDialog:
    """Chooses surfaces, run folders and sessions to open."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.browser = Browser(workspace.folder, (*readable(), SUFFIX))
        self.is_open = False
        self._typed = ""
        self._appearing = False

    def open(self) -> None:
        """Show the dialog."""
        self.is_open = self._appearing = True
        self._enter(self.browser.folder)

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open:
            return
        size = ImVec2(em(46), em(30))
        stays = draw_dialog(TITLE, size, self._content, appearing=self._appearing, resizable=True)
        self._appearing = False
        self.is_open = self.is_open and stays

    def _content(self) -> None:
        self._path_line()
        imgui.spacing()
        style = imgui.get_style()
        footer = imgui.get_frame_height() + 2 * style.item_spacing.y
        if imgui.begin_child("places", ImVec2(em(9.5), -footer)):
            self._places()
        imgui.end_child()
        imgui.same_line()
        imgui.push_style_color(imgui.Col_.child_bg, vec(palette().field, 0.35))
        if imgui.begin_child(
            "entries", ImVec2(0, -footer), int(imgui.ChildFlags_.always_use_window_padding)
        ):
            self._entries()
        imgui.end_child()
        imgui.pop_style_color()
        self._buttons()

    def _path_line(self) -> None:
        if icon_button(fa.ICON_FA_ARROW_UP, "up", "The folder above"):
            self._enter(self.browser.folder.parent)
        imgui.same_line(0, em(0.3))
        imgui.set_next_item_width(-1)
        if self._appearing:
            imgui.set_keyboard_focus_here()
        entered, self._typed = imgui.input_text_with_hint(
            "##path", "Path", self._typed, int(imgui.InputTextFlags_.enter_returns_true)
        )
        if entered:
            stay_in_field()
            path = self.browser.type_path(self._typed)
            if path is None:
                self._typed = printable(self.browser.folder)
            else:
                self._take(path)

    def _places(self) -> None:
        places = [
            (fa.ICON_FA_FOLDER, "Working folder", self.workspace.folder),
            (fa.ICON_FA_FLASK, "Runs", self.workspace.runs.folder),
            (fa.ICON_FA_IMAGES, "Samples", resource_folder("data") / "surfaces"),
            (fa.ICON_FA_HOUSE, "Home", Path.home()),
        ]
        for icon, label, folder in places:
            if not is_folder(folder):
                continue
            here = folder == self.browser.folder
            if list_line(label, label, icon=icon, icon_color=palette().muted, chosen=here):
                self._enter(folder)
        recent = [Path(p) for p in self.workspace.preferences.recent]
        if recent:
            heading("Recent")
        for path in recent:
            name = path.parent.name if path.name == SURFACE else path.name
            if list_line(str(path), name):
                self._take(path)
            hint(str(path))

    def _entries(self) -> None:
        if self.browser.problem:
            wrapped(self.browser.problem, palette().bad)
        elif not self.browser.entries:
            wrapped("No surfaces, run folders, sessions or folders here.", palette().muted)
        for entry in self.browser.entries:
            self._entry(entry)

    def _entry(self, entry: Entry) -> None:
        p = palette()
        icon, color = {
            "folder": (fa.ICON_FA_FOLDER, p.muted),
            "run": (fa.ICON_FA_FLASK, p.good),
            "file": (fa.ICON_FA_MOUNTAIN_SUN, p.accent),
            "session": (fa.ICON_FA_LAYER_GROUP, p.accent),
        }[entry.kind]
        pressed = list_line(
            entry.path.name,
            entry.path.name,
            chosen=self.browser.chosen == entry.path,
            right=size_in_words(entry.size) if entry.kind == "file" else entry.kind,
            icon=icon,
            icon_color=color,
            flags=int(imgui.SelectableFlags_.allow_double_click),
        )
        if pressed:
            self.browser.chosen = entry.path
            self._typed = printable(entry.path)
            if imgui.is_mouse_double_clicked(0) or imgui.is_key_pressed(imgui.Key.enter):
                self._act(entry)

    def _buttons(self) -> None:
        style = imgui.get_style()
        imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() + style.item_spacing.y / 2)
        chosen = self.browser.chosen
        if chosen is not None:
            imgui.align_text_to_frame_padding()
            room = imgui.get_content_region_avail().x - footer_width() - 2 * style.item_spacing.x
            muted(shortened(chosen.name, room))
            imgui.same_line()
        cancelled, wanted = draw_footer("Open", enabled=chosen is not None)
        if cancelled:
            self.is_open = False
        elif wanted:
            entry = next((e for e in self.browser.entries if e.path == chosen), None)
            if entry is not None:
                self._act(entry)

    def _act(self, entry: Entry) -> None:
        if entry.kind == "folder":
            self._enter(entry.path)
        else:
            self._take(entry.path)

    def _enter(self, folder: Path) -> None:
        self.browser.enter(folder)
        self._typed = printable(folder)

    def _take(self, path: Path) -> None:
        # What cannot be read leaves the dialog open, to choose something else.
        self.is_open = not open_paths(self.workspace, matching(path))
