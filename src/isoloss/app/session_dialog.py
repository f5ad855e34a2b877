"""Saving the session under a name."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui

from isoloss.app.theme import palette, vec
from isoloss.app.widgets import em, primary_button, right_edge, row, rows, wrapped
from isoloss.app.workspace import Workspace
from isoloss.scene.session import SUFFIX

TITLE = "Save session"


class SessionDialog:
    """Asks for the file, and saves."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.is_open = False
        self.path = ""
        self._appearing = False

    def open(self) -> None:
        """Show the dialog."""
        workspace, session = self.workspace, self.workspace.session
        name = workspace.selected.name if workspace.selected is not None else "session"
        path = session.path or workspace.folder / f"{Path(name).name or 'session'}{SUFFIX}"
        self.path = str(path)
        self.is_open = self._appearing = True

    def save(self) -> None:
        """Save to the session's own file, or ask for one."""
        path = self.workspace.session.path
        if path is None:
            self.open()
        else:
            self.workspace.session.save(path)

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open:
            return
        centre = imgui.get_main_viewport().get_center()
        imgui.set_next_window_pos(centre, imgui.Cond_.appearing, ImVec2(0.5, 0.5))
        imgui.set_next_window_size(ImVec2(em(36), 0))
        if self._appearing:
            imgui.set_next_window_focus()
        flags = (
            imgui.WindowFlags_.no_docking
            | imgui.WindowFlags_.no_saved_settings
            | imgui.WindowFlags_.no_collapse
            | imgui.WindowFlags_.no_resize
        )
        shown, kept = imgui.begin(TITLE, True, int(flags))
        if shown:
            self._content()
        if imgui.is_window_focused() and imgui.is_key_pressed(imgui.Key.escape, False):
            kept = False
        imgui.end()
        self._appearing = False
        self.is_open = self.is_open and bool(kept)

    def _content(self) -> None:
        wrapped(
            "Files, layers, cameras and colours, to come back to. The surfaces stay where they "
            "are: a session only names their files.",
            palette().muted,
        )
        imgui.spacing()
        entered = False
        with rows("session", em(4)) as shown:
            if shown:
                row("File")
                if self._appearing:
                    imgui.set_keyboard_focus_here()
                entered, self.path = imgui.input_text(
                    "##path", self.path, int(imgui.InputTextFlags_.enter_returns_true)
                )
        path = self._chosen()
        if path.exists():
            imgui.text_colored(vec(palette().caution), "This file exists and will be replaced.")
        imgui.spacing()
        width = em(7)
        imgui.set_cursor_pos_x(right_edge() - 2 * width - imgui.get_style().item_spacing.x)
        if imgui.button("Cancel", ImVec2(width, 0)):
            self.is_open = False
        imgui.same_line()
        if primary_button("Save", ImVec2(width, 0)) or entered:
            self.is_open = not self.workspace.session.save(path)

    def _chosen(self) -> Path:
        path = Path(self.path).expanduser()
        path = path if path.is_absolute() else self.workspace.folder / path
        return path if path.suffix == SUFFIX else path.with_name(f"{path.name}{SUFFIX}")
