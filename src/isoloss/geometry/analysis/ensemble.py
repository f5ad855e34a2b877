"""Several surfaces over one grid as one: their mean, and how far they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from isoloss.geometry.surface import Surface


def ensemble(surfaces: Sequence[Surface]) -> Surface:
    """The mean of `surfaces`, cell by cell over those that have the cell.

    `spread` is their standard deviation, NaN where fewer than two have the cell; `loss_stderr` is
    that of the mean given the planes, `count` the samples seen in all.
    """
    if len(surfaces) == 1:
        return surfaces[0]
    computed = np.stack([s.computed for s in surfaces])
    n = np.maximum(computed.sum(0), 1)

    def total(values: list[np.ndarray]) -> np.ndarray:
        return np.where(computed, np.stack(values), 0.0).sum(0)

    with np.errstate(invalid="ignore", over="ignore"):
        loss = total([s.loss for s in surfaces]) / n
        squares = total([(s.loss - loss) ** 2 for s in surfaces])
        spread = np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)
        stderr = np.sqrt(total([s.loss_stderr**2 for s in surfaces])) / n
    accuracy = total([s.accuracy for s in surfaces]) / n
    seen = computed.any(0)
    return replace(
        surfaces[0],
        loss=np.where(seen, loss, np.nan),
        accuracy=np.where(seen, accuracy, np.nan),
        loss_stderr=np.where(seen, stderr, np.nan),
        count=np.sum([s.count for s in surfaces], axis=0),
        spread=spread,
        meta=dict(surfaces[0].meta),
    )
