"""The colormaps that ship: 256 colours each."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.resources import resource_folder

NAMES = ("viridis", "cividis", "magma", "coolwarm", "terrain")
"""In the order they are offered; viridis is the default, cividis is safe for the colour-blind."""

DIVERGING = ("coolwarm",)
"""Those of `NAMES` whose middle is neutral, so that a sign can be read from them."""

CLASSES = "classes"
"""The colormap of classes: `CLASS_COLORS` colours that are told apart, one after the other."""
_OF_CLASSES = (
    "0072b2", "e69f00", "009e73", "cc79a7", "56b4e9", "d55e00", "f0e442", "7b5cc4",
    "8c564b", "7fc97f", "b0bec5", "a6266e", "1b5e7a", "c5b0d5", "bcbd22", "5b6370",
)  # fmt: skip
CLASS_COLORS = len(_OF_CLASSES)
"""So many classes have colours of their own; then they begin again."""


@cache
def colormap(name: str) -> NDArray[np.uint8]:
    """(256, 3) uint8 sRGB colours from the lowest value to the highest.

    Raises:
        IsolossError: `name` is not one of `NAMES`, nor `CLASSES`.
    """
    if name == CLASSES:
        colors = np.array([list(bytes.fromhex(code)) for code in _OF_CLASSES], np.uint8)
        return np.repeat(colors, 256 // CLASS_COLORS, axis=0)
    if name not in NAMES:
        raise IsolossError(f"there is no colormap {name!r}; choose one of {', '.join(NAMES)}")
    with np.load(resource_folder("data") / "colormaps" / "colormaps.npz") as stored:
        return stored[name]


def shades(values: Array, name: str, reverse: bool) -> Array:
    """(…, 4) colours in [0, 1] of positions along a colormap; NaN is grey."""
    colors = colormap(name)[:: -1 if reverse else 1] / 255.0
    index = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.int64)
    rgb = np.where(np.isnan(values)[..., None], 0.5, colors[index])
    return np.concatenate([rgb, np.ones((*values.shape, 1))], axis=-1)
