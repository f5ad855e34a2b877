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
        found = glob.glob(str(path.expanduser()), recursive=True)  # noqa: PTH207
    except (OSError, RuntimeError, ValueError, re.error):  # what no file system takes, "~nobody/*"
        return [path]
    return sorted(map(Path, found), key=lambda p: natural(str(p))) or [path]


def natural(name: str) -> list[tuple[bool, int, str]]:
    """What to sort names by so that numbers in them count by their size."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part.lower())
        for part in re.split(r"(\d+)", name)
        if part
    ]
