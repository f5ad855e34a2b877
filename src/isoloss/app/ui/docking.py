"""The panels around the viewport: where they are at first, and opening and closing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from imgui_bundle import hello_imgui, imgui

from isoloss.app.ui.panel import Panel
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import em
from isoloss.geometry.rect import Rect

SMALL = (42.0, 24.0)
"""Width and height of a window, in em, below which the panels give way to the picture."""


def lay_out(
    params: hello_imgui.DockingParams,
    panels: Iterable[Panel],
    draw_viewport: Callable[[], None],
    draw_panel: Callable[[str], None],
) -> None:
    """Put the panels around the viewport."""
    params.docking_splits = [
        hello_imgui.DockingSplit("MainDockSpace", "Left", imgui.Dir.left, 0.19),
        hello_imgui.DockingSplit("MainDockSpace", "Right", imgui.Dir.right, 0.325),
        hello_imgui.DockingSplit("MainDockSpace", "Bottom", imgui.Dir.down, 0.27),
        hello_imgui.DockingSplit("Left", "LeftBottom", imgui.Dir.down, 0.663),
        hello_imgui.DockingSplit("Right", "RightBottom", imgui.Dir.down, 0.3),
    ]
    middle = hello_imgui.DockableWindow("Viewport", "MainDockSpace", draw_viewport)
    middle.call_begin_end = middle.can_be_closed = False
    windows = [middle]
    for panel in panels:
        window = hello_imgui.DockableWindow(
            panel.name, panel.place, lambda name=panel.name: draw_panel(name)
        )
        window.imgui_window_flags = panel.window_flags
        windows.append(window)
    params.dockable_windows = windows


class Docking:
    """Opens and closes panels, in the running app."""

    def __init__(self, panels: Iterable[Panel]) -> None:
        self.panels = panels
        self._gave_way: list[str] | None = None

    def is_shown(self, name: str) -> bool:
        """Whether a panel is open."""
        window = _params().dockable_window_of_name(name)
        return window is not None and window.is_visible

    def toggle(self, name: str) -> None:
        """Open a panel, or close it."""
        window = _params().dockable_window_of_name(name)
        window.is_visible = not window.is_visible
        window.focus_window_at_next_frame = window.is_visible

    def bring_to_front(self, name: str) -> None:
        """Open a panel if it is closed, and show it before the others of its place."""
        window = _params().dockable_window_of_name(name)
        window.is_visible = window.focus_window_at_next_frame = True

    def make_room(self) -> None:
        """Close the panels while the window is small, where they would leave the picture nothing;
        once it is larger, those are open again."""
        size = imgui.get_io().display_size
        small = size.x < em(SMALL[0]) or size.y < em(SMALL[1])
        if small and self._gave_way is None:
            self._gave_way = [p.name for p in self.panels if self.is_shown(p.name)]
            self._show(self._gave_way, shown=False)
        elif not small and self._gave_way is not None:
            self._show(self._gave_way, shown=True)
            self._gave_way = None

    @staticmethod
    def _show(names: Iterable[str], *, shown: bool) -> None:
        for name in names:
            window = _params().dockable_window_of_name(name)
            # What nobody has closed is open in the next window.
            window.is_visible = window.remember_is_visible = shown

    def reset(self) -> None:
        """All panels back to where they were at first."""
        for window in _params().dockable_windows:
            window.is_visible = True
        _params().layout_reset = True


def _params() -> hello_imgui.DockingParams:
    return hello_imgui.get_runner_params().docking_params


def rect_of(name: str) -> Rect | None:
    """Where the window or panel `name` is; None while it cannot be seen."""
    if imgui.internal.find_window_by_name(name) is None:
        return None
    window = imgui.internal.find_window_by_name(name)
    if not window.was_active or window.hidden:
        return None
    at, size = window.pos, window.size
    return at.x, at.y, at.x + size.x, at.y + size.y


def clear_as_panels(panels: Iterable[str]) -> None:
    """Before a frame: let docked `panels` be transparent, for behind them is their own colour.

    To clear a frame takes a software renderer no time; to fill a window two or three times over,
    with the docking space, its panels and then the picture, takes longer than all there is upon
    them. While one of the panels floats over others, all have a background of their own.
    """
    color = palette().panel
    hello_imgui.get_runner_params().imgui_window_params.background_color = vec(color)
    opaque = 1.0 if any(_floats(name) for name in panels) else 0.0
    imgui.get_style().set_color_(imgui.Col_.window_bg, vec(color, opaque))


def _floats(name: str) -> bool:
    window = imgui.internal.find_window_by_name(name)
    if window is None or not window.was_active:
        return False
    node = window.dock_node
    while node is not None and node.parent_node is not None:
        node = node.parent_node
    # Panels may be docked to each other in a window that floats.
    return node is None or not node.is_dock_space()
