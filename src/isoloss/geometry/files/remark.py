"""What made a surface or a trajectory, as one remark `isoloss {…}` in a file that has remarks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

_BEGINS = "isoloss "


def remark(kind: str, meta: dict[str, Any]) -> str:
    """The remark of a "surface" or a "trajectory" made as `meta` says: one line of ASCII."""
    return _BEGINS + json.dumps({"kind": kind, **meta}, ensure_ascii=True)


def meta_in(remarks: Iterable[str]) -> dict[str, Any] | None:
    """What made a file, from our remark among those in it; None where there is none."""
    meta: dict[str, Any] | None = None
    for text in remarks:
        if text.startswith(_BEGINS):
            try:
                found: Any = json.loads(text.removeprefix(_BEGINS))
            except (ValueError, RecursionError):
                continue  # Somebody edited it; the numbers are still good.
            if isinstance(found, dict):
                meta = cast("dict[str, Any]", found)
                meta.pop("kind", None)
    return meta
