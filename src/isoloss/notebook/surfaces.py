"""A surface in a notebook: its page, its picture, its figure; of a curve its figure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.draw import figure_of
from isoloss.figures.paper import Print
from isoloss.geometry.mesh import every
from isoloss.geometry.surface import GRIDS, Surface, grids_of
from isoloss.gl.pictures.rendering import contours_of
from isoloss.naming import told_in_python
from isoloss.notebook.frame import framed
from isoloss.notebook.picture import SIZE, picture_of
from isoloss.page.summary import summary
from isoloss.page.writing import page_of
from isoloss.scene.files.staging import stage

if TYPE_CHECKING:
    from isoloss.figures.figure import Figure

WIDTH, DPI = 140.0, 150.0
"""Millimetres and pixels an inch of a figure: about as wide as a cell."""
MOST = 1 << 18
"""Points of the page: more take it seconds, and megabytes of the notebook."""


def html(surface: Surface) -> str | None:
    """Its page in a frame; of a large surface the page of fewer points."""
    if surface.is_curve:
        return None
    thin = _thinned(surface)
    document = stage(thin)
    page, words = page_of(document, picture=False), summary(document)
    shown = framed(page, picture_of(surface), words, SIZE)
    if thin is surface:
        return shown
    of = "{} × {} of {} × {} points are shown".format(*thin.shape, *surface.shape)
    return f"{shown}<p>{of}: isoloss export writes a page of all</p>"


def png(surface: Surface) -> bytes | None:
    """Its picture, on a light ground; none of no values."""
    if surface.is_curve:
        return figure(surface)._repr_png_()
    return picture_of(surface) if stage(surface).view.shown else None


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
    with told_in_python():
        print_ = Print(width_mm, dpi, fill, line_labels)
        return figure_of(surface, print_, in_space, options | contours_of(options))


def _thinned(surface: Surface) -> Surface:
    """Every so many points along both axes, and the last, such that there are not too many."""
    stride = math.ceil(math.sqrt(surface.loss.size / MOST))
    if stride <= 1:
        return surface
    rows, columns = (every(stride, points) for points in surface.shape)
    grids = {name: values[np.ix_(rows, columns)] for name, values in grids_of(surface).items()}
    own = {name: grids.pop(name) for name in (*GRIDS, "spread") if name in grids}
    axes = {"alpha": surface.alpha[rows], "beta": surface.beta[columns]}
    return replace(surface, **axes, **own, columns=grids, earlier=())
