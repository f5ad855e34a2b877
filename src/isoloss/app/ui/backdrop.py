"""The colour behind docked panels: the frame is cleared with it, and nothing fills it in again.

To clear a frame takes a software renderer no time; to fill a window two or three times over, with
the docking space, its panels and then the picture, takes it longer than all there is upon them.
"""

from __future__ import annotations

from collections.abc import Iterable

from imgui_bundle import hello_imgui, imgui

from isoloss.app.ui.style import palette, vec


def clear_as_panels(panels: Iterable[str]) -> None:
    """Before a frame: let docked `panels` be transparent, for behind them is their own colour.

    While one of them floats over others, all have a background of their own.
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
