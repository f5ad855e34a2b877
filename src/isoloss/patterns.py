"""Patterns of file names, which shells on Windows leave to the programs, and the order of names."""

from __future__ import annotations

import glob
import re
from pathlib import Path

from isoloss.paths import exists


def matching(path: Path) -> list[Path]:
    """`path`; or, where nothing lies there, all that it matches as a pattern, in natural order."""
    try:
        if not glob.has_magic(str(path)) or exists(path):
            return [path]
        found = _found(path.expanduser())
    except (OSError, RuntimeError, ValueError, re.error):  # what no file system takes, "~nobody/*"
        return [path]
    return sorted(found, key=lambda p: natural(str(p))) or [path]


def _found(pattern: Path) -> list[Path]:
    """All that a pattern matches, hidden things only where it begins their names with a dot.

    Links are followed, but not by `**`: they might lead in a circle.
    """
    above = pattern.parts.index("**") if "**" in pattern.parts else len(pattern.parts)
    begin, rest = Path(*pattern.parts[:above]), pattern.parts[above:]
    roots = map(Path, glob.glob(str(begin))) if begin.parts else [begin]  # noqa: PTH207
    if not rest:
        return list(roots)
    below = str(Path(*rest, *(["*"] if rest[-1] == "**" else [])))
    return [
        path
        for root in roots
        for path in root.glob(below)
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]


def natural(name: str) -> list[tuple[bool, int, str]]:
    """What to sort names by so that numbers in them count by their size."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part.lower())
        for part in re.split(r"(\d+)", name)
        if part
    ]
