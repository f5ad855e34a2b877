"""What is drawn upon a surface besides its contours: the level set by hand, the rims of holes, and
the one line that a surface of a single row is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.mesh import INFINITE, DisplayMesh
from isoloss.geometry.outlines import outlines_of
from isoloss.gl.device.drawn_view import View
from isoloss.gl.layers import overlays
from isoloss.gl.primitives.lines import LinePass, LineStyle, no_segments, segments
from isoloss.scene.appearance import Appearance
from isoloss.scene.colormaps import shades
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.levels import own_height
from isoloss.scene.scene import FLOOR, Frame
from isoloss.scene.texturing import ColorScale, texture_values
from isoloss.scene.theme import Theme

Records = NDArray[np.void]


class MadeFrom:
    """What each piece on the GPU was made from, so that only what has changed is made anew."""

    def __init__(self) -> None:
        self._of: dict[str, object] = {}

    def changed(self, piece: str, made_from: object) -> bool:
        """Whether `piece` was made from something else, or never; from now on from `made_from`."""
        if piece in self._of and self._of[piece] == made_from:
            return False
        self._of[piece] = made_from
        return True


class Accents:
    """Their lines on the GPU, each made anew only when what it shows has changed."""

    def __init__(self) -> None:
        self._level, self._row = LinePass.batch(), LinePass.batch()
        self._rims, self._traces = LinePass.batch(), LinePass.batch()
        self._outlines = {kind: LinePass.batch() for kind in ("cube", "ball")}
        self._made_from = MadeFrom()

    def update(
        self,
        layer: SurfaceLayer,
        mesh: DisplayMesh,
        appearance: Appearance,
        frame: Frame,
        colors: ColorScale | None,
        theme: Theme,
        shape: object,
    ) -> None:
        """Bring them up to date; `shape` names the state of the mesh."""
        level = own_height(appearance, frame)
        if self._made_from.changed("level", (shape, level, theme)):
            levels = np.array([] if level is None else [level])
            inks = np.tile(np.array(theme.level), (len(levels), 1))
            self._level.upload(overlays.contour_segments(mesh, levels, inks))
        if self._made_from.changed("rims", (shape, theme)):
            rims, traces = hole_segments(mesh, theme)
            self._rims.upload(rims)
            self._traces.upload(traces)
        if self._made_from.changed("outlines", (shape, theme)):
            regions = outlines_of(layer.surface.meta)
            for kind, batch in self._outlines.items():
                color = theme.ball if kind == "ball" else theme.cube
                of_kind = [
                    overlays.outline_segments(mesh, one.corners, color)
                    for one in regions
                    if one.kind == kind
                ]
                batch.upload(np.concatenate([no_segments(), *of_kind]))
        palette = (appearance.colormap, appearance.reverse_colormap)
        if self._made_from.changed("row", (shape, colors, appearance.texture, palette)):
            rows = np.empty((0, 3))
            row = segments(rows, rows)
            if min(mesh.height.shape) == 1:
                values = texture_values(layer, mesh, colors, appearance)
                row = overlays.grid_segments(mesh, shades(values, *palette))
            self._row.upload(row)

    def draw_outlines(self, lines: LinePass, view: View, placed: tuple[Array, Array]) -> None:
        """Draw what is outlined on the surface."""
        unit, casing = view.scale, (*view.theme.path_casing[:3], 1.0)
        for kind, batch in self._outlines.items():
            width = 2.4 if kind == "ball" else 1.4
            cased = LineStyle(
                (width + 1.8) * unit, (1, 1, 1, 0.9), cap=1.0, bias=0.0017, toward=casing
            )
            lines.draw(batch, view, cased, placed)
            lines.draw(batch, view, LineStyle(width * unit, cap=1.0, bias=0.0021), placed)

    def draw(self, lines: LinePass, view: View, placed: tuple[Array, Array], floor: bool) -> None:
        """Draw the others; `floor` also as they lie below, on the floor of the box."""
        unit = view.scale
        if floor:
            for batch, width in ((self._traces, 1.3), (self._level, 1.8), (self._row, 1.3)):
                below = LineStyle(width * unit, (1, 1, 1, 0.85), bias=0.0006, level=FLOOR)
                lines.draw(batch, view, below, placed)
        lines.draw(self._rims, view, LineStyle(1.8 * unit, bias=0.002), placed)
        casing = (*view.theme.path_casing[:3], 1.0)
        cased = LineStyle(4.2 * unit, (1, 1, 1, 0.9), cap=1.0, bias=0.0018, toward=casing)
        lines.draw(self._level, view, cased, placed)
        lines.draw(self._level, view, LineStyle(2.4 * unit, cap=1.0, bias=0.0022), placed)
        lines.draw(self._row, view, LineStyle(3.2 * unit, cap=1.0, bias=0.001), placed)

    def free(self) -> None:
        """Give the memory back."""
        for batch in (self._level, self._row, self._rims, self._traces, *self._outlines.values()):
            batch.free()


def hole_segments(mesh: DisplayMesh, theme: Theme) -> tuple[Records, Records]:
    """Around the cells without a value: where the surface ends, and all around, flat."""
    if not mesh.holes.any():
        return no_segments(), no_segments()
    x, y = np.broadcast_arrays(mesh.x[:, None], mesh.y[None, :])
    points = np.stack([x, y, mesh.height], axis=-1)
    kinds = np.pad(mesh.holes, 1)
    starts, ends, of = [], [], []
    for first, second, one, other in (
        (points[:-1], points[1:], kinds[1:-1, :-1], kinds[1:-1, 1:]),
        (points[:, :-1], points[:, 1:], kinds[:-1, 1:-1], kinds[1:, 1:-1]),
    ):
        rim = one != other
        starts.append(first[rim])
        ends.append(second[rim])
        of.append(np.maximum(one, other)[rim])
    start, end, kind = np.concatenate(starts), np.concatenate(ends), np.concatenate(of)
    colors = np.where((kind == INFINITE)[:, None], theme.clamped, theme.quiet_ink)
    on_surface = np.isfinite(start[:, 2]) & np.isfinite(end[:, 2])
    flat = (1.0, 1.0, 0.0)
    return (
        segments(start[on_surface], end[on_surface], colors[on_surface]),
        segments(np.nan_to_num(start) * flat, np.nan_to_num(end) * flat, colors),
    )
