"""Whether a window could be opened here; asked before any OpenGL is loaded."""

import os
import sys


def has_display() -> bool:
    """True where there is a screen to open a window on: always on Windows and macOS, on Linux where
    an X11 or Wayland session is announced."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
