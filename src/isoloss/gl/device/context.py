"""The OpenGL context. Import this before anything of PyOpenGL: it chooses the platform.

PyOpenGL decides once, at its first import, how it finds functions and contexts: EGL for pictures
without a display, X11 for windows. The window's package, imgui_bundle, has to be imported before
glfw anyway; so whoever has imported it, where there is a display, means to open a window.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError
from isoloss.gl.device.egl import devices, open_context

if sys.platform.startswith("linux"):
    _window = "imgui_bundle" in sys.modules and bool(os.environ.get("DISPLAY"))
    os.environ.setdefault("PYOPENGL_PLATFORM", "x11" if _window else "egl")

import OpenGL

CHECKS_ERRORS = bool(os.environ.get("ISOLOSS_GL_CHECK"))
"""Set ISOLOSS_GL_CHECK=1 to have every OpenGL call checked; slow, the tests do."""

OpenGL.ERROR_CHECKING = CHECKS_ERRORS
OpenGL.ERROR_LOGGING = CHECKS_ERRORS
logging.getLogger("OpenGL").setLevel(logging.ERROR)  # missing optional modules are no news

if sys.platform.startswith("linux") and not CHECKS_ERRORS:
    # PyOpenGL 3.1.10 forgets to define this one name for EGL when checking is switched off.
    _egl_errors = importlib.import_module("OpenGL.raw.EGL._errors")
    if not hasattr(_egl_errors, "_error_checker"):
        _egl_errors._error_checker = None  # type: ignore[attr-defined]


def _load_triton_before_mesa() -> None:
    """Load the library of PyTorch's Triton, if it is installed, before any OpenGL driver.

    Both it and Mesa's software renderer carry LLVM, and Mesa makes its symbols global: Triton
    loaded after it binds to the wrong LLVM and crashes the process. Loaded first it keeps its own,
    so that a notebook may render before it trains.
    """
    found = importlib.util.find_spec("triton")
    if found is not None and found.origin is not None:
        with suppress(OSError):
            ctypes.CDLL(str(Path(found.origin).parent / "_C" / "libtriton.so"))


if sys.platform.startswith("linux"):
    _load_triton_before_mesa()


class HeadlessContext:
    """An OpenGL 3.3 core context to draw pictures in: EGL on Linux, a hidden window elsewhere.

    Use it as a context manager; inside, OpenGL calls go to it.

    Args:
        is_current: whether those of this thread go to it from now on. If not, another thread may
            make it current, and has to `release` it before it is closed here.

    Raises:
        IsolossError: there is no OpenGL to be had, with what to install.
    """

    def __init__(self, is_current: bool = True) -> None:
        self._context: Any = None
        if os.environ.get("PYOPENGL_PLATFORM") == "egl":
            self._open_egl()
        else:
            self._open_hidden_window()
        if is_current:
            self.make_current()
            begin()
        elif self._display is not None:
            self.release()

    def __enter__(self) -> HeadlessContext:
        self.make_current()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def make_current(self) -> None:
        """Send the OpenGL calls of this thread here."""
        if self._display is None:
            self._glfw.make_context_current(self._context)
            return
        from OpenGL import EGL

        EGL.eglMakeCurrent(self._display, self._surface, self._surface, self._context)

    def release(self) -> None:
        """Send the OpenGL calls of this thread nowhere."""
        if self._display is None:
            self._glfw.make_context_current(None)
            return
        from OpenGL import EGL

        none = EGL.EGL_NO_SURFACE
        EGL.eglMakeCurrent(self._display, none, none, EGL.EGL_NO_CONTEXT)

    def close(self) -> None:
        """Give the context back; what was made in it is gone."""
        if self._context is None:
            return
        if self._display is None:
            self._glfw.destroy_window(self._context)
            self._glfw.make_context_current(self._before)
        else:
            from OpenGL import EGL

            self.release()
            EGL.eglDestroyContext(self._display, self._context)
        self._context = None

    def _open_egl(self) -> None:
        try:
            from OpenGL import EGL

            self._display, self._context, self._surface = open_context(EGL, devices(EGL))
        except Exception as problem:  # whatever is missing, the remedy is the same
            what = (str(problem).splitlines() or [""])[0]
            raise IsolossError(
                f"OpenGL without a display is not available ({type(problem).__name__}: {what}); "
                "on Debian or Ubuntu: sudo apt install libegl1 libopengl0 libgl1-mesa-dri"
            ) from problem

    def _open_hidden_window(self) -> None:
        import glfw

        self._glfw, self._display = glfw, None
        self._before = glfw.get_current_context() if glfw.init() else None
        if not glfw.init():
            raise IsolossError("OpenGL is not available: GLFW could not be initialised")
        glfw.window_hint(glfw.VISIBLE, False)
        glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
        glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
        glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
        glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
        self._context = glfw.create_window(16, 16, "isoloss", None, None)
        if not self._context:
            raise IsolossError("OpenGL 3.3 is not available; update the graphics driver")


def begin() -> None:
    """Forget what is kept for the current context, which is new: one that has ended may have had
    its name."""
    from OpenGL import contextdata

    contextdata.cleanupContext()


def description() -> str:
    """The renderer and version of the current context, for the status line and bug reports."""
    from OpenGL import GL

    names = (GL.glGetString(name) for name in (GL.GL_RENDERER, GL.GL_VERSION))
    return ", OpenGL ".join(name.decode() if name else "unknown" for name in names)
