"""What one viewport of a figure shows, worked out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from isoloss.errors import IsolossError
from isoloss.figures.paper import Print
from isoloss.geometry.arrays import Array
from isoloss.geometry.mesh import DisplayMesh
from isoloss.geometry.ticks import Tick
from isoloss.scene.colormaps import shades
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.levels import contour_heights, contour_levels, own_height, read_at
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.textures import TEXTURES, Texture
from isoloss.scene.texturing import (
    ColorScale,
    color_scale,
    shown_texture,
    texture_values,
)

SQUARE = (0.5, 2.0)
"""Between these ratios of its sides a plane is drawn true to scale; else as a square."""
LONGEST_PCA = (0.1, 10.0)
"""Likewise of a PCA plane, whose axes have the same unit: there a circle has to look like one."""
STEPS = 64
"""Into so many tones the colours of a texture other than the loss are cut."""


@dataclass(frozen=True)
class Subplot:
    """What one viewport shows, worked out.

    Attributes:
        levels: displayed heights in (0, 1), ascending.
        losses_at: those of the levels.
        colors: from values to positions along the colormap.
        shades: (len(levels) + 1, 4) colours of the areas between the levels.
        field: (P, Q) positions along the colormap at the vertices of `mesh`, where the areas show
            something else than the loss; NaN where that is not known.
    """

    scene: Scene
    layer: SurfaceLayer
    frame: Frame
    mesh: DisplayMesh
    levels: Array
    losses_at: list[Tick]
    colors: ColorScale
    shades: Array
    field: Array | None = None

    @property
    def ratio(self) -> float:
        """Height to width of the plot."""
        alpha, beta = (hi - lo for lo, hi in (self.frame.alpha, self.frame.beta))
        ratio = beta / alpha if alpha > 0 else 1.0
        equal = self.scene.appearance.equal_aspect
        if equal is None:
            is_pca = self.layer.surface.meta.get("plane") == "pca"
            least, most = LONGEST_PCA if is_pca else SQUARE
            equal = least <= ratio <= most
        return ratio if equal else 1.0

    @property
    def losses(self) -> Array:
        """(n,) those that have been computed, whatever they are."""
        return self.layer.surface.loss[self.layer.surface.computed]

    @property
    def is_bright(self) -> bool:
        """Whether dark contours are to be told from the areas: of the loss they always are, for
        they have the colours of what they part."""
        if self.field is None:
            return True
        return bool(np.nanmean(self.tones(self.field)[..., :3] @ (0.3, 0.59, 0.11)) > 0.4)

    def read_at(self, most: int) -> list[tuple[float, str]]:
        """(height, loss as it is written) of about `most` of the levels."""
        heights = zip(self.losses_at, self.levels.tolist(), strict=True)
        at = {tick.value: height for tick, height in heights}
        ticks = read_at(self.losses_at, self.frame.scale, most)
        return [(at[tick.value], tick.label) for tick in ticks]

    def tones(self, positions: Array) -> Array:
        """(…, 4) the colours at positions along the colormap."""
        appearance = self.scene.drawn_appearance
        return shades(positions, appearance.colormap, appearance.reverse_colormap)

    def level_colors(self) -> Array:
        """(len(levels), 4) the colours that the levels have in the colormap; white where that
        shows something else than the loss."""
        if self.field is not None:
            return np.ones((len(self.levels), 4))
        return self.tones(self.colors.scale.apply(self.frame.scale.invert(self.levels)))


def subplot_of(scene: Scene, print_: Print) -> Subplot:
    """What `scene` shows, drawn as `print_` says.

    Raises:
        IsolossError: it shows no surface, or several, or one without an area.
    """
    shown = scene.shown
    if len(shown) != 1:
        what = "none is shown"
        if scene.visible:
            what = f"{scene.visible[0].name} has no value that can be drawn"
        if shown:
            what = f"{len(shown)} are shown in one viewport: leave one visible there, in the window"
        raise IsolossError(f"a figure in the plane is of one surface, and {what}")
    (layer,) = shown
    if min(layer.surface.shape) < 2:
        raise IsolossError(f"{layer.name} has no contours: it is thinner than 2×2 points")
    texture = _drawn_texture(layer, scene, print_)
    scene = replace(scene, appearance=replace(scene.appearance, texture=texture))
    # The page is cut to the plane, not the plane filled up to the page.
    fitting = replace(scene, appearance=replace(scene.appearance, equal_aspect=False))
    frame, appearance = fitting.frame(), scene.drawn_appearance
    colors = color_scale(list(dict.fromkeys([layer, *scene.beside])), appearance, frame)
    assert colors is not None
    found = contour_levels(appearance, frame)
    by_height = dict(zip(contour_heights(appearance, frame).tolist(), found, strict=True))
    own, value = own_height(appearance, frame), appearance.contour_value
    if own is not None and value is not None:
        by_height.setdefault(own, Tick(value, frame.scale.label(value)))
    levels = np.array(sorted(by_height))
    edges = np.concatenate([[0.0], levels, [1.0]])
    middles = frame.scale.invert((edges[:-1] + edges[1:]) / 2)
    areas = shades(colors.scale.apply(middles), appearance.colormap, appearance.reverse_colormap)
    mesh = layer.mesh(frame.scale, appearance.smooth)
    field = None if texture.shows_height else texture_values(layer, mesh, colors, appearance)
    losses_at = [by_height[level] for level in levels.tolist()]
    return Subplot(scene, layer, frame, mesh, levels, losses_at, colors, areas, field)


def check_texture(texture: Texture, print_: Print) -> None:
    """Refuse a texture that is asked for and that a figure does not show.

    Raises:
        IsolossError: saying which it shows.
    """
    if not texture.is_flat:
        known = ", ".join(t.name for t in TEXTURES if t.is_flat)
        raise IsolossError(
            f"a figure in the plane has no {texture.words}: --texture may be {known}"
        )
    if not texture.shows_height and not print_.fill:
        raise IsolossError(
            f"lines alone show no {texture.words}: leave --no-fill out, or --texture"
        )


def _drawn_texture(layer: SurfaceLayer, scene: Scene, print_: Print) -> Texture:
    """What the areas of the figure show: the loss, unless they can show what the window does."""
    texture = shown_texture([layer], scene.appearance)
    is_drawn = print_.fill and texture.is_flat and not texture.shows_height
    return texture if is_drawn else Texture.HEIGHT
