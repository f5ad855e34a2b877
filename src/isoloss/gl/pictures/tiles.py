"""Pictures of any size: drawn in tiles that join without a seam."""

from __future__ import annotations

import math
from itertools import pairwise
from operator import index

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Pixels
from isoloss.gl.device.drawn_view import Part
from isoloss.gl.device.target import Target
from isoloss.gl.frame.renderer import Renderer
from isoloss.scene.scene import Scene

Size = tuple[int, int]

MOST_PIXELS = 400_000_000
"""A larger picture would not fit into the memory of an ordinary computer (4 bytes a pixel)."""

_SIDE, _AREA = 4096, 8_400_000
"""What a framebuffer may hold: with its samples, one of this area takes about 350 MB."""


def check_size(size: Size) -> None:
    """Raise IsolossError where nobody could draw, or hold, a picture of `size` pixels."""
    try:
        width, height = (index(side) for side in size)
    except (TypeError, ValueError) as error:
        raise IsolossError(f"--size is a width and a height in pixels, not {size!r}") from error
    if min(size) < 1:
        raise IsolossError(f"--size must be at least 1x1, not {width}x{height}")
    if width * height > MOST_PIXELS:
        raise IsolossError(
            f"a picture can be at most {MOST_PIXELS // 1_000_000} megapixels, "
            f"and {width}x{height} are {width * height / 1e6:,.0f}"
        )


def draw_tiled(
    renderer: Renderer,
    scene: Scene,
    size: Size,
    scale: float,
    supersample: int = 1,
    side: int = _SIDE,
    area: int = _AREA,
) -> Pixels:
    """(H, W, 4) uint8 of `scene`, premultiplied alpha, top row first.

    Args:
        size: (width, height) in pixels of the picture.
        scale: pixels of the picture to one unit of text and lines.
        supersample: draw so many times as large each way, and average.
        side, area: the most pixels that are drawn at once, one way and in all.
    """
    whole = (size[0] * supersample, size[1] * supersample)
    picture = np.empty((size[1], size[0], 4), np.uint8)
    target: Target | None = None
    try:
        for part in tiles(whole, supersample, side, area):
            if target is None:
                target = Target(*part.size)
            target.resize(*part.size)
            is_whole = part.size == whole
            renderer.draw(scene, target, scale * supersample, part=None if is_whole else part)
            x, y = part.x // supersample, part.y // supersample
            averaged = _average(target.read(), supersample)
            picture[y : y + averaged.shape[0], x : x + averaged.shape[1]] = averaged
    finally:
        if target is not None:
            target.free()
    return picture


def tiles(whole: Size, step: int, side: int = _SIDE, area: int = _AREA) -> list[Part]:
    """Rectangles of nearly one size that cover `whole`.

    Their edges lie between averaged pixels, and between the blocks of two by two in which a GPU
    works derivatives out.
    """
    columns = max(1, math.ceil(whole[0] / side))
    rows = max(1, math.ceil(whole[1] / side))
    while (whole[0] / columns) * (whole[1] / rows) > area:
        if whole[0] / columns > whole[1] / rows:
            columns += 1
        else:
            rows += 1
    xs, ys = _edges(whole[0], columns, step), _edges(whole[1], rows, step)
    return [
        Part(whole, x0, y0, (x1 - x0, y1 - y0))
        for y0, y1 in pairwise(ys)
        for x0, x1 in pairwise(xs)
    ]


def _edges(length: int, count: int, step: int) -> list[int]:
    """From 0 to `length` in `count` steps or fewer, between them even multiples of `step`."""
    even = math.lcm(2, step)
    inner = {round(k * length / count / even) * even for k in range(1, count)}
    return sorted({0, length} | {edge for edge in inner if 0 < edge < length})


def _average(pixels: Pixels, factor: int) -> Pixels:
    """Blocks of factor × factor pixels averaged, and rounded to the nearest."""
    if factor == 1:
        return pixels
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    total = np.full((height, width, 4), factor * factor // 2, np.uint32)
    for row in range(factor):
        for column in range(factor):
            total += pixels[row::factor, column::factor]
    return (total // (factor * factor)).astype(np.uint8)
