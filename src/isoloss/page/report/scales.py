"""Axes of numbers, with as many of them as there is room for."""

from __future__ import annotations

from isoloss.geometry.fitting import fitting_ticks
from isoloss.geometry.height import HeightScale, with_scale
from isoloss.page.report.plot import Axis
from isoloss.page.report.svg import BOTTOM, HEIGHT, LEFT, LETTER, RIGHT, TOP, WIDTH

_LINE = 20.0
"""Height of a number where a page is narrow."""


def axis_across(title: str, first: float, last: float, *, whole: bool = False) -> Axis:
    """One that is divided evenly; of a single value, that in its middle.

    Args:
        whole: whether there is nothing between whole numbers.
    """
    if not first < last:
        first, last = first - 0.5, last + 0.5
    scale = HeightScale("linear", first, last)
    ticks = fitting_ticks(
        scale, 6, WIDTH - LEFT - RIGHT, lambda label: LETTER * len(label), LETTER, (30.0, 14.0),
        whole=whole,
    )  # fmt: skip
    return Axis.even(title, ticks, first, last)


def axis_upwards(title: str, scale: HeightScale) -> Axis:
    """The axis of a scale."""
    ticks = fitting_ticks(scale, 6, HEIGHT - TOP - BOTTOM, lambda _: _LINE, 6.0)
    return Axis(
        with_scale(title, scale), tuple(ticks), lambda value: float(scale.apply(value))
    )  # fmt: skip
