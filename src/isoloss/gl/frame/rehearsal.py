"""What pictures need when they are first drawn is made ready in a thread, before there are any.

A software renderer compiles a program when something is first drawn with it, and again for each
state of blending, depths and samples: 25 to 110 ms each, for which no frame of a window can wait.
Mesa keeps on disk what it has compiled, for all contexts. So a small scene with all that there is
to be drawn is drawn in a context of its own while the window opens; from then on each of them takes
a few milliseconds.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.device.context import HeadlessContext, begin
from isoloss.gl.device.target import Target
from isoloss.gl.frame.patches import Patches
from isoloss.gl.frame.renderer import Renderer, is_software
from isoloss.scene.appearance import Appearance
from isoloss.scene.layer import Marker, SurfaceLayer
from isoloss.scene.scene import Scene
from isoloss.scene.textures import Texture

_SIZE = (330, 210)
"""Pixels, no power of two: what is compiled for a texture depends on that."""
_COMPILING = 0.02
"""Seconds of the processor in which a frame would notice that something was not found on disk."""
_MOST_TIMES = 5
PATIENCE = 1.0
"""Seconds that quick pictures wait at most, and whole ones as long again: on a machine that is
busy, or at the very first start, a slow frame is better than none."""


class Rehearsal:
    """Draws all there is to be drawn.

    Attributes:
        has_quick, has_whole: whether quick pictures, and whole ones, find what they need, have
            waited for it long enough, or nobody is about to make it ready.
    """

    def __init__(self) -> None:
        self.has_quick = self.has_whole = True
        self._context: HeadlessContext | None = None
        self._thread: threading.Thread | None = None
        self._ends = self._has_drawn_whole = False
        self._begun_at = 0.0

    def begin(self) -> None:
        """Begin, where the processor draws what is drawn in the current context."""
        if not is_software():
            return
        self.has_quick = self.has_whole = False
        self._begun_at = time.monotonic()
        self._context = HeadlessContext(is_current=False)
        self._thread = threading.Thread(target=self._draw, args=[self._context], name="rehearsal")
        self._thread.start()

    def update(self) -> None:
        """Take in what has become ready, once a frame; in the thread in which it was begun."""
        waited = time.monotonic() - self._begun_at
        self.has_quick |= waited > PATIENCE
        if not self.has_whole and (self._has_drawn_whole or waited > 2 * PATIENCE):
            self.has_whole = True
            _resolve()
        elif self._thread is not None and not self._thread.is_alive():
            self.end()

    def end(self) -> None:
        """Let it be over; in the thread in which it was begun."""
        self._ends = True
        if self._thread is not None and self._context is not None:
            self._thread.join()
            self._context.close()
        self._thread = self._context = None

    def _draw(self, context: HeadlessContext) -> None:
        try:
            context.make_current()
            self._repeat(_quick_picture)
            self.has_quick = True
            self._repeat(_whole_pictures)
            self._has_drawn_whole = True
            self._repeat(_further_pictures)
        except Exception:  # pictures then take long when they are first drawn, as without it
            logging.getLogger(__name__).exception("the rehearsal of pictures has failed")
        finally:
            self.has_quick = self._has_drawn_whole = True
            context.release()

    def _repeat(self, draw: Callable[[Renderer], Iterator[None]]) -> None:
        """Draw until nothing is compiled any more.

        Mesa looks what it has kept up by the program, and compiling a program alters it: of those
        compiled for several states only the first is found again. Drawn with new programs, the
        first is found, the next compiled and kept by its right name.
        """
        slowest, times = math.inf, 0
        while slowest > _COMPILING and times < _MOST_TIMES:
            begin()
            renderer = Renderer()
            slowest, times, before = 0.0, times + 1, time.thread_time()
            for _ in draw(renderer):
                if self._ends:
                    return
                now = time.thread_time()
                slowest, before = max(slowest, now - before), now
            renderer.free()


def _quick_picture(renderer: Renderer, scene: Scene | None = None) -> Iterator[None]:
    target, patches = Target(_SIZE[0] // 2, _SIZE[1] // 2, samples=0), Patches()
    patches.resize(_SIZE)
    yield
    yield from renderer.quick_pieces(scene or Scene([_layer()]), target, 0.5, 100, patches)
    target.free()
    patches.free()


def _whole_picture(renderer: Renderer, scene: Scene) -> Iterator[None]:
    target = Target(*_SIZE)
    yield
    yield from renderer.pieces(scene, target)
    target.free()


def _whole_pictures(renderer: Renderer) -> Iterator[None]:
    """As the viewports show them, and as thumbnails."""
    for appearance in (Appearance(), Appearance(ambient_occlusion=False, transparent=True)):
        yield from _whole_picture(renderer, Scene([_layer()], appearance=appearance))


def _further_pictures(renderer: Renderer) -> Iterator[None]:
    """Of a surface that can be seen through, in bands, and in facets."""
    bands, facets = Appearance(texture=Texture.BANDS), Appearance(smooth=False)
    looks = (0.5, Appearance()), (1, bands), (1, facets), (1, replace(bands, smooth=False))
    for opacity, appearance in looks:
        scene = Scene([_layer(opacity)], appearance=appearance)
        yield from _quick_picture(renderer, scene)
        yield from _whole_picture(renderer, scene)


def _resolve() -> None:
    """Make one pixel of several samples, by a program of Mesa's own, which it keeps nowhere."""
    target = Target(3, 3)
    target.begin()
    target.end()
    target.free()


def _layer(opacity: float = 1.0) -> SurfaceLayer:
    """A surface with a hole, a path and a pin."""
    axis, n = np.linspace(-1, 1, 9), 4
    loss = axis[:, None] ** 2 + axis**2 + 1
    loss[0, 0] = np.nan
    way = np.linspace(-0.8, 0, n)
    path = Trajectory(way, way, 1 + way**2, 0 * way, np.linspace(0, 3, n), np.logspace(0, -3, n))
    pin = Marker(0.5, 0.5, 1.5, "pinned", pinned=True)
    surface = Surface.from_loss(axis, axis, loss)
    return SurfaceLayer("rehearsed", surface, (path,), markers=(pin,), opacity=opacity)
