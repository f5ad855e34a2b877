"""Regions of a plane that are outlined on a surface: they are in its `meta["outlines"]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from isoloss.geometry.arrays import Array

_MOST = 16
_MOST_CORNERS = 4096


@dataclass(frozen=True)
class Outline:
    """A closed polygon.

    Attributes:
        name: what it surrounds, in a few words or signs.
        kind: "ball", where the plane cuts an adversary's ball, or "cube", where it is in what
            images are.
        corners: (k, 2) of (α, β), k ≥ 2.
    """

    name: str
    kind: Literal["ball", "cube"]
    corners: Array


def outlines_of(meta: dict[str, Any]) -> list[Outline]:
    """Those in `meta`; what is none of them is left out."""
    given: Any = meta.get("outlines")
    entries = cast("list[Any]", given)[:_MOST] if isinstance(given, list) else []
    return [one for one in map(_outline, entries) if one is not None]


def _outline(given: Any) -> Outline | None:
    try:
        corners = np.array(given["corners"], np.float64)
        is_polygon = corners.ndim == 2 and corners.shape[1] == 2
        if not is_polygon or not 2 <= len(corners) <= _MOST_CORNERS:
            return None
        if not np.isfinite(corners).all() or given["kind"] not in ("ball", "cube"):
            return None
        return Outline(str(given["name"]), given["kind"], corners)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
