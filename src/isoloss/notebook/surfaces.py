"""A surface in a notebook: its page, its picture, its figure; of a curve its figure."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from weakref import ref

from PIL import Image

from isoloss.errors import IsolossError
from isoloss.figures.draw import figure_of
from isoloss.figures.paper import Print
from isoloss.geometry.surface import Surface
from isoloss.gl.pictures.picture import render
from isoloss.gl.pictures.rendering import contours_of
from isoloss.notebook.frame import framed
from isoloss.page.summary import summary
from isoloss.page.writing import page_of
from isoloss.scene.files.staging import stage

if TYPE_CHECKING:
    from isoloss.figures.figure import Figure

SIZE = (720, 450)
"""Pixels of the picture."""
WIDTH, DPI = 140.0, 150.0
"""Millimetres and pixels an inch of a figure: about as wide as a cell."""
_COLORS = 256

_last: tuple[ref[Surface], bytes] | None = None
"""A cell is asked for its picture twice."""


def html(surface: Surface) -> str | None:
    """Its page in a frame."""
    if surface.is_curve:
        return None
    document = stage(surface)
    return framed(page_of(document, picture=False), _picture(surface), summary(document), SIZE)


def png(surface: Surface) -> bytes:
    """Its picture, on a light ground."""
    return figure(surface)._repr_png_() if surface.is_curve else _picture(surface)


def svg(surface: Surface) -> str | None:
    """Of a curve its figure."""
    return figure(surface).svg() if surface.is_curve else None


def figure(
    surface: Surface,
    *,
    in_space: bool = False,
    width_mm: float = WIDTH,
    dpi: float = DPI,
    fill: bool = True,
    line_labels: bool | None = None,
    **options: Any,
) -> Figure:
    """`Surface.figure` says what it is."""
    print_ = Print(width_mm, dpi, fill, line_labels)
    return figure_of(surface, print_, in_space, options | contours_of(options))


def _picture(surface: Surface) -> bytes:
    global _last
    if _last is None or _last[0]() is not surface:
        _last = ref(surface), _drawn(surface)
    return _last[1]


def _drawn(surface: Surface) -> bytes:
    """As our renderer draws it; where there is no OpenGL, as matplotlib does."""
    try:
        pixels = render(surface, None, SIZE, theme="light")
    except IsolossError:
        inches = SIZE[0] / DPI
        return figure(surface, in_space=True, width_mm=25.4 * inches)._repr_png_()
    file = io.BytesIO()
    picture = Image.fromarray(pixels[..., :3])
    picture.quantize(_COLORS, kmeans=2, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()
