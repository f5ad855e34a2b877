"""The panels around the viewport: where they are at first, and opening and closing them."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import hello_imgui, imgui

PLACES = {
    "Layers": "Left",
    "Appearance": "LeftBottom",
    "Experiments": "Right",
    "Jobs": "RightBottom",
    "Plots": "Bottom",
    "Log": "Bottom",
    "Curve": "Bottom",
    "Slice": "Bottom",
    "Minima": "Bottom",
    "Robustness": "Bottom",
    "Examples": "Bottom",
}
"""Panel: the place it has at first."""


def lay_out(
    params: hello_imgui.DockingParams, viewport: Callable[[], None], panel: Callable[[str], None]
) -> None:
    """Put the panels around the viewport; `viewport` and `panel` draw them."""
    params.docking_splits = [
        hello_imgui.DockingSplit("MainDockSpace", "Left", imgui.Dir.left, 0.19),
        hello_imgui.DockingSplit("MainDockSpace", "Right", imgui.Dir.right, 0.325),
        hello_imgui.DockingSplit("MainDockSpace", "Bottom", imgui.Dir.down, 0.27),
        hello_imgui.DockingSplit("Left", "LeftBottom", imgui.Dir.down, 0.663),
        hello_imgui.DockingSplit("Right", "RightBottom", imgui.Dir.down, 0.3),
    ]
    middle = hello_imgui.DockableWindow("Viewport", "MainDockSpace", viewport)
    middle.call_begin_end = middle.can_be_closed = False
    windows = [middle]
    for name, place in PLACES.items():
        window = hello_imgui.DockableWindow(name, place, lambda name=name: panel(name))
        if name == "Experiments":  # it scrolls its fields, not its buttons
            window.imgui_window_flags = int(imgui.WindowFlags_.no_scrollbar)
        elif name == "Examples":  # whose arrow keys go from image to image
            window.imgui_window_flags = int(imgui.WindowFlags_.no_nav_inputs)
        windows.append(window)
    params.dockable_windows = windows


class Docking:
    """Opens and closes panels, in the running app."""

    names = tuple(PLACES)

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

    def reset(self) -> None:
        """All panels back to where they were at first."""
        for window in _params().dockable_windows:
            window.is_visible = True
        _params().layout_reset = True


def _params() -> hello_imgui.DockingParams:
    return hello_imgui.get_runner_params().docking_params
