"""A path as it is typed on a command line."""

from __future__ import annotations

import argparse
from pathlib import Path


def path_of(text: str) -> Path:
    """The path that a text names; an empty one, as of a variable that is not set, is no folder.

    Raises:
        argparse.ArgumentTypeError: it is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("a path is empty: say which file or folder is meant")
    return Path(text)
