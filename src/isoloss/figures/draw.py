"""A figure of what is to be seen, on the screen or on paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss.errors import IsolossError
from isoloss.figures.paper import Print
from isoloss.figures.sheet import VECTOR, Sheet, fitting_scale, write_figure
from isoloss.geometry.arrays import Pixels
from isoloss.geometry.surface import Surface
from isoloss.scene.appearance import Appearance
from isoloss.scene.document import Document
from isoloss.scene.files.staging import APPEARANCE_OPTIONS, CAMERA_OPTIONS, stage
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.textures import Texture

if TYPE_CHECKING:
    from isoloss.figures.figure import Figure

_OF_A_CURVE = {"title", "theme", "log_height", "transparent"}


def figure_of(
    surface: Surface,
    print_: Print,
    in_space: bool,
    options: Mapping[str, Any],
    size: tuple[int, int] | None = None,
) -> Figure:
    """The figure of a surface or a curve that is at hand, for matplotlib to go on with.

    Args:
        in_space: seen from the side, as in the window; else its contours in the plane.
        options: as those of `isoloss.render`.
        size: in pixels, where `print_` has no width.

    Raises:
        IsolossError: there is nothing to draw, or an option does not exist or does not fit.
    """
    sheet = Sheet.paper(size, 1.0, print_)
    asked: dict[str, Any] = {"theme": "light", **options}  # as paper is
    if surface.is_curve:
        from isoloss.figures.plane.curve_figure import curve_figure

        layer = SurfaceLayer(surface.title or "curve", surface)
        if in_space:
            raise IsolossError(f"{layer.name} is a curve: leave in_space out")
        return curve_figure(surface, sheet, *_appearance_and_title(layer, asked))
    document = stage(surface, **asked)
    if in_space:
        from isoloss.figures.space import space_figure

        return space_figure(document.view, sheet, print_)
    from isoloss.figures.plane.contour_figure import contour_figure
    from isoloss.figures.plane.subplot import check_texture

    if "texture" in options:
        check_texture(document.view.appearance.texture, print_)
    return contour_figure(document.shown_views, sheet, print_)


def draw_contours(
    document: Document,
    path: Path | None,
    size: tuple[int, int] | None,
    scale: float | None,
    print_: Print,
    texture: Texture | None = None,
) -> Pixels:
    """The contours in the plane of what each viewport shows, written to `path` if there is one.

    Raises:
        IsolossError: a viewport does not show one surface, or `texture`, which is asked for, is
            not to be had in a figure.
    """
    from isoloss.figures.plane.contour_figure import contour_figure
    from isoloss.figures.plane.subplot import check_texture

    if texture is not None:
        check_texture(texture, print_)
    sheet = Sheet.paper(size, scale or 1.0, print_)
    figure = contour_figure(document.shown_views, sheet, print_)
    return write_figure(figure, path, sheet, document.view.appearance.transparent)


def draw_curve(
    layer: SurfaceLayer,
    path: Path | None,
    size: tuple[int, int],
    scale: float | None,
    print_: Print,
    options: Mapping[str, Any],
) -> Pixels:
    """A curve, written to `path` if there is one.

    As pixels it looks like our other pictures; as SVG, PDF, or of a given width, as in a paper.
    """
    from isoloss.figures.plane.curve_figure import curve_figure

    appearance, title = _appearance_and_title(layer, options)
    if print_.width_mm is not None or (path is not None and path.suffix.lower() in VECTOR):
        sheet = Sheet.paper(None, scale or 1.0, print_)
    else:
        sheet = Sheet.screen(size, fitting_scale(size) if scale is None else scale)
    figure = curve_figure(layer.surface, sheet, appearance, title)
    return write_figure(figure, path, sheet, appearance.transparent)


def _appearance_and_title(
    layer: SurfaceLayer, options: Mapping[str, Any]
) -> tuple[Appearance, str]:
    unknown = sorted(set(options) - _OF_A_CURVE)
    if unknown and unknown[0] in APPEARANCE_OPTIONS | CAMERA_OPTIONS | {"view"}:
        raise IsolossError(f"{layer.name} is a curve: its picture has no {unknown[0]}")
    if unknown:
        raise IsolossError(f"render has no option {unknown[0]!r}")
    given = dict(options)
    title = given.pop("title", True)
    heading = title if isinstance(title, str) else layer.surface.title or layer.name
    return replace(Appearance(), title=bool(title), **given), heading
