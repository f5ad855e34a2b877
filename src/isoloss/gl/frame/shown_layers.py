"""The layers of one frame: their surfaces, and the lines that belong to them, in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from isoloss.gl.device.buffers import Quads
from isoloss.gl.device.drawn_view import View
from isoloss.gl.layers.layer_buffers import LayerBuffers
from isoloss.gl.layers.layer_lines import draw_contours, draw_paths
from isoloss.gl.layers.surfaces import Paint, SurfacePass, resolution_of
from isoloss.gl.primitives.cased_strokes import Strokes
from isoloss.gl.primitives.lines import LineStyle
from isoloss.scene.colormaps import OWN
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.legend import tone
from isoloss.scene.scene import Frame, Palette, Scene
from isoloss.scene.textures import Texture


@dataclass(frozen=True)
class ShownLayers:
    """What of a scene is drawn in one frame, its buffers being up to date.

    Attributes:
        layers, buffers: all of them; a surface that several share is drawn for one of them.
        box: the edges of the box, where it is drawn.
        budget: vertices an axis.
        is_quick: without what takes long and is hardly seen while things move.
        lights_vertices: instead of pixels.
        simplifies: whether triangles that make no difference are left out.
    """

    scene: Scene
    layers: list[SurfaceLayer]
    buffers: list[LayerBuffers]
    texture: Texture
    frame: Frame
    box: Quads | None
    budget: int
    is_quick: bool
    lights_vertices: bool
    simplifies: bool

    @property
    def different(self) -> list[LayerBuffers]:
        """Those that look different: a surface that several layers share is drawn once, as opaque
        as the most opaque of them."""
        first: dict[object, LayerBuffers] = {}
        for layer, of_layer in zip(self.layers, self.buffers, strict=True):
            alone = layer.derived is not None or layer.approach < 1
            drawn = first.setdefault(id(layer) if alone else id(layer.surface), of_layer)
            drawn.opacity = max(drawn.opacity, of_layer.opacity)
        return list(first.values())

    @property
    def opaque(self) -> list[LayerBuffers]:
        """Those whose surfaces hide what lies behind them."""
        return [buffers for buffers in self.different if buffers.opacity >= 1]

    @property
    def sheets(self) -> list[LayerBuffers]:
        """Those whose surfaces can be seen through."""
        return [buffers for buffers in self.different if buffers.opacity < 1]

    def draw_surfaces(
        self,
        surfaces: SurfacePass,
        which: list[LayerBuffers],
        paint: Paint,
        view: View,
        *,
        peels: bool = False,
        before: Callable[[], object] = bool,
    ) -> Iterator[None]:
        """Draw the surfaces of some buffers.

        Args:
            peels: leave out what is peeled away, and let what lies behind be seen.
            before: binds what each piece needs.
        """
        for buffers in which:
            resolution = None
            if not self.is_quick and self.simplifies and not paint.flat:
                resolution = resolution_of(view, buffers.placed)
            parts: list[slice | None] = [None]
            if not self.is_quick:
                parts = [*buffers.surface.parts(self.budget, resolution)]
                yield
            tinted = _tinted(paint, buffers.palette)
            if peels:
                tinted = replace(tinted, opacity=buffers.opacity)
            for piece in parts:
                before()
                surfaces.draw(
                    buffers.surface,
                    view,
                    tinted,
                    buffers.placed,
                    self.budget,
                    piece,
                    self.lights_vertices,
                    resolution,
                )
                if len(parts) > 1:
                    yield

    def draw_lines(self, strokes: Strokes, view: View) -> Iterator[None]:
        """Draw the box, and the lines and markers of all layers."""
        if self.box is not None:
            strokes.lines.draw(self.box, view, LineStyle(1.0 * view.scale))
        for buffers in self.different:
            contours = buffers.contours.quick if self.is_quick else buffers.contours.batch
            draw_contours(strokes, buffers, contours, self.scene, view, self.texture)
        yield
        for layer, buffers in zip(self.layers, self.buffers, strict=True):
            draw_paths(strokes, layer, buffers, self.scene, view, self.frame)
            buffers.analysis.draw(self.scene, view, self.frame, strokes)


def _tinted(paint: Paint, palette: Palette) -> Paint:
    """In the colours of one surface among several."""
    name, reverse = palette
    if name not in OWN:
        return paint
    matte = paint.matte if paint.matte is None or paint.unlit else tone(palette)[:3]
    return replace(paint, colormap=name, reverse=reverse, matte=matte)
