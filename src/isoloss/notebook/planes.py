"""A plane in a notebook: what moves along its directions, and how they lie."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from isoloss.geometry.ticks import number_label
from isoloss.naming import capitalized, percent
from isoloss.notebook.table import table
from isoloss.settings.plane_kinds import plane_kind

if TYPE_CHECKING:
    from isoloss.compute.planes.plane import Plane


def html(plane: Plane) -> str:
    """A row for each thing there is to know."""
    said = {"weights that move": f"{plane.moving:,}"}
    if plane.parameters:
        said["parameters"] = plane.parameters
    norms = [number_label(norm, 4) for norm in plane.norms]
    said |= {"norm of δ": norms[0]} if plane.is_line else {"norms of δ and η": ", ".join(norms)}
    if not math.isnan(plane.cosine):
        said["cosine of δ and η"] = number_label(plane.cosine)
    if plane.explained_variance_ratio is not None:
        said["explained variance"] = ", ".join(map(percent, plane.explained_variance_ratio))
    if plane.read_from:
        said["directions"] = plane.read_from
    title = plane_kind(plane.kind).title or f"{plane.kind} plane"
    return table(capitalized(title), (), said.items())
