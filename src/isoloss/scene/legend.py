"""The legend: which surface and which path is whose and, if asked for, what the signs mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isoloss.geometry.playhead import playhead
from isoloss.geometry.trajectory import Trajectory
from isoloss.naming import drawable_line
from isoloss.scene.colormaps import shades
from isoloss.scene.layer import MarkerShape, SurfaceLayer
from isoloss.scene.pins import pins_of
from isoloss.scene.scene import Palette, Scene
from isoloss.scene.texturing import shown_texture
from isoloss.scene.theme import Color, Theme
from isoloss.shortening import without_middle

ENDS = (
    (MarkerShape.RING, MarkerShape.STAR),
    (MarkerShape.HOLLOW_SQUARE, MarkerShape.SQUARE),
    (MarkerShape.HOLLOW_CROSS, MarkerShape.CROSS),
)
"""The first and the last checkpoint of a path: by its number."""
_LONGEST = 16  # characters of a name at the end of a path


@dataclass(frozen=True)
class Entry:
    """One line of the legend.

    Attributes:
        text: what it is.
        color: of its sign.
        shapes: of markers, from left to right; of a path its first and its last checkpoint.
        line: the width of a line relative to that of a path; 0 for none.
        palette: of a surface, its colormap.
    """

    text: str
    color: Color
    shapes: tuple[MarkerShape, ...] = ()
    line: float = 0.0
    palette: Palette | None = None


def ends_of(number: int) -> tuple[MarkerShape, MarkerShape]:
    """The shapes of the first and the last checkpoint of the path with this number."""
    return ENDS[number % len(ENDS)]


def end_color(number: int, several: bool, theme: Theme) -> Color:
    """Of the last checkpoint; where there are several, in doubt whose, that of its path."""
    return theme.path_color(number) if several else theme.path_end


def path_name(layer: SurfaceLayer, index: int) -> str:
    """What a trajectory is called; it is counted where nobody named it."""
    name = drawable_line(layer.trajectories[index].name)
    alone = len(layer.trajectories) == 1
    return name or ("trajectory" if alone else f"trajectory {index + 1}")


def end_name(layer: SurfaceLayer, index: int) -> str:
    """What a trajectory is called at its end, in a few characters; "" where nobody named it."""
    name = drawable_line(layer.trajectories[index].name)
    return without_middle(name, lambda part: len(part) <= _LONGEST)


def tone(palette: Palette) -> Color:
    """One colour for all of a colormap, where colours have no meaning."""
    red, green, blue, alpha = (float(v) for v in shades(np.array(0.62), *palette))
    return red, green, blue, alpha


def surface_entries(scene: Scene, theme: Theme) -> list[Entry]:
    """Which surface is whose, where several have colours of their own."""
    palettes = scene.palettes
    if len(palettes) < 2:
        return []
    matte = shown_texture(scene.shown, scene.drawn_appearance).paint == "one tone"
    plain = matte and not scene.appearance.own_colors
    return [
        Entry(
            drawable_line(layer.surface.title or layer.name),
            theme.matte if plain or (matte and not number) else tone(palette),
            palette=None if matte else palette,
        )
        for number, (layer, palette) in enumerate(palettes.items())
    ]


def path_names(paths: Sequence[tuple[SurfaceLayer, int]]) -> list[str]:
    """What trajectories are called beside each other: with their layers, where these are several.

    Args:
        paths: of each its layer and its place among the layer's trajectories.
    """
    several = len({id(layer) for layer, _ in paths}) > 1
    return [
        path_name(layer, k) + (f", {drawable_line(layer.name)}" if several else "")
        for layer, k in paths
    ]


def path_entries(scene: Scene, theme: Theme) -> list[Entry]:
    """Which path is whose."""
    paths = scene.paths
    several = len(paths) > 1
    names = path_names([(layer, index) for layer, index, _ in paths])
    return [
        Entry(name, theme.path_color(number), ends_of(number) if several else (), 1.0)
        for name, (_, _, number) in zip(names, paths, strict=True)
    ]


def sign_entries(scene: Scene, theme: Theme, *, in_space: bool) -> list[Entry]:
    """What the signs mean that are in the picture."""
    paths, appearance = scene.paths, scene.appearance
    found: list[Entry] = []
    if paths:
        several, (_, _, first) = len(paths) > 1, paths[0]
        numbers = dict.fromkeys(number % len(ENDS) for _, _, number in paths)
        starts, ends = zip(*(ENDS[number] for number in numbers), strict=True)
        ink = theme.ink if several else theme.path_color(first)
        found += [
            Entry("first checkpoint", ink, starts),
            Entry("checkpoint", ink, (MarkerShape.DOT,)),
        ]
        if any(count == len(path) for path, count in _drawn_paths(scene)):
            found.append(Entry("last checkpoint", ink if several else theme.path_end, ends))
    found += drop_entries(scene, theme)
    top = scene.frame().scale.hi * (1 + 1e-9)
    if in_space and any((path.loss[:count] > top).any() for path, count in _drawn_paths(scene)):
        found.append(Entry("above the scale", theme.path, (MarkerShape.TRIANGLE,)))
    if in_space and paths:
        found.append(Entry("from the path to the surface", theme.path_color(paths[0][2]), line=0.4))
    found += minimum_entries(scene, theme)
    if appearance.markers and any(map(pins_of, scene.shown)):
        found.append(Entry("pin", theme.path, (MarkerShape.RING,)))
    if in_space and scene.cut is not None:
        found.append(Entry("cut", theme.cut, line=0.9))
    return found


def _drawn_paths(scene: Scene) -> list[tuple[Trajectory, int]]:
    """The trajectories, and how many of their checkpoints are drawn: those up to the epoch."""
    paths = [layer.trajectories[index] for layer, index, _ in scene.paths]
    return [(path, playhead(path, scene.appearance.epoch).checkpoint + 1) for path in paths]


def drop_entries(scene: Scene, theme: Theme) -> list[Entry]:
    """Drops of the learning rate, where there are some."""
    drawn = _drawn_paths(scene)
    if not any((path.lr_drops < count).any() for path, count in drawn):
        return []
    return [Entry("learning rate drop", theme.lr_drop, (MarkerShape.DIAMOND,))]


def minimum_entries(scene: Scene, theme: Theme) -> list[Entry]:
    """Local minima, where they are marked."""
    appearance, scale = scene.appearance, scene.frame().scale
    if not appearance.minima:
        return []
    found = [m for x in scene.shown for m in x.deep_minima(scale, appearance.minima_persistence)]
    shape, color = (MarkerShape.TRIANGLE_DOWN,), theme.minimum
    entries = [Entry("minimum", color, shape)] if found else []
    if any(minimum.is_within_noise for minimum in found):
        entries.append(Entry("minimum within its error", (*color[:3], 0.45), shape))
    return entries
