"""Pictures: what is to be seen into pixels and files, with or without a display."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from isoloss.errors import IsolossError
from isoloss.figures.paper import Print
from isoloss.figures.sheet import VECTOR, fitting_scale
from isoloss.files import write_atomic
from isoloss.fonts import letters_without_a_font
from isoloss.geometry.arrays import Pixels
from isoloss.geometry.files.formats import Asked, format_of
from isoloss.gl.annotations.margins import margins_around_box
from isoloss.gl.device.context import HeadlessContext
from isoloss.gl.frame.renderer import Renderer
from isoloss.gl.pictures.movie_file import FFMPEG, PILLOW
from isoloss.gl.pictures.tiles import Size, check_size, draw_tiled
from isoloss.naming import listed
from isoloss.scene.camera import Camera, is_upright
from isoloss.scene.files.staging import Source, has_an_appearance, only_curve, stage
from isoloss.scene.scene import Scene
from isoloss.scene.theme import THEMES
from isoloss.scene.tiling import division

SIZE = (1600, 1000)
MOST_SUPERSAMPLING = 8


def render(
    source: Source | Sequence[Source],
    out: str | Path | None = None,
    size: Size | None = None,
    scale: float | None = None,
    *,
    supersample: int = 2,
    overlays: bool = True,
    figure: bool = False,
    print_: Print | None = None,
    **options: Any,
) -> Pixels:
    """A picture of surfaces, of a session, or of one curve; works without a display.

    Args:
        source: a path (surface file, run folder or session), a `Surface`, a `Scene`, or several
            surfaces for one box; a curve is drawn alone.
        out: where to write it, as PNG, or as SVG or PDF if it is a figure; None only returns the
            pixels.
        size: (width, height) in pixels; 1600×1000, or as wide as one column of a paper.
        scale: size of text and lines; None fits them to the picture.
        supersample: draw so many times as large each way, and average.
        overlays: False leaves axes, scalar bar, title, legend and markers out.
        figure: draw the contours of one surface in the plane instead of it in space; so do names
            that end in .svg or .pdf.
        print_: how a figure is printed: its width on paper, its resolution, filled or as lines.
        options: fields of `Appearance` (texture="accuracy", theme="light", title="…", …) and of
            `Camera` (azimuth=…, elevation=…, orthographic=True, …); `view` names a saved view of
            the session. A curve has title, theme, log_height and transparent.

    Returns:
        (H, W, 4) uint8, RGBA with straight alpha, top row first.

    Raises:
        IsolossError: a file cannot be read or written, an option does not exist or does not fit
            the picture, or there is no OpenGL.
    """
    path = None if out is None else Path(out)
    suffix = "" if path is None else path.suffix.lower()
    if path is not None and suffix not in (".png", *VECTOR):
        if (other := format_of(path)) is not None and other.shows:
            raise IsolossError(f"{path.name} is a {other.title}: 'isoloss export' writes it")
        raise IsolossError(
            "pictures are PNG (.png), figures .svg or .pdf, and movies "
            f"{listed((*FFMPEG, *PILLOW), 'or')}: choose one of these, not {path.name}"
        )
    if size is not None:
        check_size(size)
    if not 1 <= supersample <= MOST_SUPERSAMPLING:
        raise IsolossError(f"--supersample must be from 1 to {MOST_SUPERSAMPLING}")
    if scale is not None and not 0.05 <= scale <= 100:
        raise IsolossError(f"--scale must be from 0.05 to 100, not {scale:g}")
    curve = only_curve(source)
    if curve is not None or figure or suffix in VECTOR:
        # Half a second to import, for figures alone.
        from isoloss.figures.draw import draw_contours, draw_curve

        if (figure or suffix in VECTOR) and not has_an_appearance(source):
            options = {"theme": "light"} | options  # as paper is
        if curve is not None:
            return draw_curve(curve, path, size or SIZE, scale, print_ or Print(), options)
        document = stage(source, overlays, **options)
        _say_boxes(document.shown_views)
        asked = document.view.appearance.texture if "texture" in options else None
        return draw_contours(document, path, size, scale, print_ or Print(), asked)
    if print_ is not None:
        raise IsolossError("--width-mm, --dpi, --fill and --line-labels are for figures: --figure")
    document = stage(source, overlays, **options)
    _say_boxes(document.shown_views)
    if not options.keys() & {"distance", "target"}:
        _fit(document.view, size or SIZE, scale, bool(options.keys() & {"azimuth", "elevation"}))
    with HeadlessContext():
        image = draw_views(Renderer(), document.shown_views, size or SIZE, scale, supersample)
    if path is not None:
        write_png(image, path)
    return image


def write_shown(shown: Source, path: Path, asked: Asked) -> Path:
    """Write a picture or, by the name of `path`, a figure; returns the path.

    Raises:
        IsolossError: as `render` does.
    """
    render(shown, path)
    return path


def _say_boxes(views: Sequence[Scene]) -> None:
    """Name the letters of headings and paths that no font here has, once."""
    names = [path.name for view in views for layer in view.shown for path in layer.trajectories]
    if lacking := letters_without_a_font("".join([*names, *(view.heading for view in views)])):
        print(
            f"isoloss: no font here has {lacking}: boxes are drawn for them; install one that does",
            file=sys.stderr,
        )


def draw_views(
    renderer: Renderer,
    views: Sequence[Scene],
    size: Size,
    scale: float | None = None,
    supersample: int = 2,
) -> Pixels:
    """1, 2 or 4 viewports beside each other, as the window places them.

    Returns:
        (H, W, 4) uint8, RGBA with straight alpha, top row first.
    """
    rects = places(len(views), size)
    scale = min(fitting_scale(rect[2:]) for rect in rects) if scale is None else scale
    if len(views) == 1:
        return _straight_alpha(draw_tiled(renderer, views[0], size, scale, supersample))
    line = np.zeros(4) if views[0].appearance.transparent else _opaque(views[0].appearance.theme)
    picture = np.empty((size[1], size[0], 4), np.uint8)
    picture[:] = np.rint(255 * line)
    for view, (x, y, width, height) in zip(views, rects, strict=True):
        drawn = draw_tiled(renderer, view, (width, height), scale, supersample)
        picture[y : y + height, x : x + width] = _straight_alpha(drawn)
    return picture


def places(count: int, size: Size) -> list[tuple[int, int, int, int]]:
    """(x, y, width, height) of 1, 2 or 4 viewports in a picture, with a thin line between them."""
    width, height = size
    gap = max(1, round(min(size) / 500)) if count > 1 else 0
    columns, rows = division(count, width, height)
    if width - gap < columns or height - gap * (rows - 1) < rows:
        raise IsolossError(f"--size {width}x{height} is too small for {count} viewports")
    left, top = (width - gap * (columns - 1)) // columns, (height - gap * (rows - 1)) // rows
    xs = [(0, left), (left + gap, width - left - gap)][:columns]
    ys = [(0, top), (top + gap, height - top - gap)][:rows]
    return [(x, y, w, h) for y, h in ys for x, w in xs]


def _fit(view: Scene, size: Size, scale: float | None, turned: bool) -> None:
    """From any side the whole box is to be seen; from above, and upright, it fills the picture.

    Not where somebody has come closer.
    """
    camera, corners = view.camera, view.frame().corners
    if (camera.distance, camera.target) != (Camera.distance, Camera.target):
        return
    if not (camera.is_from_above or is_upright(size)):
        view.camera = camera.fitting(size, corners) if turned else camera
        return
    em = 14.0 * (fitting_scale(size) if scale is None else scale)
    margins = margins_around_box(view, size, em)
    if min(size[0] - margins[0] - margins[2], size[1] - margins[1] - margins[3]) > 6 * em:
        view.camera = camera.filling(size, corners, margins)


def write_png(image: Pixels, path: Path) -> Path:
    """Write (H, W, 4) uint8 as a PNG; the file appears whole or not at all."""
    picture = Image.fromarray(image)
    return write_atomic(path, lambda p: picture.save(p, format="PNG"))


def _opaque(theme: str) -> np.ndarray:
    """The colour between viewports."""
    ink = THEMES[theme]
    box, ground = np.array(ink.box), np.array(ink.background_bottom)
    return np.array([*(0.35 * box[:3] + 0.65 * ground[:3]), 1.0])


def _straight_alpha(pixels: Pixels) -> Pixels:
    if (pixels[..., 3] == 255).all():
        return pixels
    alpha = pixels[..., 3:].astype(np.float32) / 255.0
    color = pixels[..., :3] / np.maximum(alpha, 1e-6)
    return np.concatenate([np.clip(np.rint(color), 0, 255).astype(np.uint8), pixels[..., 3:]], -1)
