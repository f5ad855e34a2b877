"""Where pictures without a display are drawn: pretended devices, and the real ones here."""

import ctypes
from types import SimpleNamespace

import pytest

from isoloss.gl.device.egl import Device, devices, open_context

DEVICE, SURFACELESS = 0x313F, 0x31DD


class PretendedEGL:
    """An EGL of which some displays can be opened, and some of those draw.

    Args:
        opens: the displays that can be initialised.
        draws: those of them that have a context of OpenGL 3.3; by default all.
    """

    EGLint, EGLConfig = ctypes.c_int, ctypes.c_void_p
    EGL_DEFAULT_DISPLAY, EGL_NO_CONTEXT, EGL_NO_SURFACE = "default", None, None

    def __init__(self, opens, draws=None):
        self.opens, self.draws = opens, opens if draws is None else draws
        self.tried = []

    def __getattr__(self, name):
        return 1  # any other constant

    def eglGetPlatformDisplay(self, platform, native, _):
        return {DEVICE: native, SURFACELESS: "surfaceless"}[platform]

    def eglGetDisplay(self, native):
        return native

    def eglInitialize(self, display, *_):
        self.tried.append(display)
        return display in self.opens

    def eglBindAPI(self, _):
        return True

    def eglChooseConfig(self, display, asked, configs, size, count):
        ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = 1
        return True

    def eglCreateContext(self, display, *_):
        return f"context of {display}" if display in self.draws else None

    def eglMakeCurrent(self, *_):
        return True  # of no context too, which is then none


GPU, SECOND, LLVMPIPE = Device("gpu"), Device("second"), Device("llvmpipe", is_software=True)
ALL = {"gpu", "second", "surfaceless", "default", "llvmpipe"}


@pytest.mark.parametrize(
    ("known", "opens", "draws", "expected"),
    [
        ([GPU, LLVMPIPE], ALL, ALL, "gpu"),
        ([LLVMPIPE, GPU], ALL, ALL, "gpu"),  # in whatever order they are listed
        ([GPU, SECOND], ALL - {"gpu"}, None, "second"),  # not ours, as in a container
        ([GPU, SECOND, LLVMPIPE], ALL, ALL - {"gpu"}, "second"),  # too old for OpenGL 3.3
        ([GPU, LLVMPIPE], ALL - {"gpu"}, None, "surfaceless"),
        ([LLVMPIPE], ALL, ALL, "surfaceless"),
        ([], ALL, ALL, "surfaceless"),
        ([LLVMPIPE], ALL - {"surfaceless"}, None, "default"),
        ([LLVMPIPE, GPU], {"llvmpipe"}, None, "llvmpipe"),
    ],
)
def test_a_gpu_comes_first_and_devices_in_software_last(known, opens, draws, expected):
    egl = PretendedEGL(opens, draws)
    display, context, _ = open_context(egl, known)
    assert (display, context) == (expected, f"context of {expected}")


def test_each_is_tried_once_until_one_draws():
    egl = PretendedEGL(set())
    with pytest.raises(RuntimeError, match="no EGL display"):
        open_context(egl, [LLVMPIPE, GPU])
    assert egl.tried == ["gpu", "surfaceless", "default", "llvmpipe"]


def test_what_raises_is_passed_over_too():
    egl = PretendedEGL(ALL)

    def initialize(display, *_):
        if display != "default":
            raise OSError(f"{display} is broken")
        return True

    egl.eglInitialize = initialize
    assert open_context(egl, [GPU])[0] == "default"


def test_an_egl_that_lists_no_devices_has_none():
    for said in (None, b"", b"EGL_EXT_platform_base EGL_MESA_platform_surfaceless"):
        old = SimpleNamespace(
            eglQueryString=lambda *_, said=said: said, EGL_NO_DISPLAY=None, EGL_EXTENSIONS=1
        )
        assert devices(old) == []

    def broken(*_):
        raise OSError

    assert devices(SimpleNamespace(eglQueryString=broken)) == []


def test_the_devices_here_are_listed_and_drawn_on(context):
    from OpenGL import EGL

    found = devices(EGL)
    assert found
    assert all(isinstance(device.is_software, bool) for device in found)
