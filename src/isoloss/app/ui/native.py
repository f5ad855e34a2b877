"""The window itself, for what Hello ImGui has no word for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

# imgui_bundle before glfw: it brings its own GLFW library and points pyGLFW at it.
from imgui_bundle import glfw_utils

import glfw  # isort: skip


def glfw_window() -> Any:
    """The window; only while it is open."""
    return glfw_utils.glfw_window_hello_imgui()


def set_title(title: str) -> None:
    """What stands over the window."""
    glfw.set_window_title(glfw_window(), title)


def listen_to_drops(drop: Callable[[Sequence[str]], None]) -> None:
    """Call `drop` with the paths of files that are dropped on the window."""
    # pyGLFW hands over a list of paths, whatever its stubs say.
    dropped: Any = lambda _, paths: drop(paths)  # noqa: E731
    glfw.set_drop_callback(glfw_window(), dropped)


def why_no_window(display: str) -> str:
    """What keeps a window from being opened, as far as GLFW can tell; "" if nothing does."""
    if display:
        # PyOpenGL speaks GLX on Linux; under Wayland that needs the X11 window of XWayland.
        glfw.init_hint(glfw.PLATFORM, glfw.PLATFORM_X11)
    glfw.ERROR_REPORTING = False
    return "" if glfw.init() else f"the display {display} cannot be opened"
