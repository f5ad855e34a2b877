"""A VTK XML structured grid, for ParaView."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from isoloss.files import write_atomic
from isoloss.geometry.files.holes import known, without_holes
from isoloss.geometry.files.remark import remark
from isoloss.geometry.files.vtk_xml import (
    GHOSTS,
    HIDDEN_CELL,
    HIDDEN_POINT,
    surface_of_points_in,
)
from isoloss.geometry.surface import Surface, grids_of

_TYPES = {"i8": "Int64", "f8": "Float64", "u1": "UInt8"}


def save_vts(surface: Surface, path: Path) -> Path:
    """Points at (α, β, loss), one array for each value; what has no finite loss is blanked."""
    alpha, beta = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    # VTK counts its first index fastest; ours is the last, hence the transposes.
    points = np.stack([alpha.T, beta.T, without_holes(surface).T], axis=-1)
    arrays = "".join(_array(values.T, name) for name, values in grids_of(surface).items())
    there = known(surface)
    whole = there[:-1, :-1] & there[1:, :-1] & there[1:, 1:] & there[:-1, 1:]
    no_points = _array(HIDDEN_POINT * (~there.T).astype(np.uint8), GHOSTS)
    no_cells = _array(HIDDEN_CELL * (~whole.T).astype(np.uint8), GHOSTS)
    extent = f"0 {surface.shape[0] - 1} 0 {surface.shape[1] - 1} 0 0"
    # Two hyphens would end a comment; in JSON they only stand in texts.
    said = remark("surface", surface.meta).replace("--", "\\u002d\\u002d")
    text = (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="StructuredGrid" version="1.0" byte_order="LittleEndian" '
        'header_type="UInt64">\n'
        f"<!-- {said} -->\n"
        f'<StructuredGrid WholeExtent="{extent}"><Piece Extent="{extent}">\n'
        f'<PointData Scalars="loss">{arrays}{no_points}</PointData>\n'
        f"<CellData>{no_cells}</CellData>\n"
        f"<Points>{_array(points, 'Points', 3)}</Points>\n"
        "</Piece></StructuredGrid></VTKFile>\n"
    )
    return write_atomic(path, lambda p: p.write_text(text, encoding="ascii"))


def load_vts(path: Path) -> Surface:
    """Exactly what `save_vts` wrote; or anybody's grid over x and y, z or `loss` being the loss.

    Raises:
        IsolossError: it is damaged or its points form no grid.
    """
    return surface_of_points_in(path, "StructuredGrid")


def _array(values: NDArray[Any], name: str, components: int = 1) -> str:
    raw = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    content = len(raw.tobytes()).to_bytes(8, "little") + raw.tobytes()
    encoded = base64.b64encode(content).decode("ascii")
    return (
        f'<DataArray type="{_TYPES[raw.dtype.str[1:]]}" Name={quoteattr(name)} '
        f'NumberOfComponents="{components}" format="binary">{encoded}</DataArray>'
    )
