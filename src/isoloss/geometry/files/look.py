"""How a surface looks in other programs: its height, normals and colours at the grid points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.analysis.difference import automatic_scale
from isoloss.geometry.arrays import Array
from isoloss.geometry.colormaps import colors_at, stored_colormap
from isoloss.geometry.derivatives import gradient
from isoloss.geometry.files.holes import known
from isoloss.geometry.surface import Surface

HEIGHT = 0.450137
"""How tall it is, in widths of the wider axis: as our viewer draws it, but for a fraction that
nobody else would choose. A height is known by it that another program has kept without the loss."""
_SLACK = 2e-5  # of what is written with six digits


@dataclass(frozen=True)
class Look:
    """What can be chosen.

    Attributes:
        log_height: logarithmic heights; None: where the loss spans decades.
        smooth: with normals; else other programs show flat facets.
        colors: (A, B, 3) uint8 sRGB; None: those of the height, as the window shows it at first.
    """

    log_height: bool | None = None
    smooth: bool = True
    colors: NDArray[np.uint8] | None = None


class Relief:
    """The heights of a surface: from 0 to `HEIGHT` widths, whatever its scale.

    Attributes:
        shares: (A, B) of its losses on their scale, in [0, 1]; NaN where there is none.
    """

    def __init__(self, surface: Surface, log: bool | None = None) -> None:
        self._scale = automatic_scale(surface, log)
        self.shares = self._scale.apply(np.where(known(surface), surface.loss, np.nan))
        finite = self.shares[np.isfinite(self.shares)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        # What is the same everywhere lies in the middle.
        self._low, self._span = (low, high - low) if high > low else (low - 0.5, 1.0)
        self._top = _top(surface)

    def at(self, loss: Array) -> Array:
        """The heights of losses of any shape."""
        return self._top * (self._scale.apply(loss) - self._low) / self._span


def only_heights(path: Path) -> IsolossError:
    """What to raise where a file has the heights of a surface and not its losses."""
    return IsolossError(
        f"{path} has the heights that isoloss drew, but no longer their losses, which another "
        "program has left out: open the file that it was made of"
    )


def is_relief(surface: Surface) -> bool:
    """Whether what was read as losses are heights that `Relief` made."""
    heights = surface.loss[known(surface)]
    if not heights.size:
        return False
    top = _top(surface)
    low, high, slack = heights.min(), heights.max(), _SLACK * top
    spans = min(abs(high - top), abs(high - top / 2)) <= slack
    return bool(spans and min(abs(low), high - low) <= slack)


def height_colors(surface: Surface, relief: Relief) -> NDArray[np.uint8]:
    """(A, B, 3) uint8 sRGB, as the window colours a surface at first."""
    return colors_at(
        relief.shares, stored_colormap("coolwarm" if surface.is_difference else "viridis")
    )


def _top(surface: Surface) -> float:
    return HEIGHT * float(max(np.ptp(surface.alpha), np.ptp(surface.beta)))


def normals(surface: Surface, z: Array) -> Array:
    """(A, B, 3) unit vectors, upwards from the surface whose heights are `z` (A, B)."""
    along_x, along_y = gradient(surface.alpha, surface.beta, z)
    upwards = np.stack([-along_x, -along_y, np.ones_like(z)], axis=-1)
    return upwards / np.linalg.norm(upwards, axis=-1, keepdims=True)
