"""Where a surface has no height: what other programs are given there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.refine import fill_uncomputed
from isoloss.geometry.surface import Surface


def known(surface: Surface) -> NDArray[np.bool_]:
    """(A, B) bool: where a finite loss has been computed."""
    return surface.computed & np.isfinite(surface.loss)


def without_holes(surface: Surface) -> Array:
    """(A, B) finite losses: where there is none, what lies between those around it, so that
    a program that shows points without faces has neither wall nor pit there."""
    there = known(surface)
    if not there.any():
        return np.zeros(surface.shape)
    # A gap between losses near the largest number is bridged without an overflow.
    top = max(float(np.abs(surface.loss[there]).max()), 1.0)
    filled = top * fill_uncomputed(np.where(there, surface.loss, 0.0) / top, there)
    return np.where(there, surface.loss, filled)
