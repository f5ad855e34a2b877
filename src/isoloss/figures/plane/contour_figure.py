"""The contours of a loss surface in the plane, as in the figures of papers (Li et al. 2018).

The levels, the colours and the logarithmic spacing are those of the picture in space.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.paper import Print
from isoloss.figures.plane.class_areas import draw_classes
from isoloss.figures.plane.contour_layout import LEGEND, ContourLayout
from isoloss.figures.plane.figure_bar import draw_bar
from isoloss.figures.plane.legend_signs import Signs, SignsHandler
from isoloss.figures.plane.level_labels import Labels
from isoloss.figures.plane.marks import draw_marks, draw_paths, keep_clear, legend_entries
from isoloss.figures.plane.remarks import draw_remarks, remarks, sign_of
from isoloss.figures.plane.subplot import STEPS, Subplot, subplot_of
from isoloss.figures.sheet import (
    Sheet,
    add_legend,
    draw_background,
    set_ticks,
    styled,
)
from isoloss.geometry.ticks import Tick
from isoloss.scene.levels import own_height
from isoloss.scene.scene import Scene
from isoloss.scene.texturing import axis_titles
from isoloss.scene.theme import THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isoloss.figures.figure import Figure


MOST_LABELLED = 8
"""Levels whose loss is written on their lines."""


def contour_figure(views: list[Scene], sheet: Sheet, print_: Print) -> Figure:
    """A figure of 1, 2 or 4 viewports, one surface each.

    Raises:
        IsolossError: a viewport shows no surface, or several.
    """
    from isoloss.figures.figure import Figure

    subplots = [subplot_of(scene, print_) for scene in views]
    theme, appearance = THEMES[views[0].appearance.theme], views[0].appearance
    with styled(theme, sheet):
        figure = Figure(figsize=(sheet.width / 72, 1), dpi=sheet.dpi)
        layout = ContourLayout(subplots, sheet, figure, print_)
        figure.set_size_inches(sheet.width / 72, layout.height / 72)
        if not appearance.transparent:
            # Paper is white; only the dark theme brings its own background.
            figure.patch.set_facecolor("white" if appearance.theme == "light" else "none")
            if appearance.theme == "dark":
                draw_background(figure, theme)
        for k, subplot in enumerate(subplots):
            axes = figure.add_axes(layout.plot(k))
            _draw_subplot(axes, subplot, sheet, theme, print_, layout, layout.ticks(k))
            layout.write_heading(k, axes, theme)
            if subplot.scene.appearance.scalar_bar:
                bar = figure.add_axes(layout.bar(k))
                draw_bar(bar, subplot, sheet, theme, print_, layout.reading(k))
    return figure


def _draw_subplot(
    axes: Axes,
    subplot: Subplot,
    sheet: Sheet,
    theme: Theme,
    print_: Print,
    layout: ContourLayout,
    ticks: tuple[list[Tick], list[Tick]],
) -> None:
    appearance, em, unit = subplot.scene.drawn_appearance, sheet.em, sheet.unit
    axes.set_xlim(*subplot.frame.alpha)
    axes.set_ylim(*subplot.frame.beta)
    _draw_areas(axes, subplot, theme, unit, print_)
    labels = Labels(axes, sheet, theme)
    keep_clear(labels, subplot.layer, appearance, subplot.frame)
    _draw_lines(axes, subplot, sheet, theme, print_, labels)
    draw_remarks(axes, subplot, theme, unit)
    draw_paths(axes, subplot.layer, appearance, sheet, theme, labels)
    draw_marks(axes, subplot.layer, appearance, subplot.frame, sheet, theme, labels)
    if appearance.axes:
        set_ticks(axes.xaxis, ticks[0])
        set_ticks(axes.yaxis, ticks[1])
        names = axis_titles([subplot.layer], subplot.frame)
        axes.set_xlabel(names[0], labelpad=0.35 * em)
        axes.set_ylabel(names[1], labelpad=0.2 * em)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    axes.spines[:].set_zorder(20)
    handles = _handles(subplot, unit, theme, layout.is_terse) if appearance.legend else []
    if handles:
        add_legend(
            axes,
            handles,
            handler_map={Signs: SignsHandler()},
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            bbox_transform=axes.transAxes,
            ncols=math.ceil(len(handles) / layout.lines),
            frameon=False,
            borderaxespad=0.0,
            borderpad=0.25,
            handlelength=1.7,
            columnspacing=1.3,
            labelspacing=0.35,
            fontsize=LEGEND * em,
            labelcolor=theme.quiet_ink,
        )


def _draw_areas(axes: Axes, subplot: Subplot, theme: Theme, unit: float, print_: Print) -> None:
    mesh = subplot.mesh
    grid = (mesh.alpha, mesh.beta)
    if not print_.fill:
        return
    if subplot.colors.classes:
        draw_classes(axes, subplot, theme, unit)
        return
    if subplot.field is None:
        heights, shades = mesh.height, subplot.shades
        edges = np.concatenate([[-1.0], subplot.levels, [2.0]])
    else:
        heights = np.where(np.isnan(mesh.height), np.nan, subplot.field)
        inner = np.linspace(0, 1, STEPS + 1)
        shades = subplot.tones((inner[1:] + inner[:-1]) / 2)
        edges = np.array([-1.0, *inner[1:-1], 2.0])
        # Grey where it is not known.
        known = np.isfinite(mesh.height).T
        axes.contourf(*grid, known, [0.5, 2], colors=[(0.5, 0.5, 0.5)], corner_mask=False)
    values = np.ma.masked_invalid(heights.T)
    colors = [tuple(c) for c in shades]
    areas = axes.contourf(*grid, values, edges, colors=colors, corner_mask=False)
    # Else the page shines through between neighbouring areas.
    areas.set_edgecolor("face")
    areas.set_linewidth(0.5 * unit)


def _draw_lines(
    axes: Axes, subplot: Subplot, sheet: Sheet, theme: Theme, print_: Print, labels: Labels
) -> None:
    appearance, unit = subplot.scene.drawn_appearance, sheet.unit
    if not len(subplot.levels) or not (appearance.contours or not print_.fill):
        return
    colors = subplot.level_colors()
    if print_.fill and subplot.is_bright:
        # A darker tone of the colour, as on the surface.
        colors = colors * (*theme.contour[:3], 1.0)
    if print_.fill:
        colors[:, 3] = theme.contour[3]
    widths = np.full(len(subplot.levels), (0.75 if print_.fill else 1.7) * unit)
    own = own_height(appearance, subplot.frame)
    if own is not None:
        widths[subplot.levels == own] *= 2
    lines = axes.contour(
        subplot.mesh.alpha, subplot.mesh.beta, np.ma.masked_invalid(subplot.mesh.height.T),
        subplot.levels, colors=[tuple(c) for c in colors],
        linewidths=[float(w) for w in widths],
    )  # fmt: skip
    is_unexplained = not print_.fill or subplot.field is not None
    labelled = is_unexplained if print_.line_labels is None else print_.line_labels
    if labelled:
        _label_lines(axes, lines, subplot, 0.8 * sheet.em, labels)


def _label_lines(axes: Axes, lines: Any, subplot: Subplot, size: float, labels: Labels) -> None:
    """Write the losses of some levels on their lines, where there is room."""
    places: list[tuple[float, float]] = []
    names: Any = dict(subplot.read_at(MOST_LABELLED))
    pieces = dict(zip(subplot.levels.tolist(), lines.allsegs, strict=True))
    for level, name in names.items():
        for line in pieces[level]:
            at = labels.on_line(name, line[:, 0], line[:, 1], size)
            places += [] if at is None else [at]
    written = axes.clabel(
        lines, list(names), fmt=names, fontsize=size, inline_spacing=3, manual=places
    )
    for text in written:
        text.set_rotation_mode("anchor")


def _handles(subplot: Subplot, unit: float, theme: Theme, is_terse: bool) -> list[Any]:
    """The entries of the legend, as the layout has their texts."""
    named = legend_entries(subplot.scene)
    signs = [sign_of(remark, theme, unit) for remark in remarks(subplot, is_terse)]
    return [Signs(entry, theme, unit) for entry in named] + signs
