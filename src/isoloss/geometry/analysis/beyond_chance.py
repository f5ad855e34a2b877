"""At which cells a difference of surfaces is more than chance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from isoloss.geometry.analysis.student import LEVEL, quantile, two_sided
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface

DIFFERS = "differs"
"""The column that says where surfaces differ: 1 where the first is higher, −1 where it is lower, 0
where they do not differ beyond chance, NaN where that is not known."""
ENDS = {"low": "lower end of its 95 % interval", "high": "upper end of its 95 % interval"}
"""The columns of the interval of each cell by itself."""


def with_marks(surface: Surface, error: Array, freedom: Array, how: str) -> Surface:
    """A difference of surfaces with the cells marked that differ beyond chance, all at once.

    Of the cells that are marked 5 % at most are so by chance (Benjamini, Hochberg 1995,
    https://doi.org/10.1111/j.2517-6161.1995.tb02031.x).

    Args:
        error: (A, B) its standard error.
        freedom: (A, B) of that, in Student's t; ∞ of the normal distribution.
        how: the error was found, in words.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.where(error == 0, 0.0, quantile(freedom) * error)
        t = np.where(surface.loss == 0, 0.0, surface.loss / error)  # without any error ±∞
        columns = {"low": surface.loss - half, "high": surface.loss + half}
    known = np.isfinite(surface.loss) & np.isfinite(error)
    p = two_sided(t[known], np.where(np.isinf(t), np.inf, freedom)[known])
    ordered = np.sort(p)
    below = np.flatnonzero(ordered <= (1 - LEVEL) * np.arange(1, len(p) + 1) / max(len(p), 1))
    marks = np.full(surface.shape, np.nan)
    marks[known] = 0.0
    if below.size:
        marks[known] = np.where(p <= ordered[below[-1]], np.sign(surface.loss[known]), 0.0)
    share = float(np.count_nonzero(marks[known]) / known.sum()) if known.any() else 0.0
    said = {"share": share, "cells": int(known.sum()), "how": how}
    meta = {**surface.meta, DIFFERS: said, "quantities": dict(ENDS)}
    return replace(surface, columns={**columns, DIFFERS: marks}, meta=meta)


def differs_in_words(surface: Surface) -> str:
    """At how many cells a difference is more than chance; "" where that was not asked."""
    given: Any = surface.meta.get(DIFFERS)
    said = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    share, cells, how = (said.get(name) for name in ("share", "cells", "how"))
    if not isinstance(share, int | float) or not isinstance(cells, int):
        return ""
    return (
        f"{100 * share:.3g} % of {cells:,} cells differ beyond chance: {how}, cell by cell; of "
        "those marked 5 % at most are false (Benjamini–Hochberg)"
    )
