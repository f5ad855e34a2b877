"""The values behind a texture, as positions along a colormap, and the scale to read them by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.height import HeightScale, Tick
from isoloss.geometry.mesh import DisplayMesh
from isoloss.geometry.occlusion import gradient
from isoloss.geometry.refine import fill_uncomputed, refine_linear
from isoloss.scene.appearance import Appearance, Texture
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Frame

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ColorScale:
    """What the colours mean: the title of the scalar bar and its scale."""

    title: str
    scale: HeightScale
    percent: bool = False

    def ticks(self, count: int = 6) -> list[tuple[float, str]]:
        """(position in [0, 1], label) of each tick."""
        scale = self.scale
        if self.percent:
            scale = HeightScale(scale.kind, scale.lo * 100, scale.hi * 100)
        marks: list[Tick] = scale.ticks(count)
        heights = scale.apply([m.value for m in marks])
        unit = " %" if self.percent else ""
        return [(float(h), m.label + unit) for h, m in zip(heights, marks, strict=True)]


def shown_texture(layers: list[SurfaceLayer], appearance: Appearance) -> Texture:
    """The texture asked for, or the height where no layer has what it shows."""
    texture = appearance.texture
    return texture if any(layer.has(texture) for layer in layers) else Texture.HEIGHT


def color_scale(
    layers: list[SurfaceLayer], appearance: Appearance, frame: Frame
) -> ColorScale | None:
    """One scale for all `layers`; None where colours carry no value."""
    texture = shown_texture(layers, appearance)
    if texture is Texture.MATTE or not layers:
        return None
    if texture is Texture.ACCURACY:
        values = np.concatenate([layer.surface.accuracy.ravel() for layer in layers])
        scale, title = HeightScale.automatic(values, log=False), "accuracy"
    elif texture is Texture.ERROR_BAR:
        values = np.concatenate([_errors(layer).ravel() for layer in layers])
        scale, title = HeightScale.automatic(values), "standard error"
    elif texture is Texture.SPREAD:
        values = np.concatenate([_spread(layer).ravel() for layer in layers])
        scale, title = HeightScale.automatic(values), "spread"
    elif texture is Texture.SLOPE:
        values = np.concatenate([_slope(layer).ravel() for layer in layers])
        # At a minimum the slope is zero but for rounding: decades that mean nothing.
        bottom = 1e-3 * np.nanmedian(values) if np.isfinite(values).any() else 0.0
        scale, title = HeightScale.automatic(np.maximum(values, bottom)), "slope"
    else:
        scale, title = frame.scale, "loss"
    if appearance.color_range is not None and appearance.color_range[0] < appearance.color_range[1]:
        lo, hi = appearance.color_range
        scale = HeightScale("linear" if lo <= 0 else scale.kind, lo, hi)
    return ColorScale(title, scale, percent=texture is Texture.ACCURACY)


def texture_values(
    layer: SurfaceLayer, mesh: DisplayMesh, colors: ColorScale | None, appearance: Appearance
) -> Array:
    """(P, Q) positions in [0, 1] along the colormap at the vertices of `mesh`; NaN has none."""
    texture = shown_texture([layer], appearance)
    if colors is None:
        return np.full(mesh.height.shape, 0.5)
    if texture in (Texture.ACCURACY, Texture.ERROR_BAR, Texture.SPREAD, Texture.SLOPE):
        surface = layer.surface
        value = {
            Texture.ACCURACY: lambda: surface.accuracy,
            Texture.ERROR_BAR: lambda: _errors(layer),
            Texture.SPREAD: lambda: _spread(layer),
            Texture.SLOPE: lambda: _slope(layer),
        }[texture]()
        coarse = colors.scale.apply(fill_uncomputed(value, surface.computed))
        return refine_linear(surface.alpha, surface.beta, coarse, mesh.steps)
    if colors.scale == mesh.scale:
        return mesh.height
    return colors.scale.apply(mesh.scale.invert(mesh.height))


def _errors(layer: SurfaceLayer) -> Array:
    errors = layer.surface.loss_stderr
    return np.where(layer.surface.computed & (errors > 0), errors, np.nan)


def _spread(layer: SurfaceLayer) -> Array:
    surface = layer.surface
    if surface.spread is None:  # another layer has one
        return np.full(surface.shape, np.nan)
    return np.where(surface.computed, surface.spread, np.nan)


def _slope(layer: SurfaceLayer) -> Array:
    """|∇loss| over (α, β) at the grid points; NaN where there is no loss."""
    surface = layer.surface
    loss = fill_uncomputed(surface.loss, surface.computed)
    loss = np.where(np.isfinite(loss), loss, np.nan)
    slope = np.hypot(*gradient(surface.alpha, surface.beta, loss))
    return np.where(np.isfinite(loss), slope, np.nan)
