"""Handing folders and web pages over to the desktop's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def reveal(folder: Path) -> bool:
    """Open `folder` in the file manager; returns whether there is one."""
    return _hand_over(str(folder))


def open_page(url: str) -> bool:
    """Open a web page in the browser; returns whether there is one."""
    return _hand_over(url)


def _hand_over(target: str) -> bool:
    if sys.platform == "win32":
        os.startfile(target)
        return True
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        return False
    try:
        subprocess.Popen(
            [opener, target],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    return True
