"""Pictures: a scene into pixels and PNG files, with or without a display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.surface import Surface
from isoloss.gl.context import HeadlessContext
from isoloss.gl.renderer import Renderer
from isoloss.gl.target import Target
from isoloss.scene.appearance import Appearance, Texture
from isoloss.scene.camera import Camera
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.loading import load_layer
from isoloss.scene.scene import Scene

Source = str | Path | Surface | SurfaceLayer | Scene
Pixels = NDArray[np.uint8]

_CAMERA_OPTIONS = {f.name for f in fields(Camera)}
_LOOK_OPTIONS = {f.name for f in fields(Appearance)}


def render(
    source: Source | Sequence[Source],
    out: str | Path | None = None,
    size: tuple[int, int] = (1600, 1000),
    scale: float | None = None,
    **options: Any,
) -> Pixels:
    """A picture of surfaces, or of one curve; works without a display.

    Args:
        source: a path (surface file or run folder), a `Surface`, a `Scene`, or several of them
            for one box; a curve is drawn alone.
        out: where to write a PNG; None only returns the pixels.
        size: (width, height) in pixels.
        scale: size of text and lines; None fits them to the picture.
        options: fields of `Appearance` (texture="accuracy", theme="light", title="…", …) and of
            `Camera` (azimuth=…, elevation=…, orthographic=True, …); a curve has title, theme,
            log_height and transparent.

    Returns:
        (H, W, 4) uint8, RGBA with straight alpha, top row first.

    Raises:
        IsolossError: a file cannot be read, an option does not exist, or there is no OpenGL.
    """
    if out is not None and Path(out).suffix.lower() != ".png":
        raise IsolossError(f"pictures are PNG: give a name that ends in .png, not {Path(out).name}")
    if min(size) < 1:
        raise IsolossError(f"--size must be at least 1x1, not {size[0]}x{size[1]}")
    sources = _loaded(source)
    if len(sources) == 1 and isinstance(sources[0], SurfaceLayer) and sources[0].surface.is_curve:
        image = _draw_curve(sources[0], size, scale, options)
    else:
        scene = make_scene(sources, **options)
        with HeadlessContext():
            image = draw_picture(Renderer(), scene, size, scale)
    if out is not None:
        write_png(image, Path(out))
    return image


def draw_picture(
    renderer: Renderer,
    scene: Scene,
    size: tuple[int, int],
    scale: float | None = None,
    supersample: int = 2,
) -> Pixels:
    """The same in the current context, for a program that already has one.

    `supersample` draws so many times as large and averages, on top of multisampling.
    """
    scale = _fitting_scale(size) if scale is None else scale
    factor = max(1, supersample)
    target = Target(size[0] * factor, size[1] * factor)
    try:
        renderer.draw(scene, target, scale * factor)
        pixels = target.read()
    finally:
        target.free()
    return _straight_alpha(_average(pixels, factor))


def make_scene(source: Source | Sequence[Source], **options: Any) -> Scene:
    """A scene of `source` with appearance and camera `options`; a given `Scene` is not changed."""
    sources = _loaded(source)
    if len(sources) == 1 and isinstance(sources[0], Scene):
        given = sources[0]
        scene = replace(given, layers=list(given.layers))
    else:
        scene = Scene([_no_curve(each) for each in sources])
    title = options.pop("title", None)
    if isinstance(title, str):
        scene.title = title
    elif title is not None:
        options["title"] = title
    unknown = sorted(set(options) - _CAMERA_OPTIONS - _LOOK_OPTIONS)
    if unknown:
        raise IsolossError(f"render has no option {unknown[0]!r}")
    if isinstance(options.get("texture"), str):
        options["texture"] = _texture(options["texture"])
    look = {k: v for k, v in options.items() if k in _LOOK_OPTIONS}
    view = {k: v for k, v in options.items() if k in _CAMERA_OPTIONS}
    scene.appearance = replace(scene.appearance, **look)
    scene.camera = replace(scene.camera, **view)
    return scene


def _draw_curve(
    layer: SurfaceLayer, size: tuple[int, int], scale: float | None, options: dict[str, Any]
) -> Pixels:
    from isoloss.gl.figure import draw_curve

    unknown = sorted(set(options) - {"title", "theme", "log_height", "transparent"})
    if unknown and unknown[0] in _LOOK_OPTIONS | _CAMERA_OPTIONS:
        raise IsolossError(f"{layer.name} is a curve: its picture has no {unknown[0]}")
    if unknown:
        raise IsolossError(f"render has no option {unknown[0]!r}")
    title = options.pop("title", True)
    heading = title if isinstance(title, str) else layer.surface.title or layer.name
    look = replace(Appearance(), title=bool(title), **options)
    scale = _fitting_scale(size) if scale is None else scale
    return draw_curve(layer.surface, size, scale, look, heading)


def _fitting_scale(size: tuple[int, int]) -> float:
    return max(0.75, min(size[0] / 1250, size[1] / 780))


def write_png(image: Pixels, path: Path) -> Path:
    """Write (H, W, 4) uint8 as a PNG; the file appears whole or not at all."""
    picture = Image.fromarray(image)
    return write_atomic(path, lambda p: picture.save(p, format="PNG"))


def _loaded(source: Source | Sequence[Source]) -> list[SurfaceLayer | Scene]:
    """What `source` names, read from disk where it is a path."""
    sources = [source] if isinstance(source, Source) else list(source)
    return [_layer_or_scene(each) for each in sources]


def _layer_or_scene(source: Source) -> SurfaceLayer | Scene:
    if isinstance(source, SurfaceLayer | Scene):
        return source
    if isinstance(source, Surface):
        return SurfaceLayer(source.title or "surface", source)
    return load_layer(source)


def _no_curve(source: SurfaceLayer | Scene) -> SurfaceLayer:
    if isinstance(source, Scene):
        raise IsolossError("render takes one scene, or several surfaces, not several scenes")
    if source.surface.is_curve:
        raise IsolossError(f"{source.name} is a curve: draw it alone")
    return source


def _texture(name: str) -> Texture:
    slug = name.lower().replace("_", "-").replace(" ", "-")
    for texture in Texture:
        if slug in (texture.value, texture.name.lower().replace("_", "-")):
            return texture
    names = ", ".join(t.value for t in Texture)
    raise IsolossError(f"there is no texture {name!r}; choose one of {names}")


def _average(pixels: Pixels, factor: int) -> Pixels:
    if factor == 1:
        return pixels
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    blocks = pixels.reshape(height, factor, width, factor, 4).astype(np.uint16)
    total = blocks.sum(axis=(1, 3), dtype=np.uint32)
    return ((total + factor * factor // 2) // (factor * factor)).astype(np.uint8)


def _straight_alpha(pixels: Pixels) -> Pixels:
    alpha = pixels[..., 3:].astype(np.float32) / 255.0
    if (pixels[..., 3] == 255).all():
        return pixels
    color = pixels[..., :3] / np.maximum(alpha, 1e-6)
    return np.concatenate([np.clip(np.rint(color), 0, 255).astype(np.uint8), pixels[..., 3:]], -1)
