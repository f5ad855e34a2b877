"""VTK's XML polygons, as ParaView and h52vtp of tomgoldstein/loss-landscape write: read only."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from isoloss.geometry.files.named import with_note
from isoloss.geometry.files.vtk_xml import surface_of_points_in
from isoloss.geometry.surface import Surface

_CHANGED = re.compile(r"_(?:zmax=(?P<most>[^_]+))?(?:_?(?P<log>log))?$")


def load_vtp(path: Path) -> Surface:
    """The surface whose points, in any order, form a grid in x and y; z, or `loss`, is the loss.

    h52vtp says in the file's name what it has made of the losses; that is noted.

    Raises:
        IsolossError: it is damaged or its points form no grid.
    """
    surface = surface_of_points_in(path, "PolyData")
    changed = _CHANGED.search(path.stem)
    if changed is None or not any(changed.groups()):
        return surface
    if changed["log"]:
        said = "its name says that its heights are log(loss + 0.1)"
    else:
        said = f"its name says that losses above {changed['most']} were set to that"
    return replace(surface, meta=with_note(surface.meta, "heights", said))
