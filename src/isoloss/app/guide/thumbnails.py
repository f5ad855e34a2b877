"""Small pictures of surface files: drawn once by our own renderer, then saved in a cache folder.

A thread reads the files; pictures are drawn in pieces between the frames of the window.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from isoloss.app.ui.style import DARK, LIGHT
from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.arrays import Pixels
from isoloss.geometry.surface import Surface
from isoloss.gl.device import context as context  # first: it chooses PyOpenGL's platform
from isoloss.gl.device.image_texture import ImageTexture
from isoloss.gl.frame.canvas import PIECE, Canvas
from isoloss.naming import capitalized
from isoloss.paths import is_folder
from isoloss.run_folder import SURFACE
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.files.session import SUFFIX as SESSION
from isoloss.scene.files.session import load_session
from isoloss.scene.layer import load_layer
from isoloss.scene.scene import Scene
from isoloss.settings.plane_kinds import plane_kind
from isoloss.system.user_folders import cache_folder
from isoloss.version import __version__

SIZE = (480, 300)
"""Pixels; shown at about half of it."""
IN_CACHE = 64
"""Pictures in the cache folder; the oldest go first."""
_STYLE = 1  # to be raised when the pictures are to look different
Key = tuple[Path, str, int]
"""A file, the theme, and which of the views of a session."""
_CAMERA = Camera(distance=4.3, target=(0.0, 0.0, 0.33))


@dataclass(frozen=True)
class Thumbnail:
    """What there is to show of a file.

    Attributes:
        title: what it is, in a few words.
        note: how it was made.
        picture: None where there is nothing three-dimensional to see.
    """

    title: str
    note: str
    picture: ImageTexture | None


@dataclass(frozen=True)
class _Read:
    """What the thread has found: a picture from the cache, or a scene to draw one of."""

    title: str
    note: str
    pixels: Pixels | None = None
    scene: Scene | None = None


class Thumbnails:
    """Pictures of files, as soon as they are there."""

    def __init__(self) -> None:
        self._done: dict[Key, Thumbnail] = {}
        self._under_way: dict[Key, Future[_Read]] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._canvas: Canvas | None = None
        self._finishing: Iterator[bool] = iter(())

    @property
    def is_busy(self) -> bool:
        """Whether some are still to come."""
        return bool(self._under_way)

    def of(self, path: Path, theme: str, view: int = 0) -> Thumbnail | None:
        """The thumbnail of `path`, of a session that of one of its views; None while it is not
        there yet."""
        key = (path, theme, view)
        if key not in self._done and key not in self._under_way:
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, "thumbnails")
            self._under_way[key] = self._thread.submit(_read, *key)
        return self._done.get(key)

    def step(self) -> None:
        """Go on with one for no longer than a frame can wait; to be called where OpenGL calls are
        allowed."""
        end = time.perf_counter() + PIECE
        for rests in self._finishing:
            if rests or time.perf_counter() >= end:
                return
        for key, reading in self._under_way.items():
            if reading.done():
                self._finishing = self._finish(key, reading)
                return
        if not self._under_way and self._canvas is not None:
            self._canvas.free()
            self._canvas = None

    def free(self) -> None:
        """Give the memory back, while the context still lives."""
        self._finishing = iter(())
        if self._canvas is not None:
            self._canvas.free()
            self._canvas = None
        for thumbnail in self._done.values():
            if thumbnail.picture is not None:
                thumbnail.picture.free()
        self._done.clear()
        self._under_way.clear()
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None

    def _finish(self, key: Key, reading: Future[_Read]) -> Iterator[bool]:
        """Draw and keep it; True when the window has a new texture to show, for which it may have
        a program of its own to compile."""
        try:
            read = reading.result()
            pixels = read.pixels
            if read.scene is not None:
                canvas = self._canvas = self._canvas or Canvas()
                yield False
                canvas.want(read.scene, SIZE, scale=1.3)
                while not canvas.draw_piece():
                    yield False
                yield False
                pixels = _on_ground(canvas.pixels(), key[1])
                if self._thread is not None:
                    self._thread.submit(_save, _place(*key), pixels, read.title, read.note)
            picture = ImageTexture(pixels) if pixels is not None else None
            self._done[key] = Thumbnail(read.title, read.note, picture)
            yield picture is not None
        finally:
            self._under_way.pop(key, None)
            self._done.setdefault(key, Thumbnail("", "", None))  # what fails is not tried again


def title_and_note(surface: Surface, checkpoints: int) -> tuple[str, str]:
    """What a surface is, and how it was made; "" where its file does not say."""
    meta = surface.meta
    title = surface.title
    if not title and meta.get("model") and meta.get("data"):
        title = f"{meta['model']} on {meta['data']}"
    plane = capitalized(plane_kind(meta.get("plane")).title)
    a, b = surface.shape
    notes = [
        plane if plane.lower() not in title.lower() else "",
        f"{checkpoints} checkpoints" if checkpoints else "",
        f"{a} × {b} points",
    ]
    return title, ", ".join(filter(None, notes))


def _read(path: Path, theme: str, view: int = 0) -> _Read:
    """Read the picture from the cache, or the file itself; what cannot be read has no picture."""
    try:
        with Image.open(_place(path, theme, view)) as image:
            text: dict[str, str] = getattr(image, "text", {})
            pixels = np.array(image.convert("RGBA"))
        return _Read(text.get("Title", ""), text.get("Note", ""), pixels)
    except (OSError, ValueError, SyntaxError):
        pass  # not there yet, or damaged: it is drawn anew
    try:
        seen = _view(path, view)
    except (IsolossError, OSError, ValueError):
        return _Read("", "")
    layer = next(iter(seen.shown), None)
    if layer is None:
        return _Read("", "")
    title, note = title_and_note(layer.surface, sum(map(len, layer.trajectories)))
    if layer.surface.is_curve:
        return _Read(title, note)
    scene = replace(seen, appearance=_appearance(seen.appearance, theme), camera=_CAMERA)
    # For this no frame needs to wait.
    layer.mesh(scene.frame().scale, scene.appearance.smooth)
    return _Read(seen.title or title, note, scene=scene)


def _view(path: Path, view: int) -> Scene:
    """What a file shows: a surface alone, a session in one of its views, at the heights that it has
    beside the others."""
    if path.suffix != SESSION:
        return Scene([load_layer(path, lambda _: None)])
    document = load_session(path)
    document.link()
    return document.shown_views[view % document.arrangement]


def _appearance(seen: Appearance, theme: str) -> Appearance:
    return replace(
        seen,
        theme="light" if theme == "light" else "dark",
        axes=False,
        scalar_bar=False,
        title=False,
        floor_contours=False,
        ambient_occlusion=False,
        transparent=True,
    )


def _on_ground(drawn: Pixels, theme: str) -> Pixels:
    """What was drawn, over the colour that it is shown on; the theme may be another by now."""
    pixels = drawn.astype(np.float32)
    ground = np.array((LIGHT if theme == "light" else DARK).field[:3], np.float32) * 255
    pixels[..., :3] += (1 - pixels[..., 3:] / 255) * ground
    pixels[..., 3] = 255
    return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)


def _place(path: Path, theme: str, view: int = 0) -> Path:
    """Where the picture is saved: under another name as soon as the file has changed."""
    file = path / SURFACE if is_folder(path) else path
    try:
        state = file.stat()
        stamp = (state.st_mtime_ns, state.st_size)
    except OSError:
        stamp = (0, 0)
    words = repr((str(path), stamp, theme, view, SIZE, _STYLE, __version__))
    name = hashlib.sha256(words.encode()).hexdigest()[:24]
    return cache_folder() / "thumbnails" / f"{name}.png"


def _save(place: Path, pixels: Pixels, title: str, note: str) -> None:
    """Write a picture to the cache; a folder that cannot be written costs the time of drawing."""
    info = PngInfo()
    info.add_itxt("Title", title)
    info.add_itxt("Note", note)
    image = Image.fromarray(pixels)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, lambda p: image.save(p, format="PNG", pnginfo=info))
        saved = sorted(place.parent.glob("[!.]*.png"), key=lambda p: p.stat().st_mtime)
        for old in saved[:-IN_CACHE]:
            old.unlink(missing_ok=True)
    except (IsolossError, OSError):
        return
