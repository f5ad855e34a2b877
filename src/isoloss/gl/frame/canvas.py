"""One viewport's picture: quick while it keeps changing, whole once it rests, never long in one go.

Where the whole picture takes long (a software renderer, a large surface), what has just changed is
first drawn quickly, with as much detail as there is time for (`detail`). Once nothing has changed
for a moment the whole picture is drawn in pieces between the frames of the window, and shown
once it is done. It is the picture that one long drawing would have made.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from OpenGL import GL

from isoloss.geometry.rect import Rect
from isoloss.gl.device.target import Target
from isoloss.gl.frame.detail import TARGET, DetailControl
from isoloss.gl.frame.patches import Patches
from isoloss.gl.frame.renderer import Renderer
from isoloss.scene.scene import Scene

QUIET = 0.15
"""Seconds without a change after which the whole picture is begun."""
PIECE = 0.012
"""Seconds of one frame that may go into pieces of the whole picture; the last piece may overrun."""
_EXPECTED = 0.2  # seconds for the first whole picture of a software renderer
_FIRST_STEP = 6  # of the ladder: where a software renderer begins


class Canvas:
    """Holds the picture of one scene.

    Attributes:
        quick_seconds: that the last quick picture took.
        whole_seconds: that the last whole picture took, all pieces together; a guess before it.
    """

    def __init__(self, renderer: Renderer | None = None) -> None:
        self.renderer = renderer or Renderer()
        self.detail_control = DetailControl(_FIRST_STEP if self.renderer.is_software else 0)
        self.quick_seconds = 0.0
        self.whole_seconds = _EXPECTED if self.renderer.is_software else 0.0
        self._whole, self._quick = Target(1, 1), Target(1, 1, samples=0)
        self._patches: Patches | None = None
        self._is_patched = False
        self._shown: Target | None = None
        self._pieces: Iterator[None] | None = None
        self._quickly: Iterator[bool] | None = None
        self._patience = TARGET
        self._is_fresh = False
        self._fence: Any = None
        self._spent = 0.0
        self._wanted: tuple[Scene, tuple[int, int], float] | None = None
        self._changed = self._began = -np.inf

    @property
    def texture(self) -> int:
        """The texture that shows the latest picture; 0 before the first."""
        return self._shown.texture if self._shown is not None else 0

    @property
    def patches(self) -> tuple[int, list[Rect]]:
        """The texture that shows what is written over the latest picture where that one is of
        fewer pixels, and the rectangles of it to be shown, in pixels from the top left."""
        if self._patches is None or not self._is_patched or self._shown is not self._quick:
            return 0, []
        return self._patches.texture, self._patches.rects

    @property
    def is_busy(self) -> bool:
        """Whether the whole picture is still to come."""
        return self._wanted is not None

    @property
    def is_hurrying(self) -> bool:
        """Whether the quick picture is still to come."""
        return self._quickly is not None

    def draw_quickly(self, scene: Scene, size: tuple[int, int], scale: float) -> None:
        """Show `scene` with what detail there is time for; the whole picture is to follow."""
        self.want(scene, size, scale)
        self._hurry(None)

    def draw(
        self, scene: Scene, size: tuple[int, int], scale: float, seconds: float = TARGET
    ) -> None:
        """Show `scene`: the whole picture if it is likely to take no more than `seconds`.

        The first quick picture after a rest may have much to make ready: what it takes longer than
        a frame can wait is left to `go_on`. Each change meanwhile may take twice as long.
        """
        follows = self._shown is self._quick
        self._patience = seconds if self._quickly is None else 2 * self._patience
        self.want(scene, size, scale)
        if self.whole_seconds <= seconds:
            self.finish()
        else:
            self._hurry(None if follows else self._patience)

    def want(self, scene: Scene, size: tuple[int, int], scale: float) -> None:
        """Let the pieces that are drawn from now on be those of the whole picture of `scene`."""
        now = time.monotonic()
        if now - self._changed > 4 * QUIET:
            self._began = now
        self._changed = now
        self._wanted, self._pieces, self._spent = (scene, size, scale), None, 0.0
        self._quickly = None

    def go_on(self, seconds: float = PIECE) -> bool:
        """Draw more of what is missing, of the whole picture where the scene has rested; whether
        that is now shown."""
        if self._quickly is not None:
            self._hurry(seconds)
            return False
        if self._wanted is None or time.monotonic() - self._changed < self._quiet:
            return False
        end = time.perf_counter() + seconds
        while not self.draw_piece():
            if time.perf_counter() >= end:
                return False
        return True

    def finish(self) -> None:
        """Draw what is missing of the whole picture."""
        while self._wanted is not None:
            self.draw_piece()

    def wait(self) -> None:
        """Wait until the pixels of the latest picture are there."""
        if self._shown is not None:
            self._shown.wait()

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 4) uint8 of the whole picture."""
        self.finish()
        return self._shown.read() if self._shown else np.zeros((0, 0, 4), np.uint8)

    def free(self) -> None:
        """Give the memory of pictures and layers back."""
        for target in (self._whole, self._quick, self._patches):
            if target is not None:
                target.free()
        self.renderer.free()

    @property
    def _quiet(self) -> float:
        """A change that came alone need not be waited for: the next one is not to be expected."""
        return QUIET if self._changed - self._began > 0 else 0.0

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        """What fails is not tried again until something changes; the picture before it stays."""
        try:
            yield
        except Exception:
            self._wanted = self._pieces = self._quickly = None
            raise

    def _hurry(self, seconds: float | None) -> None:
        """Go on with the quick picture, for no longer than `seconds`; None is until it is shown."""
        assert self._wanted is not None
        start = time.perf_counter()
        with self._giving_up():
            if self._quickly is None:
                self._quickly, self.quick_seconds = self._quick_pieces(*self._wanted), 0.0
            for rests in self._quickly:
                if seconds is not None and (rests or time.perf_counter() - start >= seconds):
                    self.quick_seconds += time.perf_counter() - start
                    return
        self._quickly = None
        self.quick_seconds += time.perf_counter() - start
        if not self._is_fresh:  # new data take time of their own and say nothing about the next
            self.detail_control.took(self.quick_seconds)

    def _quick_pieces(self, scene: Scene, size: tuple[int, int], scale: float) -> Iterator[bool]:
        """Draw and show the quick picture; True before the first, for which the window has a
        program of its own to compile, if nothing has changed meanwhile."""
        detail = self.detail_control.detail
        small = (max(1, round(size[0] * detail.fraction)), max(1, round(size[1] * detail.fraction)))
        self._quick.resize(*small)
        patches = None
        if small != size:
            patches = self._patches = self._patches or Patches()
            patches.resize(size)
        uploads = self.renderer.uploads
        for _ in self.renderer.quick_pieces(
            scene, self._quick, scale * detail.fraction, detail.points, patches
        ):
            yield False
        GL.glFinish()
        self._is_fresh = self.renderer.uploads != uploads
        yield self._shown is None and self._patience <= TARGET
        self._shown, self._is_patched = self._quick, patches is not None

    def _wait_for_the_last(self, done: bool) -> None:
        """Wait for the piece before this one, so that the next can be prepared meanwhile."""
        before, self._fence = self._fence, None
        if done:
            GL.glFinish()
        else:
            self._fence = GL.glFenceSync(GL.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
            GL.glFlush()
        if before is not None:
            GL.glClientWaitSync(before, GL.GL_SYNC_FLUSH_COMMANDS_BIT, 1_000_000_000)
            GL.glDeleteSync(before)

    def draw_piece(self) -> bool:
        """One piece of the whole picture; whether it was the last."""
        assert self._wanted is not None
        scene, size, scale = self._wanted
        self._quickly = None
        start = time.perf_counter()
        with self._giving_up():
            if self._pieces is None:
                self._whole.resize(*size)
                self._pieces = self.renderer.pieces(scene, self._whole, scale)
            done = next(self._pieces, self) is self
        self._wait_for_the_last(done)
        self._spent += time.perf_counter() - start
        if done:
            self._shown, self._wanted, self._pieces = self._whole, None, None
            self.whole_seconds = self._spent
        return done
