"""How surfaces are shown: plain choices, no drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isoloss.scene.textures import Texture

LABELLED_MINIMA = 3
"""How many of the deepest local minima of a surface are labelled where they are marked."""


@dataclass(frozen=True)
class Appearance:
    """The choices of one viewport; frozen, so that an undo step is a reference.

    Attributes:
        texture: what the colours mean.
        colormap: one of viridis, cividis, magma, coolwarm or terrain; all but terrain are safe
            for the colour-blind.
        reverse_colormap: run the colormap from its other end.
        contours: lines on the surface.
        contour_levels: about how many levels of contours there are, at round values.
        contour_spacing: levels evenly spaced in displayed height, in loss, or in its logarithm.
        contour_value: one further level set by hand, in units of loss.
        floor_contours: the same lines, coloured, on the floor of the box.
        trajectory: show the optimizers' paths.
        epoch: show the path up to this epoch only; unless given, all of it.
        markers: show the markers of the layers (pinned points).
        minima: mark the local minima.
        minima_persistence: mark those whose depth is at least this fraction of the displayed
            height.
        wireframe: the grid's own lines over whatever texture there is.
        ambient_occlusion: darken creases by what is around them, once the camera rests.
        smooth: interpolate between grid points; else one flat facet a cell.
        height_gain: stretches the heights.
        axes: the box with its numbers and titles.
        scalar_bar: what the colours mean.
        title: what is written above.
        legend: which path and which surface is whose; in a figure, what its signs mean.
        theme: a dark background or a light one.
        log_height: logarithmic heights; unless given, where the loss spans decades.
        log_colors: logarithmic colours; unless given, where their values span decades.
        color_range: the values at both ends of the colormap, in units of what it shows; unless
            given, all of them lie between.
        transparent: leave the background out (pictures).
        signs: say in the legend what each sign in the picture means: the ends of a path, drops of
            the learning rate, minima, pins and whatever else there is.
        own_colors: each of several surfaces in one box has a colormap of its own.
        equal_aspect: the same unit along α and β; unless given, in figures of PCA planes, and of
            others unless one side is more than twice as long as the other.
    """

    texture: Texture = Texture.HEIGHT
    colormap: str = "viridis"
    reverse_colormap: bool = False
    contours: bool = True
    contour_levels: int = 14
    contour_spacing: Literal["height", "linear", "log"] = "height"
    contour_value: float | None = None
    floor_contours: bool = True
    trajectory: bool = True
    epoch: float | None = None
    markers: bool = True
    minima: bool = False
    minima_persistence: float = 0.01
    wireframe: bool = False
    ambient_occlusion: bool = True
    smooth: bool = True
    height_gain: float = 1.0
    axes: bool = True
    scalar_bar: bool = True
    title: bool = True
    legend: bool = True
    theme: Literal["dark", "light"] = "dark"
    log_height: bool | None = None
    log_colors: bool | None = None
    color_range: tuple[float, float] | None = None
    transparent: bool = False
    signs: bool = False
    own_colors: bool = True
    equal_aspect: bool | None = None
