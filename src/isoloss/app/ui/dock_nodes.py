"""Where imgui has windows and panels: their rectangles, and the nodes that they are docked in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imgui_bundle import hello_imgui, imgui

from isoloss.app.state.layout.layouts import MIDDLE
from isoloss.geometry.rect import Rect


def docking_params() -> hello_imgui.DockingParams:
    """Of the running app."""
    return hello_imgui.get_runner_params().docking_params


def rect_of_middle() -> Rect | None:
    """Where the room in the middle is, below the tabs of whichever panel has it; None before it is
    laid out."""
    node = _central_node()
    if node is None:
        return None
    top = node.pos.y + imgui.get_frame_height()
    return node.pos.x, top, node.pos.x + node.size.x, node.pos.y + node.size.y


def _central_node() -> imgui.internal.DockNode | None:
    """Of the room in the middle, whichever window has it; None before there is one."""
    space = docking_params().dock_space_id_from_name(MIDDLE)
    return imgui.internal.dock_builder_get_central_node(space) if space is not None else None


def ancestors(name: str) -> Iterator[imgui.internal.DockNode]:
    """The node that a window is docked in, and those that this is part of, outwards."""
    window = imgui.internal.find_window_by_name(name)
    return _outwards(window.dock_node if window is not None else None)


def _outwards(node: imgui.internal.DockNode | None) -> Iterator[imgui.internal.DockNode]:
    while node is not None:
        yield node
        node = node.parent_node


def rect_of(name: str) -> Rect | None:
    """Where the window or panel `name` is; None while it cannot be seen."""
    window = imgui.internal.find_window_by_name(name)
    if window is None or not window.was_active or window.hidden:
        return None
    at, size = window.pos, window.size
    return at.x, at.y, at.x + size.x, at.y + size.y


def outermost_beside_middle(names: Iterable[str]) -> imgui.internal.DockNode | None:
    """The largest node with one of these panels, and not what is in the middle, in it."""
    inner = {node.id_ for node in _outwards(_central_node())}
    for name in names:
        outer = [node for node in ancestors(name) if node.id_ not in inner]
        if outer:
            return outer[-1]
    return None


def floats(name: str) -> bool:
    """Whether a window or panel that can be seen floats over others."""
    window = imgui.internal.find_window_by_name(name)
    if window is None or not window.was_active:
        return False
    *_, outermost = (None, *ancestors(name))
    # Panels may be docked to each other in a window that floats.
    return outermost is None or not outermost.is_dock_space()
