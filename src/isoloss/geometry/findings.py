"""What a check of a probed network has found: told with its surface, in `meta["findings"]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

Level = Literal["note", "warning"]


@dataclass(frozen=True)
class Finding:
    """Something worth knowing about a surface.

    Attributes:
        level: "warning" where it puts the surface in doubt.
        what: what was looked at, in a word or two.
        message: what was found.
    """

    level: Level
    what: str
    message: str


def findings_of(meta: dict[str, Any]) -> list[Finding] | None:
    """The notes and warnings in `meta`, the warnings first; None where nobody looked."""
    found: Any = meta.get("findings")
    if not isinstance(found, list):
        return None
    entries = [cast(dict[str, Any], e) for e in cast(list[Any], found) if isinstance(e, dict)]
    told = [
        Finding(e["level"], str(e.get("what") or ""), str(e.get("message") or ""))
        for e in entries
        if e.get("level") in ("note", "warning")
    ]
    return sorted(told, key=lambda finding: finding.level != "warning")
