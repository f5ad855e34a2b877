"""A table of all grid points, for spreadsheets and other programs: written only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isoloss.files import write_csv
from isoloss.geometry.surface import Surface, grids_of


def save_csv(surface: Surface, path: Path) -> Path:
    """One row for each grid point, β fastest: alpha, beta, then every value."""
    alpha, beta = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    columns = {"alpha": alpha, "beta": beta, **grids_of(surface)}
    rows = zip(*(c.ravel().tolist() for c in columns.values()), strict=True)
    return write_csv(path, columns, rows)
