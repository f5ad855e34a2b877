"""Whether something lies at a path: asked here alone, for the system may refuse to say."""

from __future__ import annotations

import stat
from pathlib import Path


def exists(path: Path | str) -> bool:
    """Whether something lies at `path`, as far as one may look; never raises.

    What no file system takes (a name too long, a NUL, links in a circle) is not there.
    """
    return _mode(path) is not None


def is_file(path: Path | str) -> bool:
    """Whether `path` is a regular file, through links; a pipe or a device is none. Never raises."""
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode)


def is_folder(path: Path | str) -> bool:
    """Whether `path` is a folder, through links; never raises."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def _mode(path: Path | str) -> int | None:
    try:
        return Path(path).stat().st_mode
    except (OSError, ValueError):
        return None
