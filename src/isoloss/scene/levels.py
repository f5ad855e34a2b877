"""The levels of contours: at which displayed heights they lie, and in which colours."""

from __future__ import annotations

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import Tick, log_ticks, nice_ticks
from isoloss.scene.appearance import Appearance
from isoloss.scene.colormaps import shades
from isoloss.scene.scene import Frame
from isoloss.scene.textures import ValueScale
from isoloss.scene.texturing import ColorScale

_ABOVE = 1e-9
"""Of the height: so that a plateau at a level has an edge, not specks where it is rounded."""
_FEW_READ = 4
"""Fewer ticks of the scale are not enough where levels are read."""
_APART = 1e-6
"""Of the height: a level this near to an end of the scale is none."""


def contour_levels(appearance: Appearance, frame: Frame) -> list[Tick]:
    """The levels, ascending: round values, about as many as are asked for.

    They are evenly spaced in loss or in its logarithm, whichever the heights are unless it is said.
    """
    count, scale, spacing = appearance.contour_levels, frame.scale, appearance.contour_spacing
    if count < 1:
        return []
    is_log = spacing == "log" or (spacing == "height" and scale.kind == "log")
    lowest, highest = (float(end) for end in scale.invert([_APART, 1 - _APART]))
    if is_log and scale.hi > 0:
        lowest = lowest if scale.lo > 0 else 1e-3 * scale.hi
        found = log_ticks(lowest, highest, count, dense=True)
    else:
        found = nice_ticks(lowest, highest, count + 2)  # as if there were some at the ends
    heights = scale.apply([tick.value for tick in found])
    return [tick for tick, at in zip(found, heights, strict=True) if 0 < at < 1]


def contour_heights(appearance: Appearance, frame: Frame) -> Array:
    """(n,) the displayed heights of the levels."""
    values = [tick.value for tick in contour_levels(appearance, frame)]
    return frame.scale.apply(values) + _ABOVE


def read_at(levels: list[Tick], scale: ValueScale, most: int) -> list[Tick]:
    """Those of the levels that are written, about `most` or fewer: the ticks of the scale where
    these are levels and not too few, else every second, third …, zero among them."""
    values = {tick.value for tick in levels}
    for count in range(most, 1, -1):
        ticks = [tick for tick in scale.ticks(count) if 0 < scale.apply(tick.value) < 1]
        if len(ticks) >= min(_FEW_READ, most) and values.issuperset(tick.value for tick in ticks):
            return ticks
    stride = max(1, -(-len(levels) // max(most, 1)))
    step = levels[1].value - levels[0].value if stride > 1 else 1.0
    steps = [tick.value / (stride * step) for tick in levels[:stride]]
    whole = (k for k, n in enumerate(steps) if abs(n - round(n)) < 1e-6)
    return levels[next(whole, 0) :: stride]


def band_edges(
    appearance: Appearance, frame: Frame, colors: ColorScale
) -> tuple[tuple[float, Tick], ...]:
    """Where the levels lie along the colormap, inside (0, 1), and what they are: between them the
    colours of bands do not change."""
    levels = contour_levels(appearance, frame)
    places = colors.scale.apply([tick.value for tick in levels])
    edges = {float(at): tick for at, tick in zip(places, levels, strict=True) if 0 < at < 1}
    return tuple(edges.items())


def own_height(appearance: Appearance, frame: Frame) -> float | None:
    """The displayed height of the level set by hand; None where it is off the scale."""
    if appearance.contour_value is None:
        return None
    height = float(frame.scale.apply(appearance.contour_value))
    return height + _ABOVE if 0 < height < 1 else None


def contour_shades(
    levels: Array, appearance: Appearance, frame: Frame, colors: ColorScale | None, height: bool
) -> Array:
    """(len(levels), 4) the colours of the levels; grey unless colours show the `height`."""
    positions = np.full(len(levels), np.nan)
    if height and colors is not None:
        positions = colors.scale.apply(frame.scale.invert(levels))
    return shades(positions, appearance.colormap, appearance.reverse_colormap)
