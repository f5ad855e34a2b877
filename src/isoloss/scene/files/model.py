"""What a view shows as a model for other programs: on a table, half a metre wide."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.geometry.files import gltf, obj
from isoloss.geometry.files.formats import Asked
from isoloss.geometry.files.solid import Material, Mesh, Node
from isoloss.geometry.level_sets import LevelSets
from isoloss.geometry.mesh import DisplayMesh
from isoloss.geometry.playhead import playhead
from isoloss.geometry.simplify import Resolution, flat_blocks, is_worth_it, simplified
from isoloss.geometry.surface import Surface
from isoloss.naming import drawable_line
from isoloss.scene.appearance import Appearance
from isoloss.scene.document import Document
from isoloss.scene.files.painted import tones
from isoloss.scene.files.staging import stage
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.legend import path_name, tone
from isoloss.scene.levels import contour_heights, contour_levels, contour_shades
from isoloss.scene.pins import drawn_markers
from isoloss.scene.scene import FLOOR, Frame, Scene
from isoloss.scene.texturing import (
    ColorScale,
    axis_titles,
    color_scale,
    shown_texture,
    texture_values,
)
from isoloss.scene.theme import THEMES, Color, Theme

METRES = 0.25
"""To a unit of the box, whose sides are 2."""
ABOVE = 0.004
"""Of the box: so that lines are seen on the surface they lie on."""
CROSS = 0.03
"""Half the arms of what marks a pin or a minimum, in the box."""
BEND = 3e-4
"""Of the height: a tenth of a millimetre is too little to be seen."""
SHORTEST = 0.01  # pieces of contours, in the box
_LONGEST = 80  # characters of a name


def write_glb(shown: Document | SurfaceLayer | Surface, path: Path, asked: Asked) -> Path:
    """Write what the active view shows as glTF 2.0.

    Raises:
        IsolossError: there is nothing to show yet, or `path` cannot be written.
    """
    return gltf.write_glb(model_of(shown), path)


def write_obj(shown: Document | SurfaceLayer | Surface, path: Path, asked: Asked) -> Path:
    """Write what the active view shows as .obj, with its .mtl beside it.

    Raises:
        IsolossError: as `write_glb`.
    """
    return obj.write_obj(model_of(shown), path)


def model_of(shown: Document | SurfaceLayer | Surface) -> Node:
    """The surfaces of the active view, each with its contours, paths and pins.

    Raises:
        IsolossError: there is nothing to show yet, or it has neither faces nor lines.
    """
    document = shown if isinstance(shown, Document) else stage(shown)
    scene = document.view
    layers = scene.shown
    if not layers:
        raise IsolossError("there is nothing to show yet: no value is a number")
    frame = scene.frame()
    axes = dict(zip(("x", "-z", "y"), axis_titles(layers, frame), strict=True))
    shapes = tuple(_layer(layer, scene, frame) for layer in layers)
    if not any(shape.children for shape in shapes):
        raise IsolossError(
            "there is nothing to make a model of: no cell of the grid has numbers at its corners"
        )
    return Node(
        _name(scene.heading or layers[0].name),
        children=shapes,
        about={"axes": axes, "alpha": list(frame.alpha), "beta": list(frame.beta)},
    )


def _layer(layer: SurfaceLayer, scene: Scene, frame: Frame) -> Node:
    appearance, theme = scene.appearance, THEMES[scene.appearance.theme]
    mesh = layer.mesh(frame.scale, appearance.smooth)
    parts = [_surface(layer, mesh, scene, frame)]
    if appearance.contours or appearance.floor_contours:
        parts += _contours(layer, mesh, scene, frame)
    if appearance.trajectory:
        parts += [_path(layer, index, scene, frame) for index, _ in layer.shown_trajectories]
    parts += _marks(layer, appearance, frame, theme)
    about = _plain(layer.surface.meta)
    shown = tuple(part for part in parts if part.children or part.mesh is not None)
    return Node(_name(layer.name), children=shown, about=about)


# -- surfaces ------------------------------------------------------------------------------------


def _surface(layer: SurfaceLayer, mesh: DisplayMesh, scene: Scene, frame: Frame) -> Node:
    scale, offset = frame.mesh_to_world(mesh)
    corners = np.empty((*mesh.height.shape, 3))
    corners[..., 0] = (mesh.x * scale[0] + offset[0])[:, None]
    corners[..., 1] = mesh.y * scale[1] + offset[1]
    corners[..., 2] = mesh.height * frame.top
    positions = _positions(layer, mesh, scene, frame)
    triangles = _triangles(mesh, positions, frame)
    used, indices = np.unique(triangles, return_inverse=True)
    if not used.size:
        return Node("surface")
    normals = None
    if scene.appearance.smooth:
        upwards = np.ones_like(corners)
        for k, slope in enumerate((mesh.slope_x, mesh.slope_y)):
            upwards[..., k] = np.nan_to_num(-frame.top * slope / scale[k])
        upwards = upwards.reshape(-1, 3)[used]
        normals = _turned(upwards / np.linalg.norm(upwards, axis=1, keepdims=True))
    colors = _colors(layer, mesh, positions, scene, frame).reshape(-1, 3)[used]
    material = Material("surface", opacity=layer.opacity, is_lit=True)
    shape = indices.reshape(triangles.shape).astype(np.uint32)
    places = _metres(corners.reshape(-1, 3)[used])
    return Node("surface", Mesh(places, shape, material, normals, colors))


def _positions(layer: SurfaceLayer, mesh: DisplayMesh, scene: Scene, frame: Frame) -> Array:
    """(P, Q) along the colormap at the corners of the displayed mesh."""
    return texture_values(layer, mesh, _scale(scene, frame), scene.appearance_of(layer))


def _triangles(mesh: DisplayMesh, positions: Array, frame: Frame) -> NDArray[np.uint32]:
    """Of a large surface fewer than it has, where nobody sees a difference."""
    if not is_worth_it(mesh):
        return mesh.triangles()
    values = np.nan_to_num(positions.astype(np.float32), nan=-1.0)
    return simplified(mesh, flat_blocks(mesh, values, Resolution(BEND, frame.top)))


def _colors(
    layer: SurfaceLayer, mesh: DisplayMesh, positions: Array, scene: Scene, frame: Frame
) -> Array:
    """(P, Q, 3) sRGB at the corners of the displayed mesh, pale where nothing is computed."""
    appearance, scale = scene.appearance_of(layer), _scale(scene, frame)
    texture = shown_texture([layer], appearance)
    theme = THEMES[appearance.theme]
    if scale is None or texture.paint == "lines":
        palette = (appearance.colormap, appearance.reverse_colormap)
        several = len(set(scene.palettes.values())) > 1
        plain = tone(palette) if several and layer is not scene.shown[0] else theme.matte
        found = np.broadcast_to(plain[:3], (*mesh.height.shape, 3))
    else:
        found = tones(positions, texture, scale, appearance, frame)
    pending = (1 - mesh.computed)[..., None]
    return np.clip(found + 0.85 * pending * (np.array(theme.uncomputed[:3]) - found), 0, 1)


def _scale(scene: Scene, frame: Frame) -> ColorScale | None:
    spanned = list(dict.fromkeys([*scene.shown, *scene.beside]))
    return color_scale(spanned, scene.drawn_appearance, frame)


# -- lines ---------------------------------------------------------------------------------------


def _contours(layer: SurfaceLayer, mesh: DisplayMesh, scene: Scene, frame: Frame) -> list[Node]:
    """Lines of equal height on the surface and on the floor, a node for each level."""
    appearance, theme = scene.appearance, THEMES[scene.appearance.theme]
    heights, sets = contour_heights(appearance, frame), LevelSets(mesh.x, mesh.y, mesh.height)
    shows_height = shown_texture([layer], appearance).shows_height
    colors = contour_shades(
        heights, scene.appearance_of(layer), frame, _scale(scene, frame), shows_height
    )[:, :3]
    scale, offset = frame.mesh_to_world(mesh)
    above: list[Node] = []
    below: list[Node] = []
    for tick, height, color in zip(contour_levels(appearance, frame), heights, colors, strict=True):
        lines = sets.at(float(height)).thinned(SHORTEST)
        x, y = (lines.points * scale[:2] + offset[:2]).T
        starts = np.ones(len(x), np.bool_)
        starts[lines.first] = False
        ends = np.flatnonzero(starts)
        pieces = np.column_stack([ends - 1, ends])
        name, about = f"{tick.label}", {"level": float(tick.value)}
        dark = _mixed(tuple(color), theme.contour)
        for nodes, z, tint, is_asked in (
            (above, height * frame.top + ABOVE, dark, appearance.contours),
            (below, FLOOR, _mixed(tuple(color), theme.floor_contour), appearance.floor_contours),
        ):
            if is_asked and len(pieces):
                places = np.column_stack([x, y, np.full(len(x), z)])
                nodes.append(Node(name, _lines(places, pieces, "contour", tint), (), about))
    return [
        Node("contours", children=tuple(above)),
        Node("contours on the floor", children=tuple(below)),
    ]


def _path(layer: SurfaceLayer, index: int, scene: Scene, frame: Frame) -> Node:
    """A trajectory up to the epoch that is shown; what is known of its checkpoints is said."""
    path = layer.trajectories[index]
    count = playhead(path, scene.appearance.epoch).checkpoint + 1
    places = frame.place(path.alpha, path.beta, path.loss)[:count]
    there = np.isfinite(places.sum(axis=1))
    ends = np.flatnonzero(there[1:] & there[:-1]) + 1
    color = THEMES[scene.appearance.theme].path_color(scene.path_number(layer, index))
    about = {name: _numbers(getattr(path, name)[:count]) for name in ("epoch", "loss", "lr")}
    name = _name(path_name(layer, index))
    if not len(ends):
        return Node(name)
    kept, pieces = np.unique(np.column_stack([ends - 1, ends]), return_inverse=True)
    line = _lines(places[kept], pieces.reshape(-1, 2), "trajectory", color[:3])
    return Node(name, line, (), about | {path.clock: about["epoch"]})


def _marks(layer: SurfaceLayer, appearance: Appearance, frame: Frame, theme: Theme) -> list[Node]:
    """Pins and minima as small crosses, each called as it is labelled."""
    found: list[Node] = []
    if appearance.markers:
        for marker in drawn_markers(layer):
            place = frame.place(marker.alpha, marker.beta, marker.loss)
            found.append(
                _cross(marker.label or "pin", place, "pin", marker.color or theme.path[:3])
            )
    if appearance.minima:
        for minimum in layer.deep_minima(frame.scale, appearance.minima_persistence):
            place = frame.place(minimum.alpha, minimum.beta, minimum.loss)
            label = f"minimum {frame.scale.label(minimum.loss)}"
            found.append(_cross(label, place, "minimum", theme.minimum[:3]))
    return [node for node in found if node.mesh is not None]


def _cross(label: str, place: Array, kind: str, color: tuple[float, float, float]) -> Node:
    if not np.isfinite(place).all():
        return Node(_name(label))
    arms = np.concatenate([-np.eye(3), np.eye(3)]) * CROSS
    ends = np.column_stack([np.arange(3), np.arange(3, 6)])
    return Node(_name(label), _lines(place + arms, ends, kind, color))


def _lines(places: Array, pieces: NDArray[Any], kind: str, color: tuple[float, ...]) -> Mesh:
    red, green, blue = (float(v) for v in color[:3])
    return Mesh(_metres(places), pieces.astype(np.uint32), Material(kind, (red, green, blue)))


# -- places and facts ----------------------------------------------------------------------------


def _metres(places: Array) -> Array:
    """Of the box, whose floor is the table."""
    return _turned((places - [0.0, 0.0, FLOOR]) * METRES)


def _turned(vectors: Array) -> Array:
    """(n, 3) with the second axis upwards."""
    return np.column_stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]])


def _mixed(color: tuple[float, ...], tint: Color) -> tuple[float, ...]:
    share = tint[3]
    return tuple((1 - share) * a + share * b for a, b in zip(color, tint, strict=False))


def _name(text: str) -> str:
    return drawable_line(text)[:_LONGEST] or "surface"


def _numbers(values: ArrayLike) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in np.asarray(values, np.float64)]


def _plain(value: Any) -> Any:
    """What JSON can hold: no infinite numbers, no lone surrogates."""
    if isinstance(value, dict):
        known = cast("dict[Any, Any]", value)
        return {drawable_line(str(k)): _plain(v) for k, v in known.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in cast("list[Any]", value)]
    if isinstance(value, str):
        return drawable_line(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float) else str(value)
