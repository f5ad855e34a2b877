"""Where a frame goes: a multisampled framebuffer, resolved into a texture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from OpenGL import GL

from isoloss.errors import IsolossError

SAMPLES = 4


class Target:
    """A framebuffer of its own for one viewport.

    `texture` is the name of the resolved RGBA8 texture (for an ImGui image; its first row is the
    bottom one, so show it with v from 1 to 0). Colours are premultiplied by alpha.
    """

    def __init__(self, width: int, height: int, samples: int = SAMPLES) -> None:
        self.samples = min(samples, int(GL.glGetIntegerv(GL.GL_MAX_SAMPLES)))
        self.texture = int(GL.glGenTextures(1))
        self._color, self._depth, self._plain_depth = map(int, GL.glGenRenderbuffers(3))
        self._drawn, self._resolved = map(int, GL.glGenFramebuffers(2))
        self._multisampled = True
        self.size = (0, 0)
        self._before: tuple[int, list[int]] = (0, [0, 0, 0, 0])
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        """Change the size in pixels; nothing happens if it is the same."""
        width, height = max(1, int(width)), max(1, int(height))
        if (width, height) == self.size:
            return
        largest = int(GL.glGetIntegerv(GL.GL_MAX_RENDERBUFFER_SIZE))
        if max(width, height) > largest:
            raise IsolossError(f"a picture can be at most {largest} pixels wide and high here")
        self.size = (width, height)
        before = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        rgba, byte = GL.GL_RGBA, GL.GL_UNSIGNED_BYTE
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, width, height, 0, rgba, byte, None)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE)
        for name, kind, samples in (
            (self._color, GL.GL_RGBA8, self.samples),
            (self._depth, GL.GL_DEPTH_COMPONENT24, self.samples),
            (self._plain_depth, GL.GL_DEPTH_COMPONENT24, 0),
        ):
            GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, name)
            GL.glRenderbufferStorageMultisample(GL.GL_RENDERBUFFER, samples, kind, width, height)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._drawn)
        for place, name in (
            (GL.GL_COLOR_ATTACHMENT0, self._color),
            (GL.GL_DEPTH_ATTACHMENT, self._depth),
        ):
            GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, place, GL.GL_RENDERBUFFER, name)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._resolved)
        GL.glFramebufferTexture2D(
            GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, self.texture, 0
        )
        GL.glFramebufferRenderbuffer(
            GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, GL.GL_RENDERBUFFER, self._plain_depth
        )
        complete = GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER) == GL.GL_FRAMEBUFFER_COMPLETE
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, before)
        if not complete:
            raise IsolossError(f"the graphics driver refuses a framebuffer of {width}×{height}")

    def begin(self, multisample: bool = True, clear: bool = True) -> None:
        """Draw into it from now on, cleared and transparent or over what is there."""
        self._multisampled = multisample
        self.resume()
        if not clear:
            return
        GL.glDepthMask(True)
        GL.glClearColor(0.0, 0.0, 0.0, 0.0)
        GL.glClear(int(GL.GL_COLOR_BUFFER_BIT) | int(GL.GL_DEPTH_BUFFER_BIT))

    def copy_into(self, other: Target) -> None:
        """Put the resolved picture into what `other`, of the same size, is drawing."""
        w, h = self.size
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._resolved)
        GL.glBlitFramebuffer(0, 0, w, h, 0, 0, w, h, GL.GL_COLOR_BUFFER_BIT, GL.GL_NEAREST)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, other._resolved)

    def resume(self) -> None:
        """Go on drawing into it, after `pause`."""
        viewport = [int(v) for v in GL.glGetIntegerv(GL.GL_VIEWPORT)]
        self._before = (int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING)), viewport)
        drawn = self._drawn if self._multisampled else self._resolved
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, drawn)
        GL.glViewport(0, 0, *self.size)
        GL.glDisable(GL.GL_SCISSOR_TEST)

    def pause(self) -> None:
        """Go back to where was drawn before, for a while."""
        framebuffer, viewport = self._before
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
        GL.glViewport(*viewport)

    def end(self) -> None:
        """Resolve into `texture` and go back to where was drawn before."""
        if self._multisampled:
            GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._drawn)
            GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, self._resolved)
            w, h = self.size
            GL.glBlitFramebuffer(0, 0, w, h, 0, 0, w, h, GL.GL_COLOR_BUFFER_BIT, GL.GL_NEAREST)
        self.pause()

    def wait(self) -> None:
        """Wait until the resolved frame is really there, by reading one pixel of it."""
        self._read(1, 1)

    def read(self) -> NDArray[np.uint8]:
        """(H, W, 4) uint8 of the resolved frame, top row first, premultiplied alpha."""
        return np.ascontiguousarray(self._read(*self.size)[::-1])

    def _read(self, width: int, height: int) -> NDArray[np.uint8]:
        before = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._resolved)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        pixels = np.empty((height, width, 4), np.uint8)
        GL.glReadPixels(0, 0, width, height, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, pixels)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, before)
        return pixels

    def free(self) -> None:
        """Give the memory back."""
        GL.glDeleteFramebuffers(2, [self._drawn, self._resolved])
        GL.glDeleteRenderbuffers(3, [self._color, self._depth, self._plain_depth])
        GL.glDeleteTextures(1, [self.texture])
