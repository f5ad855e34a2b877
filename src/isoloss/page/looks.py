"""One texture of a view as plain values: what its colours are and what explains them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from isoloss.geometry.arrays import Array
from isoloss.geometry.derivatives import slope
from isoloss.geometry.height import HeightScale
from isoloss.geometry.refine import fill_nearest, fill_uncomputed
from isoloss.geometry.surface import Surface
from isoloss.gl.annotations.notes import Extent, notes
from isoloss.page.link import number_of
from isoloss.page.packing import Packing, shares
from isoloss.scene.colormaps import OWN, colormap
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.legend import Entry, path_entries, sign_entries, surface_entries, tone
from isoloss.scene.levels import band_edges, read_at
from isoloss.scene.scene import Palette, Scene
from isoloss.scene.textures import TEXTURES, Texture, ValueScale
from isoloss.scene.texturing import (
    ColorScale,
    class_positions,
    color_scale,
    end_lines,
    field_values,
)
from isoloss.scene.theme import THEMES, Theme

FINE = 1 << 16
"""Up to so many cells a texture has more steps than a colormap has colours."""
_TICKS = range(2, 7)  # as many as a bar of any length asks for


def looks_of(scene: Scene, packing: Packing) -> list[dict[str, Any]]:
    """Every texture that a layer of `scene` has, in the order of menus."""
    had = [t for t in TEXTURES if any(layer.has(t) for layer in scene.shown)]
    return [_look(_with_texture(scene, texture), texture, packing) for texture in had]


def scale_of(scale: ValueScale) -> dict[str, Any]:
    """A scale as the page applies it."""
    if isinstance(scale, HeightScale):
        return {"kind": scale.kind, "lo": scale.lo, "hi": scale.hi}
    return {"kind": "signed", "most": scale.most, "knee": scale.knee}


def _with_texture(scene: Scene, texture: Texture) -> Scene:
    return replace(scene, appearance=replace(scene.appearance, texture=texture))


def _look(scene: Scene, texture: Texture, packing: Packing) -> dict[str, Any]:
    appearance, frame, shown = scene.drawn_appearance, scene.frame(), scene.shown
    colors = color_scale(list(dict.fromkeys([*shown, *scene.beside])), appearance, frame)
    bands = None
    if texture.paint == "bands" and colors is not None:
        bands = band_edges(appearance, frame, colors)
    extent = Extent.of(shown)

    def remarks(theme: Theme) -> list[dict[str, Any]]:
        if colors is None:
            return []
        found = notes(extent, texture, colors, appearance, frame, theme)
        return [{"text": n.text, "short": n.short, "color": n.color, "sign": n.sign} for n in found]

    own = [scene.appearance_of(layer) for layer in shown]
    palettes: list[Palette] = [(a.colormap, a.reverse_colormap) for a in own]
    return {
        "name": texture.name,
        "label": texture.label,
        "paint": texture.paint,
        "shows_height": texture.shows_height,
        "has_values": texture.values is not None,
        "same_scale": colors is None or colors.scale == frame.scale,
        "scale": None if colors is None else scale_of(colors.scale),
        "bands": None if bands is None else [at for at, _ in bands],
        "bar": None if colors is None else _bar(colors, bands),
        "bar_palettes": [
            _palette(palette, packing) for palette in dict.fromkeys(scene.palettes.values())
        ],
        "palettes": [_palette(palette, packing) for palette in palettes],
        "tones": [tone(p)[:3] if p[0] in OWN else None for p in palettes],
        "values": [_values(layer, texture, colors, packing) for layer in shown],
        "notes": {name: remarks(theme) for name, theme in THEMES.items()},
        "legend": {name: _legend(scene, theme, packing) for name, theme in THEMES.items()},
    }


def _values(
    layer: SurfaceLayer, texture: Texture, colors: ColorScale | None, packing: Packing
) -> int | str | None:
    """(A, B) positions along the colormap at the grid points, or what of the surface the page reads
    them from; None where the heights have them, or nothing has."""
    surface = layer.surface
    if texture.values is None or colors is None or not layer.has(texture):
        return None
    values, computed = field_values(layer, texture), surface.computed
    if texture.paint == "classes":
        known = np.where(computed, values, fill_nearest(values))
        return packing.add(*shares(class_positions(known), fine=False))
    if surface.is_complete:
        if texture.values is slope:
            return "slope"
        for name, field in kept_fields(surface).items():
            if np.array_equal(values, field, equal_nan=True):
                return name
    positions = colors.scale.apply(fill_uncomputed(values, computed))
    return packing.add(*shares(positions, fine=values.size <= FINE))


def kept_fields(surface: Surface) -> dict[str, Array]:
    """What a page keeps of a surface beside its loss, by name, where it is known somewhere."""
    fields = {
        "stderr": np.where(
            surface.computed & (surface.loss_stderr > 0), surface.loss_stderr, np.nan
        ),
        "accuracy": surface.accuracy,
        **({} if surface.spread is None else {"spread": surface.spread}),
        **{f"column {name}": values for name, values in surface.columns.items()},
    }
    return {name: field for name, field in fields.items() if np.isfinite(field).any()}


def _bar(colors: ColorScale, bands: Any) -> dict[str, Any]:
    def ticks(count: int) -> list[tuple[float, str]]:
        if bands is None:
            return colors.ticks(count)
        edges = {tick.value: at for at, tick in bands}
        read = read_at([tick for _, tick in bands], colors.scale, count)
        return [(edges[tick.value], tick.label) for tick in read]

    return {
        "title": colors.title,
        "detail": colors.detail,
        "ticks": {count: ticks(count) for count in _TICKS},
        "under": end_lines(colors.end("<")) if colors.below else [],
        "over": end_lines(colors.end(">")) if colors.above else [],
        "hatched": colors.is_of_heights,
        "classes": [float(at) for at in class_positions([n for n, _ in colors.classes])],
    }


def _legend(scene: Scene, theme: Theme, packing: Packing) -> list[dict[str, Any]]:
    entries: list[tuple[Entry, SurfaceLayer | None]] = []
    if scene.appearance.legend:
        entries += zip(surface_entries(scene, theme), scene.palettes, strict=False)
        if len(scene.paths) > 1:
            layers = [layer for layer, _, _ in scene.paths]
            entries += zip(path_entries(scene, theme), layers, strict=True)
    if scene.appearance.signs:
        entries += [(entry, None) for entry in sign_entries(scene, theme, in_space=True)]
    return [
        {
            "text": e.text[:300],
            "layer": None if layer is None else number_of(layer, scene),
            "color": e.color,
            "shapes": [shape.value for shape in e.shapes],
            "line": e.line,
            "palette": None if e.palette is None else _palette(e.palette, packing),
        }
        for e, layer in entries
    ]


def _palette(palette: Palette, packing: Packing) -> int:
    """(256, 3) colours from the lowest value to the highest."""
    name, reverse = palette
    return packing.add(np.ascontiguousarray(colormap(name)[:: -1 if reverse else 1]), "u1")
