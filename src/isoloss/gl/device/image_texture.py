"""A picture as a texture, to be shown by the window."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from OpenGL import GL
from PIL import Image


class ImageTexture:
    """A texture that holds one picture; its first row is the top one.

    Attributes:
        texture: its OpenGL name.
        size: (width, height) in pixels.
    """

    def __init__(self, pixels: NDArray[np.uint8], *, sharp: bool = False) -> None:
        """Upload a picture.

        Args:
            pixels: (H, W, 4) uint8, RGBA with straight alpha.
            sharp: enlarged, each pixel is a square, not blurred into the next.
        """
        height, width = pixels.shape[:2]
        self.size = (width, height)
        self.texture = int(GL.glGenTextures(1))
        before = int(GL.glGetIntegerv(GL.GL_TEXTURE_BINDING_2D))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        rgba, byte = GL.GL_RGBA, GL.GL_UNSIGNED_BYTE
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        for level, rows in enumerate(_smaller_and_smaller(pixels)):
            h, w = rows.shape[:2]
            GL.glTexImage2D(GL.GL_TEXTURE_2D, level, GL.GL_RGBA8, w, h, 0, rgba, byte, rows)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR)
        enlarged = GL.GL_NEAREST if sharp else GL.GL_LINEAR
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, enlarged)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE)
        GL.glBindTexture(GL.GL_TEXTURE_2D, before)

    def free(self) -> None:
        """Give the memory back."""
        GL.glDeleteTextures(1, [self.texture])


def _smaller_and_smaller(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """A picture at half its size again and again, down to one pixel.

    glGenerateMipmap does the same, for which a software renderer compiles a program each time.
    """
    yield np.ascontiguousarray(pixels)
    image = Image.fromarray(pixels)
    while max(image.size) > 1:
        width, height = image.size
        image = image.resize((max(width // 2, 1), max(height // 2, 1)), Image.Resampling.BOX)
        yield np.asarray(image)
