"""Looking for the minima of large surfaces, beside the window."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from isoloss.geometry.analysis.minima import Minimum, minima_of
from isoloss.geometry.analysis.roughness import Roughness, roughness_of
from isoloss.geometry.surface import Surface
from isoloss.scene.layer import SurfaceLayer

AT_ONCE = 40_000
"""Of so many points the minima are found within a frame."""

_Found = tuple[tuple[Minimum, ...], Roughness]


class MinimaSearch:
    """Finds minima and roughness of layers, one after the other, in a thread."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._thread: ThreadPoolExecutor | None = None
        self._under_way: tuple[SurfaceLayer, tuple[int, Surface], Future[_Found]] | None = None

    def update(self, layers: Sequence[SurfaceLayer]) -> None:
        """Take in what has been found, and go on with what is not known of `layers`."""
        if self._under_way is not None and self._under_way[2].done():
            layer, (version, surface), found = self._under_way
            self._under_way = None
            if layer.version == version and layer.surface is surface:
                layer.take_in(*found.result())
        for layer in layers:
            layer.pending = layer.surface.loss.size > self._at_once and not layer.is_read
            if layer.pending and self._under_way is None:
                self._thread = self._thread or ThreadPoolExecutor(1, "minima")
                of = layer.version, layer.surface
                self._under_way = layer, of, self._thread.submit(_find, layer.surface)

    def end(self) -> None:
        """Wait for nothing any more: the window closes."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)


def _find(surface: Surface) -> _Found:
    return minima_of(surface), roughness_of(surface)
