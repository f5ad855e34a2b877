"""A scene into a frame: the passes, in order."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import numpy as np
from OpenGL import GL

from isoloss.geometry.trajectory import Trajectory
from isoloss.gl import axes
from isoloss.gl.background import BackgroundPass
from isoloss.gl.context import description
from isoloss.gl.fills import FillPass
from isoloss.gl.layer_buffers import LayerBuffers, PathBuffers
from isoloss.gl.legend import legend
from isoloss.gl.lines import LinePass, LineStyle
from isoloss.gl.markers import MarkerPass
from isoloss.gl.overlays import marker_points
from isoloss.gl.scalar_bar import ScalarBar, scalar_bar
from isoloss.gl.surfaces import Paint, SurfacePass
from isoloss.gl.target import Target
from isoloss.gl.text import Label, TextPass
from isoloss.gl.view import View
from isoloss.scene.appearance import Appearance, Texture
from isoloss.scene.camera import Camera
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import FLOOR, Frame, Scene
from isoloss.scene.texturing import ColorScale, color_scale, shown_texture
from isoloss.scene.theme import THEMES, Color

Placed = tuple[tuple[float, float, float], tuple[float, float, float]]

_SOFTWARE = ("llvmpipe", "softpipe", "SwiftShader", "Basic Render")
_MOVING_SOFTWARE, _RESTING_SOFTWARE, _MOVING = 64, 500, 500  # vertices an axis


@dataclass
class _Held:
    """Buffers of one layer in one scene; freed once either is gone."""

    scene: weakref.ref[Scene]
    layer: weakref.ref[SurfaceLayer]
    buffers: LayerBuffers


class Renderer:
    """Draws scenes. One renderer serves any number of viewports of one OpenGL context."""

    def __init__(self) -> None:
        self._background, self._surfaces = BackgroundPass(), SurfacePass()
        self._lines, self._markers = LinePass(), MarkerPass()
        self._fills, self._text = FillPass(), TextPass()
        self._box = self._lines.batch()
        self._colors: tuple[object, ColorScale | None] = (None, None)
        self._bar: tuple[object, ScalarBar | None] = (None, None)
        self.is_software = any(name in description() for name in _SOFTWARE)
        self._held: dict[tuple[int, int], _Held] = {}

    def draw(self, scene: Scene, target: Target, scale: float = 1.0, moving: bool = False) -> None:
        """Draw `scene` into `target`.

        Args:
            scale: pixels to one device-independent unit: text and lines grow with it.
            moving: the camera is on its way; large surfaces are drawn with fewer triangles.
        """
        self._sweep()
        view = View(scene.camera, target.size, scale, THEMES[scene.appearance.theme])
        # A software renderer pays for every sample; while things move they are hardly seen.
        target.begin(multisample=not (moving and self.is_software))
        GL.glDisable(GL.GL_CULL_FACE)
        GL.glEnable(GL.GL_BLEND)
        GL.glBlendEquation(GL.GL_FUNC_ADD)
        GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)  # colours are premultiplied
        if not scene.appearance.transparent:
            self._background.draw(view.theme)
        shown = scene.shown
        if shown:
            self._draw_layers(scene, shown, view, self._budget(scene, moving))
        elif scene.appearance.title:
            self._draw_nothing(scene, view)
        GL.glBindVertexArray(0)
        GL.glUseProgram(0)
        GL.glDisable(GL.GL_DEPTH_TEST)
        target.end()

    def free(self) -> None:
        """Give all buffers of layers back."""
        for held in self._held.values():
            held.buffers.free()
        self._held.clear()

    # -- the layers --------------------------------------------------------------------------

    def _draw_layers(
        self, scene: Scene, shown: list[SurfaceLayer], view: View, budget: int
    ) -> None:
        look, frame = scene.appearance, scene.frame()
        colors = self._color_scale(list(dict.fromkeys([*shown, *scene.beside])), look, frame)
        texture = shown_texture(shown, look)
        sides = axes.Sides.of(scene.camera)
        GL.glDepthFunc(GL.GL_LEQUAL)
        if look.axes:
            GL.glDisable(GL.GL_DEPTH_TEST)
            self._fills.draw(axes.walls(sides, view, frame.top), view.matrix)
        all_buffers = [self._buffers(scene, layer) for layer in shown]
        GL.glEnable(GL.GL_DEPTH_TEST)
        for layer, buffers in zip(shown, all_buffers, strict=True):
            buffers.update(layer, look, frame, colors, view.theme)
            paint = _paint(texture, scene)
            self._surfaces.draw(buffers.surface, view, paint, buffers.placed, budget)
        GL.glDepthMask(False)
        ticks = axes.AxisTicks.of(frame)
        if look.axes:
            self._box.upload(axes.box_segments(sides, ticks, view, frame.top))
            self._lines.draw(self._box, view, LineStyle(1.0 * view.scale))
        for buffers in all_buffers:
            self._draw_lines(buffers, scene, view, texture)
        for layer, buffers in zip(shown, all_buffers, strict=True):
            self._draw_paths(layer, buffers, scene, view, frame)
        GL.glDepthMask(True)
        GL.glDisable(GL.GL_DEPTH_TEST)
        self._draw_labels(scene, shown, view, frame, colors, texture, sides, ticks)

    def _draw_lines(
        self, buffers: LayerBuffers, scene: Scene, view: View, texture: Texture
    ) -> None:
        look, unit = scene.appearance, view.scale
        if look.floor_contours:
            style = LineStyle(
                1.3 * unit,
                (1, 1, 1, 0.8),
                bias=0.0005,
                level=FLOOR,
                toward=view.theme.floor_contour,
            )
            self._lines.draw(buffers.contours, view, style, buffers.placed)
        if texture is Texture.WIREFRAME:
            style = LineStyle(1.2 * unit, bias=0.0012, toward=view.theme.floor_contour)
            self._lines.draw(buffers.grid, view, style, buffers.placed)
        elif look.wireframe:
            style = LineStyle(0.8 * unit, view.theme.wire, bias=0.0012)
            self._lines.draw(buffers.grid, view, style, buffers.placed)
        if look.contours and texture is not Texture.WIREFRAME:
            style = LineStyle(1.15 * unit, view.theme.contour, bias=0.0015)
            self._lines.draw(buffers.contours, view, style, buffers.placed)

    def _draw_paths(
        self, layer: SurfaceLayer, buffers: LayerBuffers, scene: Scene, view: View, frame: Frame
    ) -> None:
        look, theme = scene.appearance, view.theme
        placed = ((1.0, 1.0, frame.gain), (0.0, 0.0, 0.0))
        for index, trajectory in layer.shown_trajectories if look.trajectory else ():
            self._draw_path(buffers.paths[index], index, view, placed, trajectory, look.epoch)
        if look.markers and layer.markers:
            GL.glDepthFunc(GL.GL_GREATER)
            self._markers.draw(buffers.marks, view, theme.path_casing, placed, alpha=0.35)
            GL.glDepthFunc(GL.GL_LEQUAL)
            self._markers.draw(buffers.marks, view, theme.path_casing, placed)

    def _draw_path(
        self,
        path: PathBuffers,
        index: int,
        view: View,
        placed: Placed,
        trajectory: Trajectory,
        epoch: float | None,
    ) -> None:
        unit, casing_color = view.scale, view.theme.path_casing
        color = view.theme.path_color(index)
        points = _points_until(trajectory, epoch)
        stem = LineStyle(1.0 * unit, (*color[:3], 0.6), bias=0.002)
        casing = LineStyle(5.0 * unit, casing_color, cap=1.0, bias=0.004)
        line = LineStyle(2.4 * unit, color, cap=1.0, bias=0.005)
        self._lines.draw(path.stems, view, stem, placed)
        # Where the surface hides the path, it shines through faintly.
        GL.glDepthFunc(GL.GL_GREATER)
        ghost = replace(line, tint=(*color[:3], 0.28), width=1.6 * unit, cap=0.0)
        self._lines.draw(path.path, view, ghost, placed, points - 1)
        GL.glDepthFunc(GL.GL_LEQUAL)
        self._lines.draw(path.path, view, casing, placed, points - 1)
        self._lines.draw(path.path, view, line, placed, points - 1)
        self._markers.draw(path.marks, view, casing_color, placed, count=points)

    # -- decorations -------------------------------------------------------------------------

    def _draw_labels(
        self,
        scene: Scene,
        shown: list[SurfaceLayer],
        view: View,
        frame: Frame,
        colors: ColorScale | None,
        texture: Texture,
        sides: axes.Sides,
        ticks: axes.AxisTicks,
    ) -> None:
        look = scene.appearance
        layout = axes.AxisLabels(view, self._text)
        bar: ScalarBar | None = None
        if look.scalar_bar and colors is not None:
            bands = look.contour_levels + 1 if texture is Texture.BANDS else 0
            bar = self._scalar_bar(view, colors, scene, bands)
            if bar is not None:
                layout.reserve(bar.rect)
        title = _title(scene, shown) if look.title else ""
        if title:
            width, height = self._text.measure(title, view.em, 1.3)
            at = 1.4 * view.em
            layout.reserve((0.0, 0.0, at + width, at + 1.5 * height))
            layout.labels.append(Label(title, at, at, view.theme.ink, (0.0, 0.0), 1.3))
        if look.axes:
            layout.lay_out(frame, ticks, sides, _axis_titles(shown))
        if look.markers:
            layout.labels += _marker_labels(shown, view, frame)
        key = legend(view, self._text, shown, layout.is_free) if look.trajectory else None
        for card in (bar, key):
            if card is not None:
                self._fills.draw(card.triangles, np.eye(4))
                layout.labels.extend(card.labels)
        if layout.labels:
            self._text.draw(layout.labels, view.em, view.size)

    def _color_scale(
        self, shown: list[SurfaceLayer], look: Appearance, frame: Frame
    ) -> ColorScale | None:
        """The colour scale of the last frame, if it would be the same."""
        states = tuple((id(layer), layer.version, id(layer.surface)) for layer in shown)
        key = (states, look.texture, look.color_range, frame)
        if self._colors[0] != key:
            self._colors = (key, color_scale(shown, look, frame))
        return self._colors[1]

    def _scalar_bar(
        self, view: View, colors: ColorScale, scene: Scene, bands: int
    ) -> ScalarBar | None:
        """The bar of the last frame, if it would be the same."""
        look = scene.appearance
        key = (
            view.size,
            view.scale,
            colors,
            look.theme,
            look.colormap,
            look.reverse_colormap,
            bands,
        )
        if self._bar[0] != key:
            self._bar = (key, scalar_bar(view, self._text, colors, look, bands))
        return self._bar[1]

    def _draw_nothing(self, scene: Scene, view: View) -> None:
        waiting = any(layer not in scene.hidden for layer in scene.layers)
        text = "Waiting for the first values…" if waiting else "Nothing to show yet"
        x, y = view.size[0] / 2, view.size[1] / 2
        self._text.draw([Label(text, x, y, view.theme.quiet_ink, size=1.15)], view.em, view.size)

    # -- caches ------------------------------------------------------------------------------

    def _budget(self, scene: Scene, moving: bool) -> int:
        """About how many vertices an axis are worth drawing."""
        closeness = max(1.0, Camera().distance / scene.camera.distance)
        if self.is_software:
            return int(closeness * (_MOVING_SOFTWARE if moving else _RESTING_SOFTWARE))
        return int(closeness * _MOVING) if moving else 1_000_000

    def _buffers(self, scene: Scene, layer: SurfaceLayer) -> LayerBuffers:
        key = (id(scene), id(layer))
        if key not in self._held:
            self._held[key] = _Held(weakref.ref(scene), weakref.ref(layer), LayerBuffers())
        return self._held[key].buffers

    def _sweep(self) -> None:
        gone = [k for k, h in self._held.items() if h.scene() is None or h.layer() is None]
        for key in gone:
            self._held.pop(key).buffers.free()


def _paint(texture: Texture, scene: Scene) -> Paint:
    look = scene.appearance
    theme = THEMES[look.theme]
    if texture is Texture.MATTE:
        return Paint(look.colormap, matte=theme.matte[:3], flat=not look.smooth)
    if texture is Texture.WIREFRAME:  # a dark body hides the lines behind it
        return Paint(look.colormap, matte=theme.body[:3], unlit=0.75)
    bands = look.contour_levels + 1 if texture is Texture.BANDS else 0
    return Paint(look.colormap, look.reverse_colormap, bands, flat=not look.smooth)


def _points_until(trajectory: Trajectory, epoch: float | None) -> int:
    """How many checkpoints of the path there are up to `epoch`."""
    if epoch is None:
        return len(trajectory)
    return int(np.searchsorted(trajectory.epoch, epoch + 1e-9, side="right"))


def _title(scene: Scene, shown: list[SurfaceLayer]) -> str:
    if scene.title or len(shown) != 1:
        return scene.title
    return shown[0].surface.title or shown[0].name


def _axis_titles(shown: list[SurfaceLayer]) -> tuple[str, str, str]:
    """α and β, with the share of variance they explain when the plane came from PCA."""
    ratios = shown[0].surface.meta.get("explained_variance_ratio") if len(shown) == 1 else None
    names = ["α", "β"]
    if isinstance(ratios, list | tuple) and len(ratios) >= 2:
        names = [
            f"{name} (PC{k}, {100 * float(share):.1f} %)"
            for k, (name, share) in enumerate(zip(names, ratios, strict=False), start=1)
        ]
    return names[0], names[1], "loss"


def _marker_labels(shown: list[SurfaceLayer], view: View, frame: Frame) -> list[Label]:
    labels: list[Label] = []
    color: Color = view.theme.ink
    for layer in shown:
        if not any(m.label for m in layer.markers):
            continue
        points = marker_points(layer.markers, frame) * (1.0, 1.0, frame.gain)
        for marker, (x, y, _) in zip(layer.markers, view.pixels(points), strict=True):
            if marker.label:
                labels.append(
                    Label(marker.label, x + 0.8 * view.em, y - 0.8 * view.em, color, (0.0, 1.0))
                )
    return labels
