"""Where things are on the screen, for what points at them."""

from __future__ import annotations

from imgui_bundle import imgui

from isoloss.app.ui.widgets import em
from isoloss.scene.tiling import Rect


def rect_of(name: str) -> Rect | None:
    """Where the window or panel `name` is; None while it cannot be seen."""
    if imgui.internal.find_window_by_name(name) is None:
        return None
    window = imgui.internal.find_window_by_name(name)
    if not window.was_active or window.hidden:
        return None
    return window.pos.x, window.pos.y, window.size.x, window.size.y


def right_of_menu_bar() -> Rect:
    """The right end of the menu bar, where the way to the command palette is."""
    area = imgui.get_main_viewport()
    width, height = em(13), area.work_pos.y - area.pos.y
    return area.pos.x + area.size.x - width, area.pos.y, width, height
