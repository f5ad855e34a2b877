"""A surface in space as matplotlib draws it: for figures that go on in matplotlib.

Heights, colours, contours and paths are those of the other pictures, which hide better what lies
behind what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.figures.paper import Print
from isoloss.figures.plane.figure_bar import Reading, draw_bar
from isoloss.figures.plane.marks import SYMBOLS
from isoloss.figures.plane.subplot import Subplot, subplot_of
from isoloss.figures.sheet import (
    Sheet,
    draw_background,
    fitted_lines,
    set_ticks,
    styled,
    text_width,
)
from isoloss.geometry.arrays import Array
from isoloss.geometry.height import HeightScale
from isoloss.geometry.mesh import BOX_HEIGHT, every
from isoloss.geometry.ticks import Tick
from isoloss.scene.legend import ends_of
from isoloss.scene.scene import Scene
from isoloss.scene.texturing import axis_titles
from isoloss.scene.theme import THEMES, Theme

if TYPE_CHECKING:
    from isoloss.figures.figure import Figure

MOST = 96
"""Cells along an axis: matplotlib sorts them one by one."""
ASPECT = 0.72
"""Height to width."""
HEADING = 1.3
"""Its size in em."""
_LIGHT = np.array([-0.35, -0.45, 0.82])


def space_figure(scene: Scene, sheet: Sheet, print_: Print) -> Figure:
    """A figure of one surface, seen from where the camera of `scene` is.

    Raises:
        IsolossError: none is shown, or several.
    """
    from isoloss.figures.figure import Figure

    subplot = subplot_of(scene, print_)
    appearance, theme, em = scene.appearance, THEMES[scene.appearance.theme], sheet.em
    width, height = sheet.width, sheet.height or ASPECT * sheet.width
    with styled(theme, sheet):
        figure = Figure(figsize=(width / 72, height / 72), dpi=sheet.dpi)
        if appearance.theme == "dark" and not appearance.transparent:
            draw_background(figure, theme)
        reading = Reading.of(subplot, print_) if appearance.scalar_bar else None
        beside = reading.breadth(lambda t: text_width(figure, t, em), em) if reading else 0.0
        room = width - 2.8 * em
        lines = fitted_lines(figure, scene.heading, 2, room, HEADING * em) if scene.heading else []
        for k, line in enumerate(lines):
            at = 1.4 * em / width, 1 - (1.2 + 1.6 * k) * em / height
            figure.text(*at, line, va="top", fontsize=HEADING * em, color=theme.ink)
        top = 1 - (1.2 + 1.6 * len(lines)) * em / height
        axes: Any = figure.add_axes(
            (0.0, 0.0, 1 - beside / width, top), projection="3d", computed_zorder=False
        )
        _draw(axes, subplot, sheet, theme)
        if reading is not None:
            tall = min(0.55 * height, 16 * em)
            place = 1 - beside / width, top - (reading.head * em + tall) / height
            bar = figure.add_axes((*place, 0.9 * em / width, tall / height))
            draw_bar(bar, subplot, sheet, theme, print_, reading)
    return figure


def _draw(axes: Any, subplot: Subplot, sheet: Sheet, theme: Theme) -> None:
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    scene, frame = subplot.scene, subplot.frame
    axes.set_proj_type("ortho" if scene.camera.orthographic else "persp", 1 / np.tan(0.227))
    axes.view_init(scene.camera.elevation, scene.camera.azimuth - 90)
    axes.set_box_aspect((2, 2, frame.top), zoom=1.02)
    axes.patch.set_visible(False)
    axes.set_xlim(*frame.alpha)
    axes.set_ylim(*frame.beta)
    axes.set_zlim(0, 1)
    if scene.appearance.floor_contours and len(subplot.levels):
        axes.contour(
            subplot.mesh.alpha, subplot.mesh.beta, np.ma.masked_invalid(subplot.mesh.height.T),
            subplot.levels, colors=[tuple(c) for c in subplot.level_colors()], offset=0.0,
            linewidths=sheet.unit, zorder=1,
        )  # fmt: skip
    corners, colors = _cells(subplot)
    axes.add_collection3d(
        Poly3DCollection(
            corners, facecolors=colors, edgecolors=colors, linewidths=0.3 * sheet.unit, zorder=2
        )
    )
    if scene.appearance.trajectory:
        _draw_paths(axes, subplot, sheet, theme)
    if scene.appearance.axes:
        _set_axes(axes, subplot, sheet, theme)
    else:
        axes.set_axis_off()


def _cells(subplot: Subplot) -> tuple[Array, Array]:
    """(F, 4, 3) corners of the cells that have no hole, and (F, 4) their colours in the light."""
    mesh = subplot.mesh
    rows, columns = (every(max(1, -(-n // MOST)), n) for n in mesh.height.shape)
    kept = np.ix_(rows, columns)
    height = mesh.height[kept]
    field = subplot.field
    if field is None:
        position = subplot.colors.scale.apply(subplot.frame.scale.invert(height))
    else:
        position = field[kept]
    a, b = np.meshgrid(mesh.alpha[rows], mesh.beta[columns], indexing="ij")
    corners = np.stack([_around(part) for part in (a, b, height)], axis=-1)
    middle = _around(position).mean(axis=-1)
    slopes = [_around(s[kept]).mean(axis=-1) for s in (mesh.slope_x, mesh.slope_y)]
    whole = np.isfinite(corners).all(axis=(-1, -2))
    light = _light(*slopes)[..., None]
    colors = subplot.tones(middle) * np.concatenate([light] * 3 + [np.ones_like(light)], axis=-1)
    return corners[whole], np.clip(colors[whole], 0, 1)


def _around(values: Array) -> Array:
    """(P-1, Q-1, 4) those at the corners of each cell, in turn."""
    return np.stack([values[:-1, :-1], values[1:, :-1], values[1:, 1:], values[:-1, 1:]], axis=-1)


def _light(slope_x: Array, slope_y: Array) -> NDArray[np.float64]:
    normal = np.stack([-BOX_HEIGHT * slope_x, -BOX_HEIGHT * slope_y, np.ones_like(slope_x)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return 0.62 + 0.42 * np.clip(normal @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)


def _draw_paths(axes: Any, subplot: Subplot, sheet: Sheet, theme: Theme) -> None:
    unit, scale = sheet.unit, subplot.frame.scale
    for index, path in subplot.layer.shown_trajectories:
        at = path.alpha, path.beta, scale.apply(path.loss)
        axes.plot(*at, color=theme.path_casing, lw=4 * unit, zorder=6)
        axes.plot(
            *at, color=theme.path_color(index), lw=1.9 * unit, marker="o", markersize=3.6 * unit,
            markeredgewidth=0, zorder=7,
        )  # fmt: skip
        for end, shape, size in zip((0, -1), ends_of(index), (8, 13), strict=True):
            axes.plot(
                *(part[[end]] for part in at), marker=SYMBOLS[shape], markersize=size * unit,
                color=theme.path_color(index), markeredgecolor=theme.path_casing,
                markeredgewidth=0.9 * unit, zorder=8,
            )  # fmt: skip


def _set_axes(axes: Any, subplot: Subplot, sheet: Sheet, theme: Theme) -> None:
    frame, em = subplot.frame, sheet.em
    spans = (HeightScale("linear", *frame.alpha), HeightScale("linear", *frame.beta), frame.scale)
    names = axis_titles([subplot.layer], frame)
    for axis, scale, name, is_height in zip(
        (axes.xaxis, axes.yaxis, axes.zaxis), spans, names, (False, False, True), strict=True
    ):
        ticks = scale.ticks(5)
        set_ticks(axis, [Tick(float(scale.apply(t.value)), t.label) for t in ticks]
                  if is_height else ticks)  # fmt: skip
        axis.set_tick_params(pad=-0.2 * em, labelcolor=theme.quiet_ink)
        axis.set_label_text(name, color=theme.ink)
        axis.labelpad = -0.2 * em
        axis.set_pane_color((0, 0, 0, 0))
        axis.line.set_color(theme.box)
        axis._axinfo["grid"].update(color=theme.grid, linewidth=sheet.unit)
