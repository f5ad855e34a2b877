"""The GPU's copy of one layer, brought up to date piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.mesh import DisplayMesh
from isoloss.gl.device.buffers import Quads
from isoloss.gl.layers import overlays
from isoloss.gl.layers.accents import Accents, MadeFrom
from isoloss.gl.layers.analysis import AnalysisBuffers
from isoloss.gl.layers.contour_buffers import ContourBuffers
from isoloss.gl.layers.path_buffers import PathBuffers
from isoloss.gl.layers.surfaces import SurfaceBuffers
from isoloss.gl.primitives.lines import LinePass
from isoloss.gl.primitives.markers import MarkerPass
from isoloss.scene.appearance import Appearance
from isoloss.scene.colormaps import shades
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.levels import contour_heights, contour_shades
from isoloss.scene.pins import drawn_markers
from isoloss.scene.scene import Frame, Palette
from isoloss.scene.texturing import ColorScale, shown_texture, texture_values
from isoloss.scene.theme import Theme


class LayerBuffers:
    """Everything of a layer that lives on the GPU.

    Each piece remembers what it was made from; `update` makes anew only what has changed, so an
    orbiting camera uploads nothing.

    Attributes:
        palette: the colormap that its surface is drawn with.
        opacity: of its surface and what is painted on it.
    """

    def __init__(self) -> None:
        self.surface = SurfaceBuffers()
        self.contours, self.grid = ContourBuffers(), LinePass.batch()
        self.marks = MarkerPass.batch()
        self.paths: dict[int, PathBuffers] = {}
        self.analysis = AnalysisBuffers()
        self.accents = Accents()
        self.placed: tuple[Array, Array] = (np.ones(3), np.zeros(3))
        self.palette: Palette = ("viridis", False)
        self.opacity = 1.0
        self._made_from = MadeFrom()

    def update(
        self,
        layer: SurfaceLayer,
        appearance: Appearance,
        frame: Frame,
        colors: ColorScale | None,
        theme: Theme,
        looks: Mapping[int, overlays.PathLook],
    ) -> Iterator[None]:
        """Bring the buffers up to date with the layer and how it is to be shown, in pieces.

        `looks` are those of its trajectories, by their index.
        """
        mesh = layer.mesh(frame.scale, appearance.smooth)
        self.palette = (appearance.colormap, appearance.reverse_colormap)
        self.opacity = layer.opacity
        self.placed = frame.mesh_to_world(mesh)
        shape = (layer.version, id(layer.surface), frame.scale, appearance.smooth, layer.approach)
        is_new = self._made_from.changed("shape", shape)
        if is_new:
            self.surface.upload_shape(mesh)
            yield
        texture = shown_texture([layer], appearance)
        if self._made_from.changed("values", (shape, texture, colors)):
            self.surface.upload_values(texture_values(layer, mesh, colors, appearance))
            yield
        self._update_lines(layer, mesh, appearance, frame, colors, shape)
        if is_new:
            yield
        self.accents.update(layer, mesh, appearance, frame, colors, theme, shape)
        if is_new:
            yield
        self._update_paths(layer, mesh, frame, theme, shape, looks)

    def free(self) -> None:
        """Give the memory back."""
        self.surface.free()
        self.accents.free()
        for piece in (self.contours, self.grid, self.marks, self.analysis, *self.paths.values()):
            piece.free()

    def _update_lines(
        self,
        layer: SurfaceLayer,
        mesh: DisplayMesh,
        appearance: Appearance,
        frame: Frame,
        colors: ColorScale | None,
        shape: object,
    ) -> None:
        palette = (appearance.colormap, appearance.reverse_colormap)
        wanted = appearance.contours or appearance.floor_contours
        levels = contour_heights(appearance, frame) if wanted else np.empty(0)
        height = shown_texture([layer], appearance).shows_height
        colored = contour_shades(levels, appearance, frame, colors, height)
        self.contours.update(mesh, levels, colored)
        wanted = appearance.wireframe or appearance.texture.paint == "lines"
        if wanted and self._made_from.changed("grid", (shape, palette, appearance.texture, colors)):
            values = texture_values(layer, mesh, colors, appearance)
            self._upload(self.grid, overlays.grid_segments(mesh, shades(values, *palette)))

    def _update_paths(
        self,
        layer: SurfaceLayer,
        mesh: DisplayMesh,
        frame: Frame,
        theme: Theme,
        shape: object,
        looks: Mapping[int, overlays.PathLook],
    ) -> None:
        span = (frame.alpha, frame.beta)
        for index, path in layer.shown_trajectories:
            if index not in self.paths:
                self.paths[index] = PathBuffers()
            look = looks.get(index, overlays.PathLook(index))
            if self._made_from.changed(f"path {index}", (shape, span, id(path), theme, look)):
                self.paths[index].upload(path, look, mesh, frame, theme)
        markers = drawn_markers(layer)
        if self._made_from.changed("marks", (frame.scale, span, markers, theme)):
            self._upload(self.marks, overlays.layer_marks(markers, frame, theme))

    @staticmethod
    def _upload(batch: Quads, records: NDArray[np.void]) -> None:
        batch.upload(records)
