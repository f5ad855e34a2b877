"""The levels of contours: at which displayed heights they lie, and in which colours."""

from __future__ import annotations

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.scene.appearance import Appearance
from isoloss.scene.colormaps import shades
from isoloss.scene.scene import Frame
from isoloss.scene.texturing import ColorScale


def contour_heights(appearance: Appearance, frame: Frame) -> Array:
    """The displayed heights of the levels, evenly spaced in height, loss or its logarithm."""
    count, scale = max(0, appearance.contour_levels), frame.scale
    fractions = (np.arange(count) + 1) / (count + 1)
    if appearance.contour_spacing == "linear":
        return scale.apply(scale.lo + fractions * (scale.hi - scale.lo))
    if appearance.contour_spacing == "log" and scale.hi > 0:
        lowest = scale.lo if scale.lo > 0 else 1e-3 * scale.hi
        return scale.apply(lowest * (scale.hi / lowest) ** fractions)
    return fractions


def own_height(appearance: Appearance, frame: Frame) -> float | None:
    """The displayed height of the level set by hand; None where it is off the scale."""
    if appearance.contour_value is None:
        return None
    height = float(frame.scale.apply(appearance.contour_value))
    return height if 0 < height < 1 else None


def contour_shades(
    levels: Array, appearance: Appearance, frame: Frame, colors: ColorScale | None, height: bool
) -> Array:
    """(len(levels), 4) the colours of the levels; grey unless colours show the `height`."""
    positions = np.full(len(levels), np.nan)
    if height and colors is not None:
        positions = colors.scale.apply(frame.scale.invert(levels))
    return shades(positions, appearance.colormap, appearance.reverse_colormap)
