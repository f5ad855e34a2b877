"""The picture of a surface in a cell, small enough to be kept with the notebook."""

from __future__ import annotations

import io
from weakref import ref

import numpy as np
from PIL import Image

from isoloss.errors import IsolossError
from isoloss.figures.draw import figure_of
from isoloss.figures.paper import Print
from isoloss.geometry.arrays import Pixels
from isoloss.geometry.surface import Surface
from isoloss.gl.pictures.picture import render

SIZE = (720, 450)
"""Pixels."""
_DPI = 150.0
_COLORS = 256

_last: tuple[ref[Surface], bytes] | None = None
"""A cell asks for its picture twice."""


def picture_of(surface: Surface) -> bytes:
    """A PNG, on a light ground: of our renderer, where there is no OpenGL of matplotlib."""
    global _last
    if _last is None or _last[0]() is not surface:
        _last = ref(surface), _drawn(surface)
    return _last[1]


def _drawn(surface: Surface) -> bytes:
    try:
        pixels = render(surface, None, SIZE, supersample=1, theme="light")
    except IsolossError:
        return figure_of(surface, Print(None, _DPI), True, {}, SIZE)._repr_png_()
    file = io.BytesIO()
    _in_few_colors(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def _in_few_colors(pixels: Pixels) -> Image.Image:
    """Of (H, W, 4), chosen such that those of small signs count as those of the ground do."""
    each = np.unique(np.ascontiguousarray(pixels).view(np.uint32)).view(np.uint8).reshape(-1, 4)
    counted = np.concatenate([each, pixels[::6, ::6].reshape(-1, 4)])[None, :, :3]
    palette = Image.fromarray(counted).quantize(_COLORS, kmeans=1, dither=Image.Dither.NONE)
    picture = Image.fromarray(pixels[..., :3])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)
