"""Saving the session under a name."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui

from isoloss.app.dialogs.dialog_frame import draw_dialog, draw_save_footer, path_row
from isoloss.app.state.forms.typed_path import typed_path
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, rows, wrapped
from isoloss.naming import printable
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
        self.path = printable(path)
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
        stays = draw_dialog(TITLE, ImVec2(em(36), 0), self._content, appearing=self._appearing)
        self._appearing = False
        self.is_open = self.is_open and stays

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
                entered, self.path = path_row(self.path, appearing=self._appearing)
        cancelled, path = draw_save_footer(self.chosen, entered=entered)
        if cancelled:
            self.is_open = False
        elif path is not None:
            self.is_open = not self.workspace.session.save(path)

    @property
    def chosen(self) -> Path | None:
        """The session file that is typed; None where that names none yet."""
        path = typed_path(self.path, self.workspace.folder)
        if path is None or path.suffix == SUFFIX:
            return path
        return path.with_name(f"{path.name}{SUFFIX}")
