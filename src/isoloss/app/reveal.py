"""Showing a folder in the desktop's own file manager."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def reveal(folder: Path) -> bool:
    """Open `folder` in the file manager; returns whether there is one."""
    if sys.platform == "win32":
        os.startfile(folder)
        return True
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        return False
    try:
        subprocess.Popen(
            [opener, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    return True
