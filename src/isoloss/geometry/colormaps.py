"""The colormaps that ship, as they are stored: 256 colours each."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.resources import resource_folder

UNKNOWN = 128
"""The grey of what has no value."""


@cache
def stored_colormap(name: str) -> NDArray[np.uint8]:
    """(256, 3) uint8 sRGB colours from the lowest value to the highest."""
    with np.load(resource_folder("data") / "colormaps" / "colormaps.npz") as stored:
        return stored[name]


def colors_at(positions: Array, colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(…, 3) uint8 colours at positions in [0, 1] along `colors` (n, 3); NaN is grey."""
    index = np.rint(np.clip(np.nan_to_num(positions), 0, 1) * (len(colors) - 1)).astype(np.int64)
    return np.where(np.isnan(positions)[..., None], np.uint8(UNKNOWN), colors[index])
