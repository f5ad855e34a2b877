"""A VTK XML structured grid, for ParaView: written only."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from isoloss.files import write_atomic
from isoloss.geometry.surface import Surface, grids_of


def save_vts(surface: Surface, path: Path) -> Path:
    """Points at (α, β, loss), one array for each value."""
    alpha, beta = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    height = np.where(np.isfinite(surface.loss), surface.loss, 0.0)
    # VTK counts its first index fastest; ours is the last, hence the transposes.
    points = np.stack([alpha.T, beta.T, height.T], axis=-1)
    arrays = "".join(_array(values.T, name) for name, values in grids_of(surface).items())
    extent = f"0 {surface.shape[0] - 1} 0 {surface.shape[1] - 1} 0 0"
    text = (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="StructuredGrid" version="1.0" byte_order="LittleEndian" '
        'header_type="UInt64">\n'
        f'<StructuredGrid WholeExtent="{extent}"><Piece Extent="{extent}">\n'
        f'<PointData Scalars="loss">{arrays}</PointData>\n'
        f"<Points>{_array(points, 'Points', 3)}</Points>\n"
        "</Piece></StructuredGrid></VTKFile>\n"
    )
    return write_atomic(path, lambda p: p.write_text(text, encoding="ascii"))


def _array(values: NDArray[Any], name: str, components: int = 1) -> str:
    kind, dtype = ("Int64", "<i8") if values.dtype.kind == "i" else ("Float64", "<f8")
    raw = np.ascontiguousarray(values, dtype).tobytes()
    encoded = base64.b64encode(len(raw).to_bytes(8, "little") + raw).decode("ascii")
    return (
        f'<DataArray type="{kind}" Name={quoteattr(name)} NumberOfComponents="{components}" '
        f'format="binary">{encoded}</DataArray>'
    )
