"""Which further columns a surface has, said in its description in a file."""

from __future__ import annotations

from typing import Any, cast

from isoloss.geometry.surface import GRIDS, Surface

_COLUMNS = "columns"
_KNOWN = (*GRIDS, "spread", "alpha", "beta", "x", "y", "z", "meta")


def described(surface: Surface) -> dict[str, Any]:
    """What made a surface, and the names of its further columns."""
    names = {_COLUMNS: [*surface.columns]} if surface.columns else {}
    return {**surface.meta, **names}


def taken_from(meta: dict[str, Any]) -> list[str]:
    """The names of further columns, which are taken out of a description; it may be anybody's."""
    given: Any = meta.pop(_COLUMNS, None)
    names = cast("list[Any]", given) if isinstance(given, list) else []
    return [name for name in names if isinstance(name, str) and name not in _KNOWN]
