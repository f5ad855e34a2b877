"""Widgets for numbers, which give none that cannot be drawn: finite, and within their range.

imgui takes "nan" and "1e400" for numbers, and values beyond the ends of a slider that one has typed
into. What is no finite number is as if it had not been typed; what is beyond the range is its end.
"""

from __future__ import annotations

import math

from imgui_bundle import imgui

from isoloss.app.ui.style import numerals
from isoloss.scene.files.plain import LARGEST

Pair = tuple[float, float]

ANY: Pair = (-LARGEST, LARGEST)
"""What a session can hold of a number that has no range of its own."""
DRAWN = 1.7e38
"""imgui's sliders, which count in single precision, go no farther."""
WHOLE = (-(2**31) + 1, 2**31 - 1)


def within(entered: float, before: float, limits: Pair) -> float:
    """`entered`, at most as far out as the limits; `before` where it is not finite."""
    return min(max(entered, limits[0]), limits[1]) if math.isfinite(entered) else before


def slider(
    name: str,
    value: float,
    ends: Pair,
    shape: str = "%.3f",
    *,
    limits: Pair | None = None,
    logarithmic: bool = False,
) -> tuple[bool, float]:
    """A slider; returns whether it has changed, and its value.

    Args:
        shape: how the value is written, as C's printf wants it.
        limits: what can be typed, where that is more than the slider's own range.
    """
    flags = imgui.SliderFlags_.logarithmic if logarithmic else imgui.SliderFlags_.none
    low, high = (min(max(end, -DRAWN), DRAWN) for end in ends)
    with numerals():
        changed, entered = imgui.slider_float(name, value, low, high, shape, int(flags))
    return _checked(changed, entered, value, limits or ends)


def whole_slider(
    name: str,
    value: int,
    ends: tuple[int, int],
    shape: str = "%d",
    *,
    limits: tuple[int, int] | None = None,
) -> tuple[bool, int]:
    """The same for whole numbers."""
    with numerals():
        changed, entered = imgui.slider_int(name, value, *ends, shape)
    lo, hi = limits or ends
    entered = min(max(entered, lo), hi)
    return changed and entered != value, entered


def drag_pair(name: str, pair: Pair, speed: float, shape: str = "%.4g") -> tuple[bool, Pair]:
    """Two numbers to be dragged or typed; returns whether one has changed, and both."""
    with numerals():
        changed, entered = imgui.drag_float2(name, list(pair), speed, 0, 0, shape)
    if not changed:
        return False, pair
    a, b = (within(new, old, ANY) for new, old in zip(entered, pair, strict=True))
    return (a, b) != pair, (a, b)


def number_field(name: str, value: float, limits: Pair = ANY, shape: str = "%.6g") -> float:
    """A number to be typed."""
    with numerals():
        changed, entered = imgui.input_double(name, value, 0, 0, shape)
    return within(entered, value, limits) if changed else value


def whole_field(name: str, value: int, limits: tuple[int, int] = WHOLE) -> int:
    """A whole number to be typed."""
    with numerals():
        changed, entered = imgui.input_int(name, min(max(value, WHOLE[0]), WHOLE[1]), 0, 0)
    return min(max(entered, limits[0]), limits[1]) if changed else value


def _checked(changed: bool, entered: float, before: float, limits: Pair) -> tuple[bool, float]:
    if not changed:
        return False, before
    value = within(entered, before, limits)
    return value != before, value
