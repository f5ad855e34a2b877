"""The GPU's copy of one layer, brought up to date piece by piece."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.mesh import DisplayMesh
from isoloss.gl import overlays
from isoloss.gl.buffers import Instances
from isoloss.gl.lines import LinePass, no_segments
from isoloss.gl.markers import MARK, MarkerPass
from isoloss.gl.surfaces import SurfaceBuffers
from isoloss.scene.appearance import Appearance, Texture
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Frame
from isoloss.scene.texturing import ColorScale, shown_texture, texture_values
from isoloss.scene.theme import Theme

Array = NDArray[np.float64]


class LayerBuffers:
    """Everything of a layer that lives on the GPU.

    Each piece remembers what it was made from; `update` makes anew only what has changed, so an
    orbiting camera uploads nothing.
    """

    def __init__(self) -> None:
        self.surface = SurfaceBuffers()
        self.contours, self.grid = LinePass.batch(), LinePass.batch()
        self.path, self.stems = LinePass.batch(), LinePass.batch()
        self.path_marks, self.marks = MarkerPass.batch(), MarkerPass.batch()
        self.placed: tuple[Array, Array] = (np.ones(3), np.zeros(3))
        self._made_from: dict[str, object] = {}

    def update(
        self,
        layer: SurfaceLayer,
        look: Appearance,
        frame: Frame,
        colors: ColorScale | None,
        theme: Theme,
    ) -> None:
        """Bring the buffers up to date with the layer and how it is to be shown."""
        mesh = layer.mesh(frame.scale, look.smooth)
        self.placed = frame.mesh_to_world(mesh)
        shape = (layer.version, id(layer.surface), frame.scale, look.smooth)
        if self._changed("shape", shape):
            self.surface.upload_shape(mesh)
        texture = shown_texture([layer], look)
        if self._changed("values", (shape, texture, colors)):
            self.surface.upload_values(texture_values(layer, mesh, colors, look))
        self._update_lines(layer, mesh, look, frame, colors, shape)
        self._update_path(layer, mesh, frame, theme, shape)

    def free(self) -> None:
        """Give the memory back."""
        self.surface.free()
        for batch in (self.contours, self.grid, self.path, self.stems, self.path_marks, self.marks):
            batch.free()

    def _update_lines(
        self,
        layer: SurfaceLayer,
        mesh: DisplayMesh,
        look: Appearance,
        frame: Frame,
        colors: ColorScale | None,
        shape: object,
    ) -> None:
        palette = (look.colormap, look.reverse_colormap)
        wanted = look.contours or look.floor_contours
        levels = overlays.contour_heights(look, frame) if wanted else np.empty(0)
        if self._changed("contours", (shape, palette, levels.tobytes())):
            shades = overlays.shades(levels, *palette)
            self._upload(self.contours, overlays.contour_segments(mesh, levels, shades))
        wanted = look.wireframe or look.texture is Texture.WIREFRAME
        if wanted and self._changed("grid", (shape, palette, look.texture, colors)):
            values = texture_values(layer, mesh, colors, look)
            self._upload(self.grid, overlays.grid_segments(mesh, overlays.shades(values, *palette)))

    def _update_path(
        self, layer: SurfaceLayer, mesh: DisplayMesh, frame: Frame, theme: Theme, shape: object
    ) -> None:
        span = (frame.alpha, frame.beta)
        path = layer.trajectory
        if self._changed("path", (shape, span, id(path), theme)):
            if path is None or not len(path):
                for batch in (self.path, self.stems):
                    batch.upload(no_segments())
                self.path_marks.upload(np.empty(0, MARK))
            else:
                points = overlays.path_points(path, frame)
                self._upload(self.path, overlays.path_segments(points))
                unstretched = Frame(frame.alpha, frame.beta, frame.scale).top
                stems = overlays.stem_segments(points, mesh, frame, unstretched)
                self._upload(self.stems, stems)
                self._upload(self.path_marks, overlays.path_marks(path, points, theme))
        if self._changed("marks", (frame.scale, span, layer.markers, theme)):
            self._upload(self.marks, overlays.layer_marks(layer.markers, frame, theme))

    def _changed(self, piece: str, made_from: object) -> bool:
        if piece in self._made_from and self._made_from[piece] == made_from:
            return False
        self._made_from[piece] = made_from
        return True

    @staticmethod
    def _upload(batch: Instances, records: NDArray[np.void]) -> None:
        batch.upload(records)
