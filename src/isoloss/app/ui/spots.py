"""Places on the screen that are pointed at from elsewhere: each is marked where it is drawn."""

from __future__ import annotations

from imgui_bundle import imgui

from isoloss.geometry.rect import Rect, extent

_marked: dict[str, tuple[int, Rect]] = {}


def mark(name: str) -> None:
    """Remember where the item that has just been drawn is; of several in a frame, the largest."""
    lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    now, rect = imgui.get_frame_count(), (lo.x, lo.y, hi.x, hi.y)
    frame, known = _marked.get(name, (-1, rect))
    if frame != now or _size(rect) > _size(known):
        _marked[name] = now, rect


def spot(name: str) -> Rect | None:
    """Where what was marked so is; None while it is not drawn."""
    frame, rect = _marked.get(name, (-2, (0.0, 0.0, 0.0, 0.0)))
    return rect if imgui.get_frame_count() - frame <= 1 else None


def _size(rect: Rect) -> float:
    width, height = extent(rect)
    return width * height
