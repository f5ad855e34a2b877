"""Where panels are docked, as imgui writes it down: what of that is kept, and whether it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WINDOW = re.compile(r"\[Window\]\[(?P<name>.*)\]")
_DOCK_ID = re.compile(r"^DockId=(0x[0-9A-Fa-f]+)", re.MULTILINE)
_NODE = re.compile(r"^\s*(?:DockSpace|DockNode)\s+ID=(0x[0-9A-Fa-f]+)", re.MULTILINE)
_SPACE = re.compile(r"^DockSpace\s+ID=", re.MULTILINE)
_DOCKING = "[Docking][Data]"


def of_panels(settings: str, names: Mapping[str, str]) -> str:
    """What imgui's whole settings say of the windows with these names and of where they dock."""
    kept = [
        part
        for part in _parts(settings)
        if part.startswith(_DOCKING)
        or ((found := _WINDOW.match(part)) is not None and found["name"] in names)
    ]
    return "\n".join(kept)


def completed(docked: str, places: Mapping[str, str]) -> str:
    """The same with a line for every panel, or "" if it holds no longer.

    A panel that it does not know, as one that came with a later version, is docked with one of its
    place. What says nothing of where the windows dock, or docks them where nothing is, or knows no
    place for a panel, is given up.

    Args:
        places: where each window is docked at first.
    """
    parts = _parts(docked)
    data = next((part for part in parts if part.startswith(_DOCKING)), "")
    nodes = {int(node, 16) for node in _NODE.findall(data)}
    at: dict[str, str] = {}
    for part in parts:
        found, dock = _WINDOW.match(part), _DOCK_ID.search(part)
        if found is not None and found["name"] in places:
            if dock is not None and int(dock[1], 16) not in nodes:
                return ""
            at[found["name"]] = dock[1] if dock is not None else ""
    if not _SPACE.search(data) or not any(at.values()):
        return ""
    for name, place in places.items():
        if name in at:
            continue
        beside = next((at.get(n) for n, p in places.items() if p == place and at.get(n)), None)
        if beside is None:
            return ""
        parts.insert(0, f"[Window][{name}]\nPos=60,60\nSize=400,300\nDockId={beside},99\n")
    return "\n".join(parts)


def _parts(settings: str) -> list[str]:
    """The sections, each from its heading on."""
    return [part for part in re.split(r"(?m)^(?=\[)", settings) if part.startswith("[")]
