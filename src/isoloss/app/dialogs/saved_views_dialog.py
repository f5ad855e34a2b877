"""Cameras saved by name: saved, renamed, forgotten, and come back to."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.dialogs.dialog_frame import draw_dialog
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, icon_button, wrapped
from isoloss.scene.document import Document, SavedView
from isoloss.scene.files.plain import LONGEST

TITLE = "Saved views"


def save_view(document: Document) -> SavedView:
    """Save the active view's camera under the next free name."""
    taken = {view.name for view in document.saved_views}
    name = next(n for k in itertools.count(1) if (n := f"View {k}") not in taken)
    saved = SavedView(name, document.view.camera)
    document.saved_views = (*document.saved_views, saved)
    return saved


def rename_view(document: Document, index: int, name: str) -> None:
    """Give a saved view another name."""
    views = list(document.saved_views)
    views[index] = replace(views[index], name=name[:LONGEST])
    document.saved_views = tuple(views)


def forget_view(document: Document, index: int) -> None:
    """Remove a saved view."""
    views = document.saved_views
    document.saved_views = (*views[:index], *views[index + 1 :])


class SavedViews:
    """A small window that lists them."""

    def __init__(self, workspace: Workspace, go: Callable[[SavedView], None]) -> None:
        self.workspace = workspace
        self.is_open = False
        self._go = go

    def toggle(self) -> None:
        """Show it, or put it away."""
        self.is_open = not self.is_open

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open:
            return
        self.is_open = draw_dialog(TITLE, ImVec2(em(20), 0), self._content, appearing=False)

    def _content(self) -> None:
        document = self.workspace.document
        side, gap = imgui.get_frame_height(), em(0.3)
        if not document.saved_views:
            wrapped("No view is saved yet.", palette().muted)
        for k, view in enumerate(document.saved_views):
            imgui.push_id(k)
            if icon_button(fa.ICON_FA_CAMERA, "go", "Go to this view"):
                self._go(view)
            imgui.same_line(0, gap)
            imgui.set_next_item_width(imgui.get_content_region_avail().x - side - gap)
            changed, name = imgui.input_text("##name", view.name)
            if changed:
                rename_view(document, k, name)
            imgui.same_line(0, gap)
            if icon_button(fa.ICON_FA_XMARK, "forget", "Forget this view", color=palette().muted):
                forget_view(document, k)
            imgui.pop_id()
        imgui.spacing()
        if imgui.button("Save view", ImVec2(-1, 0)):
            save_view(document)
