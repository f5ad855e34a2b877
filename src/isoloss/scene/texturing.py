"""The values behind a texture, as positions along a colormap, and the scale to read them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike

from isoloss.geometry.analysis.difference import centred_scale
from isoloss.geometry.arrays import Array
from isoloss.geometry.height import HeightScale, clamped, with_scale
from isoloss.geometry.mesh import DisplayMesh
from isoloss.geometry.refine import fill_nearest, fill_uncomputed, refine_linear, refine_nearest
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import Tick, told_apart
from isoloss.naming import drawable, drawable_line
from isoloss.scene.appearance import Appearance
from isoloss.scene.colormaps import CLASS_COLORS
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Frame
from isoloss.scene.textures import Texture, ValueScale, class_name


@dataclass(frozen=True)
class ColorScale:
    """What the colours mean: what the scalar bar says.

    Attributes:
        title: the quantity.
        scale: from its values to positions along the colormap.
        percent: whether it is read in percent.
        detail: what the quantity is, in a few words or signs.
        above, below: whether values lie beyond the ends of the scale.
        is_of_heights: whether heights are on the same scale, and clamped where colours are.
        classes: the numbers and names of the classes, where these are what colours mean; positions
            along the colormap are then those of the classes' own colours.
    """

    title: str
    scale: ValueScale
    percent: bool = False
    detail: str = ""
    above: bool = False
    below: bool = False
    is_of_heights: bool = False
    classes: tuple[tuple[int, str], ...] = ()

    def label(self, value: float) -> str:
        """A value as the bar writes it."""
        if not self.percent:
            return self.scale.label(value)
        return f"{told_apart(100 * value, 100 * (self.scale.hi - self.scale.lo))} %"

    def end(self, side: Literal["<", ">"]) -> str:
        """What is written beyond the lower or the upper end of the bar."""
        if self.is_of_heights:
            return clamped(self.scale, side)
        return f"{side} {self.label(self.scale.lo if side == '<' else self.scale.hi)}"

    def ticks(self, count: int = 6) -> list[tuple[float, str]]:
        """(position in [0, 1], label) of each tick."""
        if self.classes:
            n = len(self.classes)
            return [((k + 0.5) / n, name) for k, (_, name) in enumerate(self.classes)]
        scale = self.scale
        if self.percent and isinstance(scale, HeightScale):
            scale = HeightScale(scale.kind, scale.lo * 100, scale.hi * 100)
        marks: list[Tick] = scale.ticks(count)
        heights = scale.apply([m.value for m in marks])
        unit = " %" if self.percent else ""
        return [(float(h), m.label + unit) for h, m in zip(heights, marks, strict=True)]


def class_positions(classes: ArrayLike) -> Array:
    """Where along the colormap of classes those with these numbers are; NaN has no place."""
    numbers = np.asarray(classes, np.float64)
    return (np.mod(numbers, CLASS_COLORS) + 0.5) / CLASS_COLORS


def shown_texture(layers: list[SurfaceLayer], appearance: Appearance) -> Texture:
    """The texture asked for, or the height where no layer has what it shows."""
    texture = appearance.texture
    return texture if any(layer.has(texture) for layer in layers) else Texture.HEIGHT


def end_lines(end: str) -> list[str]:
    """What is written beyond an end of the bar, one line below the other: it is narrow."""
    return end.split(": ")


def color_scale(
    layers: list[SurfaceLayer], appearance: Appearance, frame: Frame
) -> ColorScale | None:
    """One scale for all `layers`, at all times; None where colours carry no value."""
    texture = shown_texture(layers, appearance)
    if texture.paint == "one tone" or not layers:
        return None
    of_difference = texture.signed is None and all(x.surface.is_difference for x in layers)
    if texture.paint == "classes":
        return ColorScale(texture.title, HeightScale("linear", 0.0, 1.0), classes=_classes(layers))
    log = appearance.log_colors
    values = np.concatenate(
        [layer.at_all_times(texture, lambda s: _field_values(s, texture)) for layer in layers]
    )
    scale: ValueScale
    if texture.values is None:
        log = appearance.log_height if log is None else log
        own = [layer.automatic_scale(log) for layer in layers if layer.has_values]
        # Colours may span more or fewer surfaces than heights: either is linked by itself.
        scale = HeightScale.covering(own, log) if own else frame.scale
    else:
        scale = centred_scale(values) if of_difference else texture.scale(values, log)
    if texture.least_are_rounding:
        values = np.maximum(values, scale.lo)
    if appearance.color_range is not None and appearance.color_range[0] < appearance.color_range[1]:
        lo, hi = appearance.color_range
        scale = HeightScale("linear" if lo <= 0 else scale.kind, lo, hi)
    beyond = scale.beyond(values[np.isfinite(values)])
    title = quantity(layers).removeprefix("Δ ") if texture.values is None else texture.title
    return ColorScale(
        with_scale(f"Δ {title}" if of_difference else title, scale),
        scale,
        percent=texture.percent,
        detail=texture.detail,
        above=bool((beyond > 0).any()),
        below=bool((beyond < 0).any()),
        is_of_heights=texture.shows_height and scale == frame.scale,
    )


def field_values(layer: SurfaceLayer, texture: Texture) -> Array:
    """(A, B) what `texture` shows at the grid points of a layer; NaN where it is not known."""
    return _field_values(layer.surface, texture)


def _field_values(surface: Surface, texture: Texture) -> Array:
    if texture.values is not None:
        return texture.values(surface)
    return np.where(surface.computed, surface.loss, np.nan)


def quantity(layers: list[SurfaceLayer]) -> str:
    """What the heights of `layers` are."""
    named = {drawable_line(str(layer.surface.meta.get("quantity") or "loss")) for layer in layers}
    name = named.pop() if len(named) == 1 else "loss"
    return f"Δ {name}" if all(layer.surface.is_difference for layer in layers) else name


def _classes(layers: list[SurfaceLayer]) -> tuple[tuple[int, str], ...]:
    """The classes that are found on any of `layers`, with their names."""
    found: dict[int, str] = {}
    for layer in layers:
        values = layer.at_all_times(Texture.CLASS, lambda s: _field_values(s, Texture.CLASS))
        for number in np.unique(values[np.isfinite(values)]).astype(int).tolist():
            found[number] = drawable(class_name(layer.surface, number))
    return tuple(sorted(found.items()))


def texture_values(
    layer: SurfaceLayer, mesh: DisplayMesh, colors: ColorScale | None, appearance: Appearance
) -> Array:
    """(P, Q) positions in [0, 1] along the colormap at the vertices of `mesh`; NaN has none."""
    texture = shown_texture([layer], appearance)
    if colors is None:
        return np.full(mesh.height.shape, 0.5)
    if texture.values is not None:
        surface = layer.surface
        if texture.paint == "classes":
            known = field_values(layer, texture)
            pending = np.where(surface.computed, known, fill_nearest(known))
            return class_positions(refine_nearest(pending, mesh.steps))
        values = fill_uncomputed(field_values(layer, texture), surface.computed)
        coarse = colors.scale.apply(values)
        return refine_linear(surface.alpha, surface.beta, coarse, mesh.steps)
    if colors.scale == mesh.scale:
        return mesh.height
    return colors.scale.apply(mesh.scale.invert(mesh.height))


def axis_titles(shown: list[SurfaceLayer], frame: Frame) -> tuple[str, str, str]:
    """α and β, with the fraction of variance they explain when the plane came from PCA; what the
    heights are, and on which scale where it is not linear."""
    shares = shown[0].surface.explained_variance if len(shown) == 1 else None
    names = ["α", "β"]
    given: Any = shown[0].surface.meta.get("axes")
    alike = all(layer.surface.meta.get("axes") == given for layer in shown)
    if alike and isinstance(given, list) and len(cast("list[Any]", given)) == 2:
        what = cast("list[Any]", given)
        along = (drawable_line(str(each)) for each in what)
        names = [f"{name} ({where})" for name, where in zip(names, along, strict=True)]
    if shares is not None:
        names = [
            f"{name} (PC{k}, {100 * share:.1f} %)"
            for k, (name, share) in enumerate(zip(names, shares, strict=True), start=1)
        ]
    return names[0], names[1], with_scale(quantity(shown), frame.scale)
