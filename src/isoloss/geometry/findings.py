"""What the checks of a probed network have found: it is in `meta["findings"]` of its surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

Level = Literal["ok", "note", "warning"]


@dataclass(frozen=True)
class Finding:
    """What one check says of a surface.

    Attributes:
        level: "ok"; "note" for what a reader should know; "warning" for what misleads.
        what: which check it was, in a word or two.
        message: what was seen, what it means and, unless all is well, what to do.
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
    shown = [
        Finding(e["level"], str(e.get("what") or ""), str(e.get("message") or ""))
        for e in entries
        if e.get("level") in ("note", "warning")
    ]
    return sorted(shown, key=lambda finding: finding.level != "warning")
