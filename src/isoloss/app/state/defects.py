"""A defect of the program itself while the window is open: written down, and told in words."""

from __future__ import annotations

import platform
import sys
import time
import traceback
from pathlib import Path

from isoloss.app.state.config import config_folder
from isoloss.paths import is_file
from isoloss.version import __version__

ISSUES = "github.com/isoloss/isoloss/issues"
LARGEST = 1_000_000
"""Bytes after which the file begins anew."""


def defects_path() -> Path:
    """Where defects are written down."""
    return config_folder() / "defects.log"


def in_words(part: str, error: Exception) -> str:
    """What a person is told of an `error` in a part of the window: what is lost, and what to do.

    What happened is added to `defects_path`, and printed where that cannot be written.
    """
    where = _written_down(part, error)
    lost = f"{part} may stay empty; what is open and all jobs are kept"
    return f"Something went wrong: {lost}. To have it mended, send {where} to {ISSUES}"


def _written_down(part: str, error: Exception) -> str:
    """How what happened can be had."""
    happened = "".join(traceback.format_exception(error))
    on = f"isoloss {__version__}, Python {platform.python_version()}, {platform.platform()}"
    path = defects_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        grown = is_file(path) and path.stat().st_size > LARGEST
        with path.open("w" if grown else "a", encoding="utf-8", errors="replace") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {part}, {on}\n{happened}\n")
    except OSError:
        print(f"{part}, {on}\n{happened}", file=sys.stderr)
        return "what the terminal says"
    return str(path)
