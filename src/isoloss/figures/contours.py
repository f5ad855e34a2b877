"""The contours of a loss surface in the plane, as in the figures of papers (Li et al. 2018).

The levels, the colours and the logarithmic spacing are those of the picture in space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.figures.labels import Labels
from isoloss.figures.marks import draw_marks, draw_paths, legend_entries
from isoloss.figures.print import Print
from isoloss.figures.style import Sheet, draw_background, set_ticks, style
from isoloss.geometry.height import nice_ticks, number_label
from isoloss.geometry.mesh import DisplayMesh
from isoloss.scene.appearance import Texture
from isoloss.scene.axis_titles import axis_titles
from isoloss.scene.colormaps import shades
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.levels import contour_heights, own_height
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.texturing import ColorScale, color_scale
from isoloss.scene.theme import THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

SQUARE = (0.5, 2.0)
"""Between these ratios of its sides a plane is drawn true to scale; else as a square."""


@dataclass(frozen=True)
class Panel:
    """What one viewport shows, worked out.

    Attributes:
        levels: displayed heights in (0, 1), ascending.
        colors: from losses to positions along the colormap.
        shades: (len(levels) + 1, 4) colours of the areas between the levels.
    """

    scene: Scene
    layer: SurfaceLayer
    frame: Frame
    mesh: DisplayMesh
    levels: Array
    colors: ColorScale
    shades: Array

    @property
    def ratio(self) -> float:
        """Height to width of the plot."""
        alpha, beta = (hi - lo for lo, hi in (self.frame.alpha, self.frame.beta))
        ratio = beta / alpha if alpha > 0 else 1.0
        return ratio if SQUARE[0] <= ratio <= SQUARE[1] else 1.0

    def loss_color(self, loss: Array) -> Array:
        """(…, 4) the colours of losses."""
        look = self.scene.look
        return shades(self.colors.scale.apply(loss), look.colormap, look.reverse_colormap)


def contour_figure(views: list[Scene], sheet: Sheet, print_: Print) -> Figure:
    """A figure of 1, 2 or 4 viewports, one surface each.

    Raises:
        IsolossError: a viewport shows no surface, or several.
    """
    import matplotlib
    from matplotlib.figure import Figure

    panels = [_panel(scene) for scene in views]
    theme, look = THEMES[views[0].appearance.theme], views[0].appearance
    layout = _Layout(panels, sheet)
    with matplotlib.rc_context(style(theme, sheet)):
        figure = Figure(figsize=(sheet.width / 72, layout.height / 72), dpi=sheet.dpi)
        if not look.transparent:
            # Paper is white; only the dark theme brings its own background.
            figure.patch.set_facecolor("white" if look.theme == "light" else "none")
            if look.theme == "dark":
                draw_background(figure, theme)
        for k, panel in enumerate(panels):
            axes = figure.add_axes(layout.plot(k))
            _draw_panel(axes, panel, sheet, theme, print_, layout.lines)
            if panel.scene.appearance.scalar_bar:
                _draw_bar(figure.add_axes(layout.bar(k)), panel, sheet, theme, print_)
    return figure


def _panel(scene: Scene) -> Panel:
    shown = scene.shown
    if len(shown) != 1:
        what = "none is shown" if not shown else "several are shown: hide all but one"
        raise IsolossError(f"a contour figure is of one surface, and {what}")
    (layer,) = shown
    if min(layer.surface.shape) < 2:
        raise IsolossError(f"{layer.name} has no contours: it is thinner than 2×2 points")
    frame, look = scene.frame(), replace(scene.look, texture=Texture.HEIGHT)
    colors = color_scale(list(dict.fromkeys([layer, *scene.beside])), look, frame)
    assert colors is not None
    own = own_height(look, frame)
    levels = np.unique([*contour_heights(look, frame), *([] if own is None else [own])])
    levels = levels[(levels > 1e-9) & (levels < 1 - 1e-9)]
    edges = np.concatenate([[0.0], levels, [1.0]])
    middles = frame.scale.invert((edges[:-1] + edges[1:]) / 2)
    areas = shades(colors.scale.apply(middles), look.colormap, look.reverse_colormap)
    mesh = layer.mesh(frame.scale, look.smooth)
    return Panel(scene, layer, frame, mesh, levels, colors, areas)


class _Layout:
    """Where the plots go: everything in points, but what is handed out in shares of the figure."""

    def __init__(self, panels: list[Panel], sheet: Sheet) -> None:
        self._sheet, self._panels = sheet, panels
        em = sheet.em
        look = panels[0].scene.appearance
        self._columns, rows = min(len(panels), 2), max(1, len(panels) // 2)
        self._left = 4.7 * em if look.axes else 0.8 * em
        self._right = 5.2 * em if look.scalar_bar else 0.9 * em
        self._bottom = 3.5 * em if look.axes else 0.8 * em
        room = sheet.width / self._columns - self._left
        self.lines = max(legend_rows(p, room, em) for p in panels)
        self._top = (
            2.0 if any(p.scene.heading for p in panels) else 0.6
        ) * em + 1.45 * em * self.lines
        cell = sheet.width / self._columns
        self._width = max(cell - self._left - self._right, 0.2 * cell)
        ratio = max(panel.ratio for panel in panels)
        if sheet.height is None:
            self._plot_height = ratio * self._width
            self.height = rows * (self._plot_height + self._top + self._bottom)
        else:
            self.height = sheet.height
            room = sheet.height / rows - self._top - self._bottom
            self._plot_height = max(room, 0.2 * sheet.height / rows)

    def plot(self, k: int) -> tuple[float, float, float, float]:
        """Of the k-th panel: left, bottom, width, height."""
        x, y, width, height = self._box(k)
        return self._share(x, y, width, height)

    def bar(self, k: int) -> tuple[float, float, float, float]:
        """Of its colour bar."""
        x, y, width, height = self._box(k)
        em = self._sheet.em
        return self._share(x + width + 0.8 * em, y, 0.85 * em, height)

    def _box(self, k: int) -> tuple[float, float, float, float]:
        """The plot in points, true to its ratio within the room there is for it."""
        row, column = divmod(k, self._columns)
        ratio = self._panels[k].ratio
        width = min(self._width, self._plot_height / ratio)
        height = width * ratio
        x = column * self._sheet.width / self._columns + self._left + (self._width - width) / 2
        rows = max(1, len(self._panels) // 2)
        cell = self.height / rows
        y = self.height - row * cell - self._top - height - (self._plot_height - height) / 2
        return x, y, width, height

    def _share(
        self, x: float, y: float, width: float, height: float
    ) -> tuple[float, float, float, float]:
        whole = self._sheet.width, self.height
        return x / whole[0], y / whole[1], width / whole[0], height / whole[1]


def legend_rows(panel: Panel, width: float, em: float) -> int:
    """How many lines the legend above a plot takes."""
    look = panel.scene.appearance
    entries = legend_entries(panel.layer, look) if look.legend else []
    if not entries:
        return 0
    whole = sum((0.5 * len(text) + 3.2) * em for text, _ in entries)
    return min(len(entries), max(1, math.ceil(whole / width)))


def _draw_panel(
    axes: Axes, panel: Panel, sheet: Sheet, theme: Theme, print_: Print, lines: int
) -> None:
    look, em, unit = panel.scene.look, sheet.em, sheet.unit
    axes.set_xlim(*panel.frame.alpha)
    axes.set_ylim(*panel.frame.beta)
    _draw_areas(axes, panel, theme, unit, print_)
    _draw_lines(axes, panel, sheet, theme, print_)
    labels = Labels(axes, sheet, theme)
    draw_paths(axes, panel.layer, look, sheet, theme, labels)
    draw_marks(axes, panel.layer, look, panel.frame, sheet, theme, labels)
    if look.axes:
        set_ticks(axes.xaxis, nice_ticks(*panel.frame.alpha, 5))
        set_ticks(axes.yaxis, nice_ticks(*panel.frame.beta, 5))
        names = axis_titles([panel.layer])
        axes.set_xlabel(names[0], labelpad=0.35 * em)
        axes.set_ylabel(names[1], labelpad=0.2 * em)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    axes.spines[:].set_zorder(20)
    entries = legend_entries(panel.layer, look) if look.legend else []
    width = axes.get_position().width * sheet.width
    if entries:
        axes.legend(
            handles=[_handle(entry, unit, theme) for entry in entries],
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            bbox_transform=axes.transAxes,
            ncols=math.ceil(len(entries) / lines),
            frameon=False,
            borderaxespad=0.0,
            borderpad=0.25,
            handlelength=1.7,
            columnspacing=1.3,
            labelspacing=0.35,
            fontsize=0.95 * em,
            labelcolor=theme.quiet_ink,
        )
    if panel.scene.heading:
        axes.annotate(
            _shortened(panel.scene.heading, width + 4 * em, 1.15 * em),
            (0, 1), xycoords="axes fraction",
            xytext=(0, (0.55 + 1.45 * lines) * em), textcoords="offset points",
            ha="left", va="bottom", fontsize=1.15 * em, color=theme.ink,
        )  # fmt: skip


def _draw_areas(axes: Axes, panel: Panel, theme: Theme, unit: float, print_: Print) -> None:
    mesh = panel.mesh
    heights = np.ma.masked_invalid(mesh.height.T)
    grid = (mesh.alpha, mesh.beta)
    if print_.fill:
        edges = np.concatenate([[-1.0], panel.levels, [2.0]])
        areas = axes.contourf(*grid, heights, edges, colors=[tuple(c) for c in panel.shades])
        # Else the page shines through between neighbouring areas.
        areas.set_edgecolor("face")
        areas.set_linewidth(0.5 * unit)
    missing = mesh.computed.T < 0.5
    if missing.any():
        axes.contourf(*grid, missing, [0.5, 2], colors=[(*theme.uncomputed[:3], 0.75)])
    if (mesh.clamped >= 0.5).any():
        above = axes.contourf(*grid, mesh.clamped.T, [0.5, 2], colors=["none"], hatches=["////"])
        above.set_edgecolor((*theme.clamped[:3], 0.75))
        above.set_linewidth(0.0)


def _draw_lines(axes: Axes, panel: Panel, sheet: Sheet, theme: Theme, print_: Print) -> None:
    look, unit = panel.scene.look, sheet.unit
    if not len(panel.levels) or not (look.contours or not print_.fill):
        return
    losses = panel.frame.scale.invert(panel.levels)
    if print_.fill:
        # A darker tone of the colour, as on the surface.
        tint = np.array(theme.contour)
        colors = panel.loss_color(losses) * (*tint[:3], 1.0)
        colors[:, 3] = tint[3]
    else:
        colors = panel.loss_color(losses)
    widths = np.full(len(panel.levels), (0.75 if print_.fill else 1.7) * unit)
    own = own_height(look, panel.frame)
    if own is not None:
        widths[panel.levels == own] *= 2
    lines = axes.contour(
        panel.mesh.alpha, panel.mesh.beta, np.ma.masked_invalid(panel.mesh.height.T),
        panel.levels, colors=[tuple(c) for c in colors],
        linewidths=[float(w) for w in widths],
    )  # fmt: skip
    labelled = not print_.fill if print_.line_labels is None else print_.line_labels
    if labelled:
        step = max(1, len(panel.levels) // 7)
        chosen = panel.levels[::step]
        names: Any = {
            level: number_label(float(loss), 2)
            for level, loss in zip(panel.levels, losses, strict=True)
        }
        texts = axes.clabel(lines, chosen, fmt=names, fontsize=0.8 * sheet.em, inline_spacing=3)
        for text in texts:
            text.set_rotation_mode("anchor")


def _draw_bar(axes: Axes, panel: Panel, sheet: Sheet, theme: Theme, print_: Print) -> None:
    """The colours and what they mean, in the spacing of the heights."""
    em, look = sheet.em, panel.scene.look
    scale = panel.frame.scale
    edges = np.concatenate([[0.0], panel.levels, [1.0]])
    if print_.fill:
        for lo, hi, shade in zip(edges[:-1], edges[1:], panel.shades, strict=True):
            axes.axhspan(lo, hi, color=tuple(shade), lw=0.5 * sheet.unit)
    else:
        colors = panel.loss_color(scale.invert(np.linspace(0, 1, 256)))
        axes.imshow(colors[:, None], aspect="auto", origin="lower", extent=(0, 1, 0, 1))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([])
    ticks = scale.ticks(6)
    heights = scale.apply([t.value for t in ticks])
    axes.set_yticks([float(h) for h in heights], [t.label for t in ticks])
    axes.tick_params(axis="y", left=False, right=True, labelleft=False, labelright=True)
    axes.tick_params(axis="y", pad=0.3 * em)
    own = own_height(look, panel.frame)
    if own is not None:
        axes.axhline(own, color=theme.ink, lw=1.5 * sheet.unit)
    axes.annotate(
        panel.colors.title, (0, 1), xycoords="axes fraction",
        xytext=(0, 0.55 * em), textcoords="offset points",
        ha="left", va="bottom", color=theme.ink,
    )  # fmt: skip


def _handle(entry: tuple[str, dict[str, Any]], unit: float, theme: Theme) -> Any:
    from matplotlib.lines import Line2D

    text, look = entry
    edge = {"markeredgewidth": unit, "markeredgecolor": theme.path_casing[:3]}
    scaled: dict[str, Any] = {"lw": 1.8 * unit, "markersize": 8 * unit} | edge
    return Line2D([], [], label=text, **(scaled | look))


def _shortened(text: str, width: float, size: float) -> str:
    most = max(4, int(width / (0.52 * size)))
    return text if len(text) <= most else text[: most - 1] + "…"
