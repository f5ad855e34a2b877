"""The lines that belong to a layer: contours, the grid, the optimizer's paths and the markers."""

from __future__ import annotations

from isoloss.geometry.playhead import playhead
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.device.buffers import Quads
from isoloss.gl.device.drawn_view import View
from isoloss.gl.layers.layer_buffers import LayerBuffers
from isoloss.gl.layers.path_buffers import PathBuffers
from isoloss.gl.primitives.cased_strokes import Strokes
from isoloss.gl.primitives.lines import LineStyle, Placed
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import FLOOR, Frame, Scene
from isoloss.scene.textures import Texture
from isoloss.scene.theme import Color, Theme


def draw_contours(
    strokes: Strokes,
    buffers: LayerBuffers,
    contours: Quads,
    scene: Scene,
    view: View,
    texture: Texture,
) -> None:
    """The contours on a surface and below it, its grid, and what else lies upon it."""
    appearance, unit, placed = scene.appearance, view.scale, buffers.placed
    strokes.lines.opacity = buffers.opacity
    if appearance.floor_contours:
        style = LineStyle(
            1.3 * unit,
            (1, 1, 1, 0.8 if texture.shows_height else 0.5),
            bias=0.0005,
            level=FLOOR,
            toward=_floor_tone(texture, view.theme),
        )
        strokes.lines.draw(contours, view, style, placed)
    if texture.paint == "lines":
        style = LineStyle(1.2 * unit, bias=0.0012, toward=view.theme.floor_contour)
        strokes.lines.draw(buffers.grid, view, style, placed)
    elif appearance.wireframe:
        style = LineStyle(0.8 * unit, view.theme.wire, bias=0.0012)
        strokes.lines.draw(buffers.grid, view, style, placed)
    if appearance.contours and texture.paint != "lines":
        style = LineStyle(1.15 * unit, view.theme.contour, bias=0.0015)
        strokes.lines.draw(contours, view, style, placed)
    buffers.accents.draw(strokes.lines, view, placed, appearance.floor_contours)
    if appearance.trajectory:
        buffers.accents.draw_outlines(strokes.lines, view, placed)
    strokes.lines.opacity = 1.0


def draw_paths(
    strokes: Strokes,
    layer: SurfaceLayer,
    buffers: LayerBuffers,
    scene: Scene,
    view: View,
    frame: Frame,
) -> None:
    """The trajectories of a layer, as far as they are to be shown, and its markers."""
    appearance, placed = scene.appearance, frame.stretch
    for index, trajectory in layer.shown_trajectories if appearance.trajectory else ():
        number = scene.path_number(layer, index)
        path = buffers.paths[index]
        _draw_path(strokes, path, number, view, placed, trajectory, appearance.epoch)
    if appearance.markers and layer.markers:
        strokes.draw_marks(buffers.marks, view, placed)


def _draw_path(
    strokes: Strokes,
    path: PathBuffers,
    number: int,
    view: View,
    placed: Placed,
    trajectory: Trajectory,
    epoch: float | None,
) -> None:
    unit, color = view.scale, view.theme.path_color(number)
    at = playhead(trajectory, epoch)
    pieces, stems, marks = path.until(at.checkpoint + 1)
    stem = LineStyle(1.0 * unit, (*color[:3], 0.6), bias=0.002)
    strokes.lines.draw(path.stems, view, stem, placed, stems)
    ways: list[tuple[Quads, int | None]] = [(path.path, pieces)]
    unfinished = at.checkpoint + 1 < len(trajectory)
    if unfinished:
        path.head.move(path.points, at, color)
        ways.append((path.head.piece, 1))
    strokes.draw_cased(ways, view, placed, color, 2.4 * unit)
    strokes.draw_marks(path.marks, view, placed, marks)
    if unfinished:
        strokes.draw_marks(path.head.mark, view, placed)


def _floor_tone(texture: Texture, theme: Theme) -> Color:
    """What contours on the floor are mixed with: ink alone where colours do not mean the height."""
    return theme.floor_contour if texture.shows_height else (*theme.quiet_ink[:3], 1.0)
