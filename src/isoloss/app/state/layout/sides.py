"""The sides of the window that hold panels: which of them there is room for, and how much."""

from __future__ import annotations

from typing import Literal

from isoloss.geometry.rect import Rect

Side = Literal["left", "right", "bottom"]

ACROSS: dict[Side, Side] = {"left": "right", "right": "left"}
"""Which of them is on the other side of what is in the middle."""
MIDDLE = 24.0
"""The least width of what is between the sides, in em."""
LEFT, RIGHT = (15.0, 0.19, 24.0), (24.0, 0.27, 38.0)
"""Of a side's width at first: the least in em, its share of the window, the most in em."""
LOWEST, HIGH = 11.5, 13.0
"""The least height of the lower panels, and of what is above them, in em."""
SMALL = (42.0, 24.0)
"""Width and height of a window, in em, below which no side has room."""
LOW = 34.0
"""Height of a window, in em, below which the panels of a side have room only behind each other."""
BARS = 3.4
"""Of the menu and of the status, in em."""


def widths(across: float) -> tuple[float, float]:
    """Of the left side and the right one at first, in em, in a window of `across` em."""
    left, right = (min(max(a, share * across), b) for a, share, b in (LEFT, RIGHT))
    return left, right


def lowest(down: float) -> float:
    """The share of a side's height that its lower panel has at first, in a window of `down` em."""
    return 0.3 if down > 40 else 0.22


def is_low(down: float) -> bool:
    """Whether a window of `down` em has no room for panels above each other at its sides."""
    return down < LOW


def place_in(place: str, down: float) -> str:
    """Where what is docked at a place has room in a window of `down` em."""
    return place.removesuffix("Bottom") if is_low(down) and place != "Bottom" else place


def height(bottom: float, down: float) -> float:
    """Of the lower panels, which are to have `bottom` em, in a window of `down` em."""
    return max(min(max(bottom, LOWEST), down - BARS - HIGH), min(bottom, LOWEST))


def height_at_first(share: float, down: float) -> float:
    """Of the lower panels, which are to have a share of a window of `down` em."""
    return height(share * (down - BARS), down)


def fitted(left: float, right: float, across: float) -> tuple[float, float]:
    """The widths of both sides in em, 0 where there is none, such that texts and the middle have
    enough in a window of `across` em."""
    left, right = left and max(left, LEFT[0]), right and max(right, RIGHT[0])
    excess = left + right + MIDDLE - across
    spare = (left and left - LEFT[0]) + (right and right - RIGHT[0])
    share = min(max(excess, 0.0) / spare, 1.0) if spare else 0.0
    return (
        left and left - share * (left - LEFT[0]),
        right and right - share * (right - RIGHT[0]),
    )


def without_room(across: float, down: float) -> frozenset[Side]:
    """The sides that give way in a window of so many em: first the left one."""
    if across < SMALL[0] or down < SMALL[1]:
        return frozenset({"left", "right", "bottom"})
    if across < LEFT[0] + MIDDLE + RIGHT[0]:
        return frozenset({"left"})
    return frozenset()


def side_of(panel: Rect, middle: Rect) -> Side | None:
    """On which side of what is in the middle a panel is; None where it is over it."""
    left, top, right, bottom = panel
    if right <= middle[0] + 1:
        return "left"
    if left >= middle[2] - 1:
        return "right"
    return "bottom" if top >= middle[3] - 1 or bottom <= middle[1] + 1 else None


def side_of_place(place: str) -> Side | None:
    """The side of a place where panels are docked at first; None in the middle."""
    sides: tuple[tuple[str, Side], ...] = (
        ("Left", "left"), ("Right", "right"), ("Bottom", "bottom"),
    )  # fmt: skip
    return next((side for name, side in sides if place.startswith(name)), None)
