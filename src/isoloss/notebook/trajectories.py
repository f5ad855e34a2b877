"""A trajectory in a notebook: where its checkpoints lie, and what they lose."""

from __future__ import annotations

import numpy as np

from isoloss.geometry.ticks import number_label
from isoloss.geometry.trajectory import Trajectory
from isoloss.notebook.table import table

MOST = 20
"""Rows: of more checkpoints some, evenly spread."""


def html(path: Trajectory) -> str:
    """A row for each checkpoint, of many for some."""
    chosen = np.unique(np.linspace(0, len(path) - 1, min(len(path), MOST)).round().astype(int))
    columns = {
        path.clock: path.epoch,
        "loss": path.loss,
        "α": path.alpha,
        "β": path.beta,
        "off the plane": path.off_plane,
        "learning rate": path.lr,
    }
    if path.of_images or not np.isfinite(path.lr).any():
        del columns["learning rate"]
    count = f"{len(path):,} {path.point}s"
    some = f", of which {len(chosen)}" if len(chosen) < len(path) else ""
    return table(
        f"{path.name or 'Trajectory'}: {count}{some}",
        list(columns),
        [[number_label(float(values[k]), 4) for values in columns.values()] for k in chosen],
    )
