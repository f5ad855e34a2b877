"""What the checks of a probed network have found: it is in `meta["findings"]` of its surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

Level = Literal["ok", "note", "warning"]
Remedy = Mapping[str, Any]
"""Settings of the run by their names, as they are to be in the next one; as JSON has them."""


@dataclass(frozen=True)
class Finding:
    """What one check says of a surface.

    Attributes:
        level: "ok"; "note" for what a reader should know; "warning" for what misleads.
        what: which check it was, in a word or two.
        message: what was seen, what it means and, unless all is well, what to do.
        remedy: the same for machines, where it is something to be set; before it was kept, nothing.
    """

    level: Level
    what: str
    message: str
    remedy: Remedy = field(default_factory=dict[str, Any])

    def plain(self) -> dict[str, Any]:
        """As `meta` keeps it; without a remedy, as it was kept before there were any."""
        kept = asdict(self)
        return kept if self.remedy else {k: v for k, v in kept.items() if k != "remedy"}


def findings_of(meta: dict[str, Any]) -> list[Finding] | None:
    """The notes and warnings in `meta`, the warnings first; None where nobody looked."""
    found: Any = meta.get("findings")
    if not isinstance(found, list):
        return None
    entries = [cast(dict[str, Any], e) for e in cast(list[Any], found) if isinstance(e, dict)]
    shown = [
        Finding(e["level"], str(e.get("what") or ""), str(e.get("message") or ""), _remedy_in(e))
        for e in entries
        if e.get("level") in ("note", "warning")
    ]
    return sorted(shown, key=lambda finding: finding.level != "warning")


def _remedy_in(entry: dict[str, Any]) -> Remedy:
    remedy: Any = entry.get("remedy")
    return cast(dict[str, Any], remedy) if isinstance(remedy, dict) else {}
