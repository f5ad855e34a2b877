"""A scene into a frame: the passes, in order."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from OpenGL import GL

from isoloss.gl.annotations import axes
from isoloss.gl.annotations.decorations import BoxView, Decorations
from isoloss.gl.device.context import description
from isoloss.gl.device.drawn_view import Part, View
from isoloss.gl.device.program import NEARER, OCCLUDED, Program
from isoloss.gl.device.target import Target
from isoloss.gl.frame.background import BackgroundPass
from isoloss.gl.frame.patches import Patches
from isoloss.gl.frame.peeling import MOST_SHEETS, QUICK_SHEETS, Peeled, PeelingPass
from isoloss.gl.frame.shown_layers import ShownLayers
from isoloss.gl.frame.ssao import OcclusionPass
from isoloss.gl.layers.analysis import all_minima
from isoloss.gl.layers.layer_buffers import LayerBuffers
from isoloss.gl.layers.overlays import PathLook
from isoloss.gl.layers.surfaces import Paint, SurfacePass
from isoloss.gl.primitives.cased_strokes import Strokes
from isoloss.gl.primitives.fills import FillPass
from isoloss.gl.primitives.labels import TextPass
from isoloss.gl.primitives.lines import LinePass
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.levels import band_edges
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.textures import Texture
from isoloss.scene.texturing import ColorScale, color_scale, shown_texture
from isoloss.scene.theme import THEMES

_SOFTWARE = ("llvmpipe", "softpipe", "SwiftShader", "Basic Render")
_QUICK_POINTS, _OCCLUDING_POINTS = 112, 400
_ALL_POINTS = 1_000_000


def is_software() -> bool:
    """Whether the processor draws what is drawn in the current context."""
    return any(name in description() for name in _SOFTWARE)


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
        self._strokes = Strokes()
        self._fills, self._text = FillPass(), TextPass()
        self._occlusion: OcclusionPass | None = None
        self._peeling: PeelingPass | None = None
        self._box = LinePass.batch()
        self._colors: tuple[object, ColorScale | None] = (None, None)
        self._decorations = Decorations(self._fills, self._text)
        self.is_software = is_software()
        self._held: dict[tuple[int, int], _Held] = {}

    def draw(
        self,
        scene: Scene,
        target: Target,
        scale: float = 1.0,
        moving: bool = False,
        part: Part | None = None,
    ) -> None:
        """Draw `scene` into `target`.

        Args:
            scale: pixels to one device-independent unit: text and lines grow with it.
            moving: draw it as `quick_pieces` does.
            part: draw this rectangle, of the target's size, of a larger picture.
        """
        quick = self.quick_pieces(scene, target, scale, _QUICK_POINTS) if moving else None
        for _ in quick or self.pieces(scene, target, scale, part):
            pass

    def pieces(
        self, scene: Scene, target: Target, scale: float = 1.0, part: Part | None = None
    ) -> Iterator[None]:
        """Draw as `draw` does, in pieces none of which takes long; between them anything else may
        be drawn, but not with this renderer."""
        return self._pieces(scene, target, scale, part, None)

    def quick_pieces(
        self,
        scene: Scene,
        target: Target,
        scale: float,
        points: int,
        patches: Patches | None = None,
    ) -> Iterator[None]:
        """Draw `scene`, in pieces, without what takes long and is hardly seen while things move.

        Surfaces are drawn with about `points` vertices an axis, more where the camera is close.
        Where `target` is to be enlarged, what is written over the picture goes into `patches`.
        """
        closeness = max(1.0, Camera().distance / scene.camera.distance)
        return self._pieces(scene, target, scale, None, int(points * closeness), patches)

    def _pieces(
        self,
        scene: Scene,
        target: Target,
        scale: float,
        part: Part | None,
        quick: int | None,
        patches: Patches | None = None,
    ) -> Iterator[None]:
        """`quick` is how many vertices an axis a quick picture gets; None is the whole picture."""
        self._sweep()
        size = target.size if part is None else part.whole
        view = View(scene.camera, size, scale, THEMES[scene.appearance.theme], part)
        # A software renderer pays for every sample; while things move they are hardly seen.
        whole = quick is None or not self.is_software
        target.begin(multisample=whole)
        # Not `finally`: a picture that is given up between two pieces leaves the context alone.
        try:
            self._blend()
            if not scene.appearance.transparent:
                if whole:
                    self._background.draw(view)
                else:
                    self._background.copy(view, target)
            shown = scene.shown
            if patches is not None:
                patches.rects = []
            if shown:
                yield from self._pause(target)
                yield from self._draw_layers(scene, shown, view, target, quick, whole, patches)
            elif scene.appearance.title:
                self._decorations.draw_nothing(scene, view)
            if whole:
                yield from self._pause(target)
        except Exception:
            self._leave()
            target.pause()
            self.free()  # some of them may be half up to date
            raise
        self._leave()
        target.end()

    def _leave(self) -> None:
        """Bind nothing, and test no depths: whoever draws next begins as if nothing had been."""
        for unit in (NEARER, OCCLUDED, 0):
            GL.glActiveTexture(int(GL.GL_TEXTURE0) + unit)
            GL.glBindTexture(GL.GL_TEXTURE_2D, 0)
        GL.glBindVertexArray(0)
        GL.glUseProgram(0)
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glDepthMask(True)

    def _blend(self) -> None:
        """Every colour is premultiplied and goes over what is there."""
        GL.glDisable(GL.GL_CULL_FACE)
        GL.glEnable(GL.GL_BLEND)
        GL.glBlendEquation(GL.GL_FUNC_ADD)
        GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
        GL.glDepthFunc(GL.GL_LEQUAL)

    def _pause(self, target: Target) -> Iterator[None]:
        """Between two pieces; depth is tested and written before and after."""
        target.pause()
        yield
        target.resume()
        self._blend()
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glDepthMask(True)

    def free(self) -> None:
        """Give the memory of all that has been drawn back; the programs are the context's."""
        for held in self._held.values():
            held.buffers.free()
        self._held.clear()
        for drawn in (self._surfaces, self._text, self._occlusion, self._peeling):
            if drawn is not None:
                drawn.free()

    @property
    def uploads(self) -> int:
        """How often surfaces were brought up to date."""
        return sum(held.buffers.surface.uploads for held in self._held.values())

    # -- the layers --------------------------------------------------------------------------

    def _draw_layers(
        self,
        scene: Scene,
        shown: list[SurfaceLayer],
        view: View,
        target: Target,
        quick: int | None,
        whole: bool,
        patches: Patches | None,
    ) -> Iterator[None]:
        budget = quick or _ALL_POINTS
        appearance, frame = scene.drawn_appearance, scene.frame()
        colors = self._color_scale(list(dict.fromkeys([*shown, *scene.beside])), appearance, frame)
        texture = shown_texture(shown, appearance)
        sides = axes.Sides.of(scene.camera)
        GL.glDepthFunc(GL.GL_LEQUAL)
        if appearance.axes:
            GL.glDisable(GL.GL_DEPTH_TEST)
            self._fills.draw(axes.walls(sides, view, frame.top), view.matrix)
            yield from self._pause(target)
        all_buffers = [self._buffers(scene, layer) for layer in shown]
        GL.glEnable(GL.GL_DEPTH_TEST)
        looks, several = _path_looks(scene), len(scene.palettes) > 1
        for layer, buffers in zip(shown, all_buffers, strict=True):
            own = scene.appearance_of(layer) if several else appearance
            for _ in buffers.update(layer, own, frame, colors, view.theme, looks.get(layer, {})):
                yield from self._pause(target)
        ticks = axes.AxisTicks.of(frame)
        if appearance.axes:
            self._box.upload(axes.box_segments(sides, ticks, view, frame.top))
        drawn = ShownLayers(
            scene, shown, all_buffers, texture, frame,
            box=self._box if appearance.axes else None,
            budget=budget,
            is_quick=quick is not None,
            lights_vertices=not whole,
            simplifies=self.is_software,
        )  # fmt: skip
        different = drawn.different
        for buffers in different if quick is None else ():
            for _ in buffers.contours.complete():
                yield from self._pause(target)
        yield from self._pause(target)
        paint = _paint(texture, scene, frame, colors)
        # Moving things on a software renderer: every pixel costs, and nobody sees the creases.
        occluded = appearance.ambient_occlusion and whole
        if occluded and texture.paint != "lines":
            points = min(budget, _OCCLUDING_POINTS) if self.is_software else budget
            for _ in self._occlude(shown, drawn.opaque, view, frame, points):
                yield from self._pause(target)
            yield from self._pause(target)
            paint = replace(paint, occlusion=self._bound_occlusion())
        bound = bool if paint.occlusion is None else self._bound_occlusion
        for _ in drawn.draw_surfaces(self._surfaces, drawn.opaque, paint, view, before=bound):
            yield from self._pause(target)
        yield from self._pause(target)
        for layer, buffers in zip(shown, all_buffers, strict=True):
            buffers.analysis.update(layer, scene, view, frame)
        if drawn.sheets:
            fine = whole and target.samples > 1
            for _ in self._peel(drawn, replace(paint, occlusion=None), view, fine=fine):
                yield from self._pause(target)
        else:
            GL.glDepthMask(False)
            for _ in drawn.draw_lines(self._strokes, view):
                yield from self._pause(target)
                GL.glDepthMask(False)
            GL.glDepthMask(True)
        yield from self._pause(target)
        GL.glDisable(GL.GL_DEPTH_TEST)
        minima = all_minima(b.analysis for b in all_buffers) if appearance.minima else []
        if patches is None:
            box_view = BoxView(view, frame, sides, ticks)
            writing = self._decorations.lay_out(scene, shown, box_view, colors, minima)
            yield from self._pause(target)
            GL.glDisable(GL.GL_DEPTH_TEST)
            self._decorations.draw(writing, view)
            return
        # Half the pixels each way do for a surface that moves, but not for text.
        full = View(
            view.camera, patches.size, view.scale * patches.size[0] / view.size[0], view.theme
        )
        box_view = BoxView(full, frame, sides, ticks)
        writing = self._decorations.lay_out(scene, shown, box_view, colors, minima)
        yield from self._pause(target)
        target.pause()
        with patches.over(target, self._decorations.covered(writing, full)):
            self._decorations.draw(writing, full)
        target.resume()

    def _peel(self, drawn: ShownLayers, paint: Paint, view: View, *, fine: bool) -> Iterator[None]:
        """Draw what can be seen through, and all lines, in their order at every pixel."""
        peeling = self._peeling = self._peeling or PeelingPass()
        draw = partial(drawn.draw_surfaces, self._surfaces, paint=paint, peels=True)
        pieces = Peeled(
            lambda view: draw(which=drawn.opaque, view=view),
            lambda view: draw(which=drawn.sheets, view=view),
            partial(drawn.draw_lines, peeling.strokes),
        )
        most = QUICK_SHEETS if drawn.is_quick else MOST_SHEETS
        return peeling.draw(view, pieces, most, fine=fine)

    def _occlude(
        self,
        shown: list[SurfaceLayer],
        all_buffers: list[LayerBuffers],
        view: View,
        frame: Frame,
        budget: int,
    ) -> Iterator[None]:
        """Bring the ambient occlusion up to date, in pieces."""

        def draw(program: Program) -> None:
            for buffers in all_buffers:
                program.use(scale=buffers.placed[0], offset=buffers.placed[1])
                buffers.surface.draw(budget)

        if self._occlusion is None:
            self._occlusion = OcclusionPass()
        states = tuple((id(x), x.version, id(x.surface), x.approach) for x in shown)
        shapes = tuple(buffers.surface.mesh_id for buffers in all_buffers)
        return self._occlusion.update(view, (states, shapes, frame, budget), draw)

    def _bound_occlusion(self) -> tuple[int, int]:
        """Bind the ambient occlusion; its size."""
        assert self._occlusion is not None
        self._occlusion.bind(OCCLUDED)
        return self._occlusion.size

    # -- caches --------------------------------------------------------------------------------

    def _color_scale(
        self, shown: list[SurfaceLayer], appearance: Appearance, frame: Frame
    ) -> ColorScale | None:
        """The colour scale of the last frame, if it would be the same."""
        states = tuple((id(layer), layer.version, id(layer.surface)) for layer in shown)
        key = (states, appearance.texture, appearance.color_range, appearance.log_colors, frame)
        if self._colors[0] != key:
            self._colors = (key, color_scale(shown, appearance, frame))
        return self._colors[1]

    def _buffers(self, scene: Scene, layer: SurfaceLayer) -> LayerBuffers:
        key = (id(scene), id(layer))
        if key not in self._held:
            self._held[key] = _Held(weakref.ref(scene), weakref.ref(layer), LayerBuffers())
        return self._held[key].buffers

    def _sweep(self) -> None:
        gone = [k for k, h in self._held.items() if h.scene() is None or h.layer() is None]
        for key in gone:
            self._held.pop(key).buffers.free()


def _path_looks(scene: Scene) -> dict[SurfaceLayer, dict[int, PathLook]]:
    """How the trajectories of each layer look, by their index."""
    paths, looks = scene.paths, dict[SurfaceLayer, dict[int, PathLook]]()
    for layer, index, number in paths:
        looks.setdefault(layer, {})[index] = PathLook(number, len(paths) > 1)
    return looks


def _paint(texture: Texture, scene: Scene, frame: Frame, colors: ColorScale | None) -> Paint:
    appearance = scene.drawn_appearance
    theme = THEMES[appearance.theme]
    if texture.paint == "one tone":
        return Paint(appearance.colormap, matte=theme.matte[:3], flat=not appearance.smooth)
    if texture.paint == "lines":  # a dark body hides the lines behind it
        return Paint(appearance.colormap, matte=theme.body[:3], unlit=0.75)
    bands = None
    if texture.paint == "bands" and colors is not None:
        bands = tuple(at for at, _ in band_edges(appearance, frame, colors))
    return Paint(
        appearance.colormap,
        appearance.reverse_colormap,
        bands,
        flat=not appearance.smooth,
        classes=texture.paint == "classes",
    )
