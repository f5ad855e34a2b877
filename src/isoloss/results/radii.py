"""Radii and their norms as people write them."""

from __future__ import annotations

from isoloss.geometry.ticks import number_label

NORMS = {"linf": "L∞", "l2": "L2"}


def radius_label(radius: float) -> str:
    """A radius as people write it: 0.005, or 8/255 where that is what was meant."""
    steps = radius * 255
    if abs(steps - round(steps)) < 1e-6 and len(f"{radius:.12g}") > 6:
        return f"{round(steps)}/255"
    return number_label(radius, 4)
