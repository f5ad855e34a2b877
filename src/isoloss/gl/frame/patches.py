"""What is written over a picture of few pixels, at all of them: small patches instead of a layer.

Enlarged, text would be blurred. A whole layer of text over the picture would cost as much as the
pixels that were saved; so only where something is written the picture is enlarged here, written
on, and shown over its own enlargement, which looks the same around.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from OpenGL import GL

from isoloss.geometry.rect import Rect
from isoloss.gl.device.buffers import Quads
from isoloss.gl.device.program import shared
from isoloss.gl.device.target import Target

_RECORD = np.dtype([("place", "<f4", 4)])


class Patches:
    """Rectangles of a picture.

    Attributes:
        rects: (left, top, right, bottom) of each, in whole pixels from the top left.
    """

    def __init__(self) -> None:
        self.rects: list[Rect] = []
        self._target = Target(1, 1, samples=0)
        self._program = shared("patch")
        self._quads = Quads(_RECORD, {"place": 0})

    @property
    def texture(self) -> int:
        """As large as the picture enlarged; only what lies in `rects` means anything."""
        return self._target.texture

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture enlarged."""
        return self._target.size

    def resize(self, size: tuple[int, int]) -> None:
        """Change the size in pixels; nothing happens if it is the same."""
        self._target.resize(*size)

    @contextmanager
    def over(self, picture: Target, written: Iterable[Rect]) -> Iterator[None]:
        """Draw over an enlarged `picture` where something is to be `written`; then go back."""
        self.rects = [r for rect in written if (r := _whole(rect, self.size)) is not None]
        records = np.empty(len(self.rects), _RECORD)
        records["place"] = np.array(self.rects, np.float32).reshape(-1, 4)
        self._target.begin(multisample=False, clear=False)
        try:
            GL.glDisable(GL.GL_BLEND)
            GL.glDisable(GL.GL_DEPTH_TEST)
            GL.glActiveTexture(GL.GL_TEXTURE0)
            GL.glBindTexture(GL.GL_TEXTURE_2D, picture.texture)
            self._program.use(viewport=self.size, picture=0)
            self._quads.upload(records)
            self._quads.draw()
            GL.glEnable(GL.GL_BLEND)
            yield
        finally:
            self._target.end()

    def free(self) -> None:
        """Give the memory back."""
        self._target.free()
        self._quads.free()


def _whole(rect: Rect, size: tuple[int, int]) -> Rect | None:
    """`rect` up to whole pixels, as much of it as lies in the picture."""
    left, top = (max(0, math.floor(v)) for v in rect[:2])
    right, bottom = (min(n, math.ceil(v)) for v, n in zip(rect[2:], size, strict=True))
    return (left, top, right, bottom) if left < right and top < bottom else None
