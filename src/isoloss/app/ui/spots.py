"""Places on the screen that are pointed at from elsewhere: each is marked where it is drawn."""

from __future__ import annotations

from imgui_bundle import imgui

from isoloss.geometry.rect import Rect

_marked: dict[str, tuple[int, Rect]] = {}


def mark(name: str) -> None:
    """Remember where the item that has just been drawn is."""
    lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    _marked[name] = imgui.get_frame_count(), (lo.x, lo.y, hi.x, hi.y)


def spot(name: str) -> Rect | None:
    """Where what was marked so is; None while it is not drawn."""
    frame, rect = _marked.get(name, (-2, (0.0, 0.0, 0.0, 0.0)))
    return rect if imgui.get_frame_count() - frame <= 1 else None
