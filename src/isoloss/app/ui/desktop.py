"""What the desktop does for us: the window's title and size, dropped files, files and pages that
are shown."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# imgui_bundle before glfw: it brings its own GLFW library and points pyGLFW at it.
from imgui_bundle import glfw_utils

import glfw  # isort: skip

from isoloss.geometry.rect import Rect

_kept: list[Any] = []
"""What GLFW calls, and must not be forgotten meanwhile."""


def glfw_window() -> Any:
    """The window; only while it is open."""
    return glfw_utils.glfw_window_hello_imgui()


def set_title(title: str) -> None:
    """What stands over the window."""
    glfw.set_window_title(glfw_window(), title)


def keep_larger_than(least: tuple[int, int]) -> None:
    """Let nobody make the window smaller than (width, height)."""
    glfw.set_window_size_limits(glfw_window(), *least, glfw.DONT_CARE, glfw.DONT_CARE)


def is_looked_at() -> bool:
    """Whether the window has the keyboard, and is not minimized."""
    window = glfw_window()
    minimized = glfw.get_window_attrib(window, glfw.ICONIFIED)
    return bool(glfw.get_window_attrib(window, glfw.FOCUSED)) and not minimized


def ask_for_attention() -> None:
    """Mark the window among the others, in the way of this desktop."""
    glfw.request_window_attention(glfw_window())


def screens() -> list[Rect]:
    """What of each screen can hold windows, the first one's before the others'; GLFW is running."""
    areas = [glfw.get_monitor_workarea(monitor) for monitor in glfw.get_monitors()]
    return [(x, y, x + width, y + height) for x, y, width, height in areas if width and height]


def listen_to_drops(drop: Callable[[Sequence[str]], None]) -> None:
    """Call `drop` with the paths of files that are dropped on the window."""

    def dropped(_window: Any, count: int, paths: Any) -> None:
        drop([os.fsdecode(paths[k]) for k in range(count)])

    # pyGLFW's own would lose all that are dropped where the name of one is no UTF-8.
    library: Any = glfw
    _kept.append(library._GLFWdropfun(dropped))
    library._glfw.glfwSetDropCallback(glfw_window(), _kept[-1])


def why_no_window(display: str) -> str:
    """What keeps a window from being opened, as far as GLFW can tell; "" if nothing does."""
    if display:
        # PyOpenGL speaks GLX on Linux; under Wayland that needs the X11 window of XWayland.
        glfw.init_hint(glfw.PLATFORM, glfw.PLATFORM_X11)
    glfw.ERROR_REPORTING = False
    return "" if glfw.init() else f"the display {display} cannot be opened"


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
