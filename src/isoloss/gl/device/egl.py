"""OpenGL without a display, through EGL: on a GPU where there is one, else on the processor.

PyOpenGL's modules are handed in, since importing them chooses how it finds contexts.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_DEVICE, _SURFACELESS_MESA = 0x313F, 0x31DD  # platforms
_BY_DEVICE, _SOFTWARE = b"EGL_EXT_platform_device", b"EGL_MESA_device_software"
_MAJOR, _MINOR, _PROFILE, _CORE, _FORWARD = 0x3098, 0x30FB, 0x30FD, 0x1, 0x31B1
_MOST = 64


@dataclass(frozen=True)
class Device:
    """One that EGL draws on.

    Attributes:
        handle: EGL's.
        is_software: whether it is the processor, by another name.
    """

    handle: Any
    is_software: bool = False


def devices(egl: Any) -> list[Device]:
    """Those that EGL lists, in its order; none where it cannot."""
    try:
        if _BY_DEVICE not in (egl.eglQueryString(egl.EGL_NO_DISPLAY, egl.EGL_EXTENSIONS) or b""):
            return []
        from OpenGL.EGL.EXT import device_base
        from OpenGL.raw.EGL._types import EGLDeviceEXT

        handles, count = (EGLDeviceEXT * _MOST)(), egl.EGLint()
        if not device_base.eglQueryDevicesEXT(_MOST, handles, ctypes.byref(count)):
            return []
        listed = handles[: count.value]
        said = [device_base.eglQueryDeviceStringEXT(d, egl.EGL_EXTENSIONS) or b"" for d in listed]
        return [Device(d, _SOFTWARE in text) for d, text in zip(listed, said, strict=True)]
    except Exception:  # an EGL that does not know how: there are other ways
        return []


def open_context(egl: Any, known: Sequence[Device]) -> tuple[Any, Any, Any]:
    """(display, context, surface) of OpenGL 3.3 core, current in this thread.

    A cluster's GPU is by no display: Mesa's surfaceless platform would draw on the processor beside
    it. So GPUs come first, by themselves; then that platform, the default display, and devices in
    software. What has no such context is passed over.

    Args:
        egl: `OpenGL.EGL`.
        known: as `devices` lists them.

    Raises:
        Exception: why the last of them has none.
    """
    problem: Exception | None = None
    for candidate in _displays(egl, known):
        try:
            display = candidate()
            if display and egl.eglInitialize(display, egl.EGLint(), egl.EGLint()):
                return display, *_context(egl, display)
        except Exception as failed:
            problem = failed
    raise problem or RuntimeError("no EGL display")


def _displays(egl: Any, known: Sequence[Device]) -> Iterator[Callable[[], Any]]:
    def of(device: Device) -> Callable[[], Any]:
        return lambda: egl.eglGetPlatformDisplay(_DEVICE, device.handle, None)

    yield from (of(device) for device in known if not device.is_software)
    yield lambda: egl.eglGetPlatformDisplay(_SURFACELESS_MESA, egl.EGL_DEFAULT_DISPLAY, None)
    yield lambda: egl.eglGetDisplay(egl.EGL_DEFAULT_DISPLAY)
    yield from (of(device) for device in known if device.is_software)


def _context(egl: Any, display: Any) -> tuple[Any, Any]:
    """A core 3.3 context and its surface: none at all, else a small pbuffer."""
    if not egl.eglBindAPI(egl.EGL_OPENGL_API):
        raise RuntimeError("EGL without desktop OpenGL")
    wanted = (_MAJOR, 3, _MINOR, 3, _PROFILE, _CORE, _FORWARD, 1, egl.EGL_NONE)
    wanted = (egl.EGLint * len(wanted))(*wanted)
    for kind in (0, egl.EGL_PBUFFER_BIT):
        pairs = (egl.EGL_SURFACE_TYPE, kind, egl.EGL_RENDERABLE_TYPE, egl.EGL_OPENGL_BIT)
        asked = (egl.EGLint * 5)(*pairs, egl.EGL_NONE)
        configs, count = (egl.EGLConfig * 1)(), egl.EGLint()
        egl.eglChooseConfig(display, asked, configs, 1, ctypes.byref(count))
        if not count.value:
            continue
        try:
            context = egl.eglCreateContext(display, configs[0], egl.EGL_NO_CONTEXT, wanted)
            surface = egl.EGL_NO_SURFACE
            if kind:
                size = (egl.EGLint * 5)(egl.EGL_WIDTH, 16, egl.EGL_HEIGHT, 16, egl.EGL_NONE)
                surface = egl.eglCreatePbufferSurface(display, configs[0], size)
            # None current is what the call would make of no context, and succeed in.
            if context and egl.eglMakeCurrent(display, surface, surface, context):
                return context, surface
        except Exception:
            if kind:
                raise
    raise RuntimeError("no OpenGL 3.3 context")
