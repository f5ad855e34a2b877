"""The values behind a texture, as positions along a colormap, and the scale to read them by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.difference import centred_scale
from isoloss.geometry.height import HeightScale, SignedScale, Tick, number_label
from isoloss.geometry.mesh import DisplayMesh
from isoloss.geometry.occlusion import gradient
from isoloss.geometry.refine import fill_uncomputed, refine_linear
from isoloss.scene.appearance import Appearance, Texture
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Frame

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ColorScale:
    """What the colours mean: what the scalar bar says.

    Attributes:
        title: the quantity.
        scale: from its values to positions along the colormap.
        percent: whether it is told in percent.
        detail: what the quantity is, in a few words or signs.
        above, below: whether values lie beyond the ends of the scale.
    """

    title: str
    scale: HeightScale | SignedScale
    percent: bool = False
    detail: str = ""
    above: bool = False
    below: bool = False

    def label(self, value: float) -> str:
        """A value as the bar writes it."""
        rounded = float(f"{value:.3g}")
        return f"{number_label(100 * rounded)} %" if self.percent else number_label(rounded)

    def ticks(self, count: int = 6) -> list[tuple[float, str]]:
        """(position in [0, 1], label) of each tick."""
        scale = self.scale
        if self.percent and isinstance(scale, HeightScale):
            scale = HeightScale(scale.kind, scale.lo * 100, scale.hi * 100)
        marks: list[Tick] = scale.ticks(count)
        heights = scale.apply([m.value for m in marks])
        unit = " %" if self.percent else ""
        return [(float(h), m.label + unit) for h, m in zip(heights, marks, strict=True)]


def shown_texture(layers: list[SurfaceLayer], appearance: Appearance) -> Texture:
    """The texture asked for, or the height where no layer has what it shows."""
    texture = appearance.texture
    return texture if any(layer.has(texture) for layer in layers) else Texture.HEIGHT


def shows_height(texture: Texture) -> bool:
    """Whether its colours are those of the height."""
    return texture in (Texture.HEIGHT, Texture.BANDS, Texture.WIREFRAME)


def color_scale(
    layers: list[SurfaceLayer], appearance: Appearance, frame: Frame
) -> ColorScale | None:
    """One scale for all `layers`; None where colours carry no value."""
    texture = shown_texture(layers, appearance)
    if texture is Texture.MATTE or not layers:
        return None
    of_difference = all(layer.derived is not None for layer in layers)
    log, detail = appearance.log_colors, ""
    values = np.concatenate([field_values(layer, texture).ravel() for layer in layers])
    scale: HeightScale | SignedScale
    if texture is Texture.ACCURACY:
        scale = centred_scale(values) if of_difference else HeightScale.automatic(values, bool(log))
        title = "Δ accuracy" if of_difference else "accuracy"
    elif texture is Texture.ERROR_BAR:
        scale, title, detail = HeightScale.automatic(values, log), "standard error", "of the loss"
    elif texture is Texture.SPREAD:
        scale, title, detail = HeightScale.automatic(values, log), "spread", "over planes"
    elif texture is Texture.SLOPE:
        # At a minimum the slope is zero but for rounding: decades that mean nothing.
        bottom = np.nanquantile(values, 0.01) if np.isfinite(values).any() else 0.0
        scale = HeightScale.automatic(np.maximum(values, bottom), log)
        values, title, detail = np.maximum(values, scale.lo), "slope", "|∇loss|"
    elif texture is Texture.CURVATURE:
        scale, title, detail = SignedScale.automatic(values, log), "curvature", "∇²loss"
    else:
        log = appearance.log_height if log is None else log
        own = [layer.automatic_scale(log) for layer in layers if layer.has_values]
        # Colours may span more or fewer surfaces than heights: either is linked by itself.
        scale = HeightScale.covering(own, log) if own else frame.scale
        title = quantity(layers)
    if appearance.color_range is not None and appearance.color_range[0] < appearance.color_range[1]:
        lo, hi = appearance.color_range
        scale = HeightScale("linear" if lo <= 0 else scale.kind, lo, hi)
    finite = values[np.isfinite(values)]
    slack = 1e-9 * max(abs(scale.lo), abs(scale.hi))
    return ColorScale(
        title,
        scale,
        percent=texture is Texture.ACCURACY,
        detail=detail,
        above=bool((finite > scale.hi + slack).any()),
        below=bool((finite < scale.lo - slack).any()),
    )


def field_values(layer: SurfaceLayer, texture: Texture) -> Array:
    """(A, B) what `texture` shows at the grid points of a layer; NaN where it is not known."""
    surface = layer.surface
    if texture is Texture.ACCURACY:
        return surface.accuracy
    if texture is Texture.ERROR_BAR:
        return _errors(layer)
    if texture is Texture.SPREAD:
        return _spread(layer)
    if texture is Texture.SLOPE:
        return _slope(layer)
    if texture is Texture.CURVATURE:
        return _curvature(layer)
    return np.where(surface.computed, surface.loss, np.nan)


def quantity(layers: list[SurfaceLayer]) -> str:
    """What the heights of `layers` are."""
    return "Δ loss" if all(layer.derived is not None for layer in layers) else "loss"


def texture_values(
    layer: SurfaceLayer, mesh: DisplayMesh, colors: ColorScale | None, appearance: Appearance
) -> Array:
    """(P, Q) positions in [0, 1] along the colormap at the vertices of `mesh`; NaN has none."""
    texture = shown_texture([layer], appearance)
    if colors is None:
        return np.full(mesh.height.shape, 0.5)
    if texture in _FIELDS:
        surface = layer.surface
        values = fill_uncomputed(field_values(layer, texture), surface.computed)
        coarse = colors.scale.apply(values)
        return refine_linear(surface.alpha, surface.beta, coarse, mesh.steps)
    if colors.scale == mesh.scale:
        return mesh.height
    return colors.scale.apply(mesh.scale.invert(mesh.height))


_FIELDS = (
    Texture.ACCURACY,
    Texture.ERROR_BAR,
    Texture.SPREAD,
    Texture.SLOPE,
    Texture.CURVATURE,
)
"""Textures of a field of their own; the others show the height."""


def _errors(layer: SurfaceLayer) -> Array:
    errors = layer.surface.loss_stderr
    return np.where(layer.surface.computed & (errors > 0), errors, np.nan)


def _spread(layer: SurfaceLayer) -> Array:
    surface = layer.surface
    if surface.spread is None:  # another layer has one
        return np.full(surface.shape, np.nan)
    return np.where(surface.computed, surface.spread, np.nan)


def _loss(layer: SurfaceLayer) -> Array:
    """The loss with the cells not yet computed filled in; NaN where it is not finite."""
    surface = layer.surface
    finite = np.where(np.isfinite(surface.loss), surface.loss, np.nan)
    return fill_uncomputed(finite, surface.computed)


def _slope(layer: SurfaceLayer) -> Array:
    """|∇loss| over (α, β) at the grid points; NaN where there is no loss."""
    surface, loss = layer.surface, _loss(layer)
    slope = np.hypot(*gradient(surface.alpha, surface.beta, loss))
    return np.where(np.isfinite(loss), slope, np.nan)


def _curvature(layer: SurfaceLayer) -> Array:
    """∇²loss over (α, β), the trace of the Hessian, at the grid points; NaN without a loss."""
    surface, loss = layer.surface, _loss(layer)
    return bend(surface.alpha, loss) + bend(surface.beta, loss.T).T


def bend(axis: Array, values: Array) -> Array:
    """Second derivatives of `values` (A, B) along its first axis, whose coordinates are `axis`.

    Of the parabola through three neighbours, at the ends and beside holes through the nearest
    three; 0 where there are no three, NaN where `values` are.
    """
    second = np.full_like(values, np.nan)
    if len(axis) > 2:
        spacing = np.diff(axis)[:, None]
        secant = np.diff(values, axis=0) / spacing
        second[1:-1] = 2 * np.diff(secant, axis=0) / (spacing[1:] + spacing[:-1])
    missing = np.full_like(second[:1], np.nan)
    before = np.concatenate([missing, second[:-1]])
    after = np.concatenate([second[1:], missing])
    beside = np.where(np.isnan(before), after, before)
    second = np.where(np.isnan(second), np.nan_to_num(beside), second)
    return np.where(np.isnan(values), np.nan, second)
