"""The minima of a surface as a table: its merge tree, one row for each basin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from isoloss.files import write_csv
from isoloss.geometry.analysis.difference import automatic_scale
from isoloss.geometry.analysis.minima import Minimum, minima_of, relative_depths
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface

HEADER = (
    "basin", "alpha", "beta", "loss", "persistence", "depth", "saddle_alpha", "saddle_beta",
    "saddle_loss", "merges_into", "stderr", "within_noise", "at_border",
)  # fmt: skip


def save_minima(
    surface: Surface,
    path: Path,
    minima: Sequence[Minimum] | None = None,
    scale: HeightScale | None = None,
) -> Path:
    """Write the local minima of `surface` as CSV, the most persistent first; returns the path.

    Basins are counted from 1, and `merges_into` names one of them. `depth` is the persistence as a
    fraction of the displayed height. What one that merges into none does not have stays empty.

    Args:
        minima: those to be written, unless all are.
        scale: of the displayed heights, unless it is the surface's own.

    Raises:
        IsolossError: if `path` cannot be written.
    """
    minima = minima_of(surface) if minima is None else minima
    depths = relative_depths(minima, automatic_scale(surface) if scale is None else scale)
    number = {minimum.index: k for k, minimum in enumerate(minima, 1)}

    def row(k: int, minimum: Minimum) -> list[object]:
        values = minimum.alpha, minimum.beta, minimum.loss, minimum.persistence, float(depths[k])
        end: list[object] = [""] * 4
        if minimum.saddle is not None and minimum.into is not None:
            i, j = minimum.saddle
            place = float(surface.alpha[i]), float(surface.beta[j])
            end = [*place, minimum.saddle_loss, number.get(minimum.into, "")]
        known = ("" if math.isinf(value) else value for value in values)
        flags = int(minimum.is_within_noise), int(minimum.at_border)
        return [k + 1, *known, *end, minimum.stderr, *flags]

    return write_csv(path, HEADER, (row(k, minimum) for k, minimum in enumerate(minima)))
