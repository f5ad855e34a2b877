"""A surface as a scene paints it, for files that other programs open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.files.formats import format_to_write, save_surface
from isoloss.geometry.files.look import Look
from isoloss.scene.appearance import Appearance
from isoloss.scene.colormaps import banded, shades
from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.levels import band_edges
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.textures import Texture
from isoloss.scene.texturing import ColorScale, color_scale, field_values, shown_texture
from isoloss.scene.theme import THEMES

PAINT = (
    "texture", "colormap", "reverse_colormap", "contour_levels", "contour_spacing", "log_height",
    "log_colors", "color_range", "smooth", "theme",
)  # fmt: skip
"""The fields of `Appearance` that colours and normals depend on."""


def look_of(layer: SurfaceLayer, scene: Scene) -> Look:
    """How `scene` shows `layer`, without its light: colours as they are on the scalar bar."""
    appearance = scene.drawn_appearance
    colors = _colors(layer, scene, appearance)
    return Look(appearance.log_height, appearance.smooth, colors)


def save_painted(layer: SurfaceLayer, scene: Scene, path: Path) -> Path:
    """Write `layer` as `scene` shows it, with the paths that it shows, in a format that keeps it.

    Raises:
        IsolossError: `path` names no such format, or cannot be written.
    """
    paths = tuple(path for _, path in layer.shown_trajectories)
    format = format_to_write(path)
    if format.shows:
        return format.show(Document([layer], [replace(scene, layers=[layer])]), path)
    surface = replace(layer.surface, trajectories=paths)
    return save_surface(surface, path, look_of(layer, scene))


def _colors(layer: SurfaceLayer, scene: Scene, appearance: Appearance) -> NDArray[np.uint8]:
    """(A, B, 3) uint8 sRGB at the grid points."""
    frame, spanned = scene.frame(), list(dict.fromkeys([*scene.shown, *scene.beside]))
    scale, texture = color_scale(spanned, appearance, frame), shown_texture([layer], appearance)
    theme = THEMES[appearance.theme]
    if scale is None:
        return np.broadcast_to(_bytes(theme.matte), (*layer.surface.shape, 3))
    values = field_values(layer, texture)
    if texture.shows_height:  # what is drawn at the top of the box has the colour of that height
        values = np.clip(values, frame.scale.lo, frame.scale.hi)
    return _bytes(tones(scale.scale.apply(values), texture, scale, appearance, frame))


def tones(
    positions: Array, texture: Texture, scale: ColorScale, appearance: Appearance, frame: Frame
) -> Array:
    """(…, 3) sRGB in [0, 1] of positions along the colormap; NaN is not computed."""
    how = appearance.colormap, appearance.reverse_colormap
    if texture.paint == "bands":
        edges = [at for at, _ in band_edges(appearance, frame, scale)]
        painted = banded(edges, *how)[np.searchsorted(edges, positions, side="right")]
    else:
        painted = shades(positions, *how)
    pale = THEMES[appearance.theme].uncomputed[:3]
    return np.where(np.isnan(positions)[..., None], pale, painted[..., :3])


def _bytes(colors: ArrayLike) -> NDArray[np.uint8]:
    """(…, 3) of (…, 4) colours in [0, 1]."""
    return np.rint(np.asarray(colors)[..., :3] * 255).astype(np.uint8)
