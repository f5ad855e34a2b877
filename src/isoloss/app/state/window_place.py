"""Where the window was last time, and whether it can be seen there now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from isoloss.geometry.rect import Rect

LEAST = (300, 200)
"""The least size of the window, in screen coordinates."""
_GRIP = (100, 40)
"""What must be on a screen of the window's upper edge, by which it can be moved."""
_PAIR = r"^{}=\s*(-?\d+)\s*,\s*(-?\d+)\s*$"


def bring_into_sight(layout: Path, screens: Sequence[Rect], size: tuple[int, int]) -> None:
    """Correct what Hello ImGui has kept of the window's place in the file `layout`.

    A window that was smaller than any that one can work in, as some are when they are closed while
    they are minimized, gets `size`; one that was on a screen that is gone comes to the upper left
    corner of the first. A file that is not there, or cannot be read or written, stays as it is.

    Args:
        screens: what of each screen can hold windows; none where that is not known.
    """
    try:
        text = layout.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    mended, at, kept = text, _pair(text, "WindowPosition"), _pair(text, "WindowSize")
    if kept is not None and (kept[0] < LEAST[0] or kept[1] < LEAST[1]):
        mended, kept = _with(mended, "WindowSize", size), size
    if at is not None and screens and not any(_can_be_held(at, kept or size, s) for s in screens):
        left, top, _, _ = screens[0]
        mended = _with(mended, "WindowPosition", (int(left), int(top)))
    if mended != text:
        try:
            layout.write_text(mended, encoding="utf-8")
        except OSError:
            return


def _can_be_held(at: tuple[int, int], size: tuple[int, int], screen: Rect) -> bool:
    left, top, right, bottom = screen
    across = min(at[0] + size[0], right) - max(at[0], left)
    return across >= _GRIP[0] and top - 1 <= at[1] <= bottom - _GRIP[1]


def _pair(text: str, name: str) -> tuple[int, int] | None:
    found = re.search(_PAIR.format(name), text, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else None


def _with(text: str, name: str, pair: tuple[int, int]) -> str:
    return re.sub(_PAIR.format(name), f"{name}={pair[0]},{pair[1]}", text, flags=re.MULTILINE)
