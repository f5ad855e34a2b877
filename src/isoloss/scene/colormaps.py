"""The colormaps that ship: 256 colours each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.geometry.colormaps import colors_at, stored_colormap

NAMES = ("viridis", "cividis", "magma", "coolwarm", "terrain")
"""In the order they are offered; viridis is the default."""

SAFE = ("viridis", "cividis", "magma", "coolwarm")
"""Those of `NAMES` that the colour-blind can read too: whatever kind of cone is missing, values an
eighth of the scale apart differ in colour, and those without a neutral middle rise in lightness."""

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


OWN = ("amber", "rose", "azure", "brick", "slate")
"""Of the second, third … of several surfaces: each of one hue, from dark to light; all but the last
are told apart by the colour-blind too."""
_HUES = {
    "amber": ((58, 21, 0), (217, 112, 10), (255, 230, 184)),
    "rose": ((59, 10, 42), (212, 58, 134), (255, 220, 238)),
    "azure": ((6, 20, 64), (40, 105, 215), (214, 232, 255)),
    "brick": ((50, 6, 6), (190, 40, 35), (255, 214, 205)),
    "slate": ((28, 32, 38), (125, 136, 150), (242, 245, 249)),
}


def for_whom(name: str) -> str:
    """Who can read a colormap, in a few words."""
    return "safe for the colour-blind" if name in SAFE else "not for the colour-blind"


def colormap(name: str) -> NDArray[np.uint8]:
    """(256, 3) uint8 sRGB colours from the lowest value to the highest.

    Raises:
        IsolossError: `name` is not one of `NAMES` or `OWN`, nor `CLASSES`.
    """
    if name == CLASSES:
        colors = np.array([list(bytes.fromhex(code)) for code in _OF_CLASSES], np.uint8)
        return np.repeat(colors, 256 // CLASS_COLORS, axis=0)
    if name in _HUES:
        colors = np.empty((256, 3))
        for k, stops in enumerate(zip(*_HUES[name], strict=True)):
            colors[:, k] = np.interp(np.linspace(0, 1, 256), (0, 0.5, 1), stops)
        return np.rint(colors).astype(np.uint8)
    if name not in NAMES:
        raise IsolossError(f"there is no colormap {name!r}; choose one of {', '.join(NAMES)}")
    return stored_colormap(name)


def banded(edges: Sequence[float], name: str, reverse: bool) -> Array:
    """(len(edges) + 1, 4) the colours of bands between `edges`, ascending in (0, 1): each that of
    its middle."""
    bounds = np.concatenate([[0.0], edges, [1.0]])
    return shades((bounds[1:] + bounds[:-1]) / 2, name, reverse)


def shades(values: Array, name: str, reverse: bool) -> Array:
    """(…, 4) colours in [0, 1] of positions along a colormap; NaN is grey."""
    rgb = colors_at(values, colormap(name)[:: -1 if reverse else 1]) / 255
    return np.concatenate([rgb, np.ones((*values.shape, 1))], axis=-1)
